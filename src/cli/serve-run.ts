/**
 * What `wb serve` does: takes the state directory for itself, sets up what is not set up, starts the server, says where it is,
 * and ends it in order at a signal.
 */
import { join } from "node:path";
import { makePrivateDirectory } from "../lib/directories.ts";
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import type { ExclusiveLock } from "../model/history.ts";
import { VERSION } from "../model/version.ts";
import { createFileLock } from "../platform/lock.ts";
import { stateDirectory } from "../platform/paths.ts";
import type { ServerClock } from "../server/context.ts";
import { createServerLog } from "../server/log.ts";
import { startServer, type RunningServer } from "../server/run.ts";
import { openFleetStore } from "../store/fleet/open.ts";
import { webAssets } from "../web/embedded.ts";
import { say, sayLines, standardOutput, warn } from "./output.ts";
import type { ServeOptions } from "./serve-options.ts";
import { setUp } from "./serve-setup.ts";
import { stopSignal } from "./stop-signal.ts";

const clock: ServerClock = { now: () => Date.now(), monotonicMs: () => performance.now() };

/** @throws WbError where it can't start: the directory is in use, a file is damaged, the port is taken. */
export async function runServer(options: ServeOptions): Promise<void> {
  for (const warning of options.warnings) warn(warning);
  makeStateDirectory(options.stateDirectory);
  const lock = lockOf(options.stateDirectory);
  try {
    const server = await start(options);
    using stop = stopSignal({ durationMs: undefined, once: false });
    await tell(server, options);
    if (!stop.signal.aborted) await ended(stop.signal);
    if (!options.jsonLog) say("stopping: what runs is answered first");
    await server.stop();
  } finally {
    lock.release();
  }
}

function makeStateDirectory(path: string): void {
  try {
    makePrivateDirectory(path, 4); // ~/.local/state/wirebound/serve
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WbError("storage", `cannot make ${path}: ${reason}`, {
      cause,
      hint: "name another place with --state-dir DIRECTORY",
    });
  }
}

function lockOf(stateDirectory: string): ExclusiveLock {
  const lock = createFileLock(join(stateDirectory, "lock"));
  if (lock.tryAcquire()) return lock;
  throw new WbError("unavailable", `another \`wb serve\` works in ${stateDirectory}`, {
    hint: "end it first, or give this one a directory of its own with --state-dir DIRECTORY",
  });
}

async function start(options: ServeOptions): Promise<RunningServer> {
  const isTerminal = process.stdin.isTTY && process.stdout.isTTY;
  const store = await openFleetStore(join(options.stateDirectory, "fleet.db"), {
    onSetAside: (path) => warn(`the database was damaged: it is set aside as ${path}, and a new one begun`),
    onTrouble: warn,
  });
  try {
    const { name, port } = await setUp(store, options, isTerminal);
    return await startServer({
      store,
      stateDirectory: options.stateDirectory,
      name,
      listen: { host: options.listen.host, port },
      publicAddresses: options.publicAddresses,
      retentionMs: options.retentionMs,
      mdns: options.mdns,
      upstream: options.upstream,
      assets: await webAssets(),
      clock,
      log: createServerLog({
        level: options.logLevel,
        form: options.jsonLog ? "json" : "text",
        isJournal: (process.env["JOURNAL_STREAM"] ?? "") !== "",
        clock,
        write: (line) => sayLines([line]),
      }),
    });
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** On standard output: what programs and people need to reach it. */
async function tell(server: RunningServer, options: ServeOptions): Promise<void> {
  const { name, url, port, pin, parentId, addresses } = server;
  if (options.jsonLog) {
    await standardOutput.write(
      `${JSON.stringify({ name, version: VERSION, url, port, pin, parentId, addresses })}\n`,
    );
    return;
  }
  const lines = [
    `WireBound ${VERSION}: parent ${printable(name)}`,
    `  page and API   ${url}`,
    ...addresses.map((each, index) => `  ${index === 0 ? "for agents    " : "              "} ${each}`),
    `  pin of its key ${pin}`,
    "",
    "To let a machine join:",
    `  here           wb serve token create${stateDirectoryFlag(options.stateDirectory)}`,
    "  there          wb agent join TOKEN",
  ];
  await standardOutput.write(`${lines.join("\n")}\n`);
}

/** What a command line needs to find a parent that is not in its usual place. */
function stateDirectoryFlag(path: string): string {
  if (path === join(stateDirectory(), "serve")) return "";
  return ` --state-dir ${/^[\w./@+-]+$/.test(path) ? path : `'${printable(path).replaceAll("'", "'\\''")}'`}`;
}

function ended(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
}
