/**
 * The whole life of a helper, in an order that matters: look whether it may do its work and was started cleanly; give up
 * gaining privileges; load the kernel programs; listen; give up what loading needed; serve; and leave nothing behind.
 */
import { groupIdOf } from "../capture/linux/groups.ts";
import { ProcFiles } from "../capture/linux/proc-files.ts";
import { ProcessRows } from "../capture/linux/process-rows.ts";
import type { Clock } from "../lib/clock.ts";
import { WbError } from "../model/errors.ts";
import {
  capabilities,
  hasCapability,
  keepOnly,
  mapsNeedPrivilege,
  refuseNewPrivileges,
  type Capability,
} from "../platform/capabilities.ts";
import { dangerousVariables, startingVariables } from "../platform/dangerous-environment.ts";
import { releaseCleanPages, releaseSpareBuffers } from "../platform/resident-memory.ts";
import { nameProcess, restart } from "../platform/restart.ts";
import { filterSystemCalls } from "../platform/system-call-filter.ts";
import { unixTransport } from "../platform/unix-transport.ts";
import { makeRandomBytes } from "../protocol/helper/handshake.ts";
import { REQUEST_BYTES_MAX, RESPONSE_BYTES_MAX } from "../protocol/helper/messages.ts";
import type { Access } from "./authentication.ts";
import { type LaunchOrder, launchAnswer, lineOfLife, parseLaunchOrder } from "./launch.ts";
import type { HelperLog } from "./log.ts";
import { peerFacts } from "./peers.ts";
import { type HelperPlace, launchedPlace, removeLeftBehind, servicePlace } from "./places.ts";
import { HelperServer } from "./server.ts";
import type { HelperSource } from "./source.ts";

/** Members of this group may use the service. */
export const GROUP_NAME = "wirebound";
const SECRET_BYTES = 32;
const UMASK = 0o077;
const PROCESS_NAME = "wb helper";
/**
 * The engine's optimizing compilers take 7 MB of memory that a program which mostly waits does not need. They can only be
 * left out before the engine begins, so the helper starts itself once more.
 */
const FRUGAL = { name: "BUN_JSC_useDFGJIT", value: "0" } as const;
/** Pages that were touched once are given back so often. */
const RELEASE_MS = 10_000;
/** Buffers of answers are empty again when they are sent: given back as often. */
const RELEASE_BUFFERS_MS = 100;
/** Once when everything that a first session needs is there. */
const RELEASE_FIRST_MS = 3000;

/** Standard input and output, where a monitor is at their other ends. */
export interface LaunchedEnds {
  /** Nobody has begun to read it before this is called. */
  readonly input: () => AsyncIterable<Uint8Array>;
  readonly answer: (line: string) => Promise<void>;
}

export interface HelperOptions {
  /** Undefined: as a service or by hand. */
  readonly launched: LaunchedEnds | undefined;
  readonly socketPath: string;
  readonly secretPath: string;
  readonly sessionLifetimeMs: number;
  readonly openSource: () => HelperSource;
  readonly clock: Clock;
  readonly log: HelperLog;
  /** Aborts when a signal asks it to end. */
  readonly stop: AbortSignal;
}

/** @throws WbError where it may not or can't do its work; nothing is left behind then. */
export async function runHelper(options: HelperOptions): Promise<void> {
  checkPrivileges();
  checkEnvironment(options.log);
  if (process.env[FRUGAL.name] !== FRUGAL.value) {
    restart({ ...definedVariables(), [FRUGAL.name]: FRUGAL.value }); // where it fails, it is only larger
  }
  nameProcess(PROCESS_NAME);
  process.umask(UMASK);
  refuseNewPrivileges();
  using files = new ProcFiles();
  const processes = new ProcessRows(files);
  const removed = removeLeftBehind(processes);
  if (removed.length > 0)
    options.log.say("info", "removed what killed helpers left", { count: removed.length });
  const { launched } = options;
  if (launched === undefined) {
    const { socketPath, secretPath } = options;
    const groupId = groupIdOf(GROUP_NAME);
    const place = servicePlace({ socketPath, secretPath, groupId });
    const access: Access = { userIds: [], groupId, clientPid: undefined };
    await serve(options, { processes, place, access, secret: makeRandomBytes(SECRET_BYTES) }, []);
    return;
  }
  const life = lineOfLife(launched.input());
  const order = parseLaunchOrder(await life.line);
  checkLauncher(order, processes);
  const access: Access = { userIds: [order.userId], groupId: undefined, clientPid: order.clientPid };
  const place = launchedPlace(order.userId, processes);
  await serve(options, { processes, place, access, secret: order.secret }, [life.ended]);
}

function definedVariables(): Record<string, string> {
  const entries = Object.entries(process.env);
  return Object.fromEntries(entries.filter((entry): entry is [string, string] => entry[1] !== undefined));
}

/** Variables that steer the loader, the runtime or the C library have no place where a program is privileged. */
function checkEnvironment(log: HelperLog): void {
  const ownOne = process.env[FRUGAL.name] === FRUGAL.value ? FRUGAL.name : undefined;
  const variables = dangerousVariables(startingVariables()).filter((name) => name !== ownOne);
  if (variables.length === 0) return;
  log.say("error", "refused", { reason: "environment", variables: variables.join(",") });
  throw new WbError(
    "unavailable",
    `the helper refuses to work with ${variables.join(", ")} in its environment`,
    {
      hint: "start it with a clean one: sudo env -i /path/to/wb helper --elevated",
    },
  );
}

function checkPrivileges(): void {
  const { effective } = capabilities();
  const isRoot = process.geteuid?.() === 0;
  const mayLoad = hasCapability(effective, "sysAdmin") || hasCapability(effective, "bpf");
  if (isRoot && mayLoad) return;
  throw new WbError("permission", "the helper has to be root, to load its programs into the kernel", {
    hint: isRoot
      ? "this root lacks CAP_BPF and CAP_SYS_ADMIN: run it outside of the container"
      : "sudo wb helper --elevated",
  });
}

/** The monitor must be what it says: an ancestor of this process, of that user. */
function checkLauncher({ clientPid, userId }: LaunchOrder, processes: ProcessRows): void {
  const facts = peerFacts(processes);
  if (facts.isAncestor(clientPid) && facts.groups(clientPid)?.userId === userId) return;
  throw new WbError("permission", "the helper was not started by the monitor that gives it orders", {
    hint: "--launched is for `wb monitor --elevate`; by hand leave it out: sudo wb helper --elevated",
  });
}

interface Surroundings {
  readonly processes: ProcessRows;
  readonly place: HelperPlace;
  readonly access: Access;
  readonly secret: Uint8Array;
}

/** Until it is told to stop, or one of `ends` resolves. */
async function serve(
  options: HelperOptions,
  { processes, place, access, secret }: Surroundings,
  ends: readonly Promise<void>[],
): Promise<void> {
  const { clock, log, sessionLifetimeMs, stop, launched } = options;
  try {
    using source = options.openSource();
    const facts = peerFacts(processes);
    using server = new HelperServer({ source, secret, access, facts, clock, log, sessionLifetimeMs });
    const limits = { receivedBytesMax: REQUEST_BYTES_MAX, waitingBytesMax: RESPONSE_BYTES_MAX };
    await using listener = await unixTransport.listen(place.socketPath, limits, server.handlers);
    place.open(secret);
    const confined = confine();
    log.say("info", "started", {
      method: source.method,
      socket: listener.path,
      pid: process.pid,
      ...confined,
    });
    for (const { code, message } of source.degradations) log.say("warning", "degraded", { code, message });
    await launched?.answer(launchAnswer(listener.path));
    using _ = releasingPages();
    const stopped = Promise.withResolvers<void>();
    stop.addEventListener("abort", () => stopped.resolve(), { once: true });
    if (stop.aborted) stopped.resolve();
    await Promise.race([stopped.promise, ...ends]);
    log.say("info", "stopping", { reason: stop.aborted ? "signal" : "the monitor is gone" });
    server[Symbol.dispose](); // before the listener, which knows no reason for closing a connection
  } finally {
    place.remove();
  }
}

/** Gives back pages now and then; disposing ends it. */
function releasingPages(): Disposable {
  releaseCleanPages();
  const first = setTimeout(releaseCleanPages, RELEASE_FIRST_MS);
  const timer = setInterval(releaseCleanPages, RELEASE_MS);
  const buffers = setInterval(releaseSpareBuffers, RELEASE_BUFFERS_MS);
  return {
    [Symbol.dispose]: () => {
      clearTimeout(first);
      clearInterval(timer);
      clearInterval(buffers);
    },
  };
}

/**
 * Gives up what loading needed. What is left: reading other users' /proc/PID/exe (CAP_SYS_PTRACE, in effect during a look
 * only), and on kernels that ask for it with each look at a map, CAP_BPF.
 */
function confine(): { readonly keeps: string; readonly filter: string } {
  const always: Capability[] = mapsNeedPrivilege() ? ["bpf"] : [];
  if (always.length > 0 && !hasCapability(capabilities().permitted, "bpf")) always.push("sysAdmin"); // before 5.8
  keepOnly(always, ["sysPtrace"]);
  const isFiltered = filterSystemCalls();
  return { keeps: [...always, "sysPtrace"].join("+"), filter: isFiltered ? "on" : "off" };
}
