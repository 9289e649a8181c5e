/**
 * What `wb helper --elevated` does: wires the kernel's counting, the socket and the log together and serves until it is
 * told to stop. It imports nothing that the privileged process does not need: no server, no screen, no database.
 */
import { openEbpfSource } from "../capture/linux/ebpf/source.ts";
import { launchRefusal } from "../helper/launch.ts";
import { createLog } from "../helper/log.ts";
import { runHelper } from "../helper/run.ts";
import { systemClock } from "../lib/clock.ts";
import { WbError } from "../model/errors.ts";
import { SERVICE_SECRET, SERVICE_SOCKET } from "../platform/helper-service.ts";
import type { HelperSettings } from "./helper-options.ts";
import { sayLines, standardOutput } from "./output.ts";
import { leaveTerminalToParent, stopSignal } from "./stop-signal.ts";

/**
 * Runs until a signal, or in the launched mode until standard input ends.
 * @throws WbError where it can't do its work; in the launched mode the monitor is told the same first.
 */
export async function runElevated(settings: HelperSettings): Promise<void> {
  const log = createLog({
    level: settings.logLevel,
    form: settings.jsonLog ? "json" : "text",
    isJournal: (process.env["JOURNAL_STREAM"] ?? "") !== "",
    clock: systemClock,
    write: (line) => sayLines([line]),
  });
  const { launched } = settings;
  if (launched) leaveTerminalToParent();
  using stop = stopSignal({
    durationMs: undefined,
    once: false,
    signals: launched ? ["SIGTERM"] : undefined,
  });
  const input = (): AsyncIterable<Uint8Array> => Bun.stdin.stream();
  const answer = (line: string): Promise<void> => standardOutput.write(line);
  try {
    await runHelper({
      launched: settings.launched ? { input, answer } : undefined,
      socketPath: settings.socketPath ?? SERVICE_SOCKET,
      secretPath: settings.secretPath ?? SERVICE_SECRET,
      sessionLifetimeMs: settings.sessionLifetimeMs,
      openSource: () => openEbpfSource(settings.source),
      clock: systemClock,
      log,
      stop: stop.signal,
    });
  } catch (error) {
    if (!settings.launched) throw error;
    await answer(launchRefusal(error));
    throw error instanceof WbError ? error : new WbError("internal", String(error), { cause: error });
  }
}
