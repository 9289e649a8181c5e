/**
 * The records of the kernel's events ring buffer (ebpf/records.h) that are about processes, as objects: forks, execs and
 * exits, in their order. Pure; what is no such record is left out, and a buffer that ends in the middle of one says so.
 */
import { EVENT, EVENT_TYPES, EXEC, EXIT, wholeTicks } from "./ebpf-records.ts";

interface EventOfProcess {
  readonly pid: number;
  /** Clock ticks from boot to the start: with the pid, which process it is. */
  readonly startTicks: number;
  /** Nanoseconds since boot; exact to the precision of a number. */
  readonly startNs: number;
  readonly timeNs: number;
  /** At this moment; 0: none. */
  readonly parentPid: number;
  readonly parentStartTicks: number;
  /** The real user. */
  readonly userId: number;
}

export interface ForkEvent extends EventOfProcess {
  readonly type: "fork";
}

export interface ExecEvent extends EventOfProcess {
  readonly type: "exec";
  /** As it was given to execve, of a script its interpreter: absolute, or relative to a directory that is not known. */
  readonly fileName: string;
  readonly commandLine: readonly string[];
  readonly comm: string;
}

export interface ExitEvent extends EventOfProcess {
  readonly type: "exit";
  /** As wait(2) tells it. */
  readonly waitStatus: number;
}

export type ProcessEvent = ForkEvent | ExecEvent | ExitEvent;

export interface DecodedEvents {
  readonly events: ProcessEvent[];
  /** False: it ends in something else, and what came after that is lost. */
  readonly isWhole: boolean;
}

const decoder = new TextDecoder();

/** `ticksPerSecond`: sysconf(_SC_CLK_TCK), which /proc/PID/stat counts start times in. */
export function decodeProcessEvents(records: Uint8Array, ticksPerSecond: number): DecodedEvents {
  const view = new DataView(records.buffer, records.byteOffset, records.byteLength);
  const nsPerTick = 1e9 / ticksPerSecond;
  const events: ProcessEvent[] = [];
  let start = 0;
  while (start + EVENT.size <= records.byteLength) {
    const size = EVENT.get.size(view, start);
    if (size < EVENT.size || start + size > records.byteLength) return { events, isWhole: false };
    const event = decodeOne(view, start, size, nsPerTick);
    if (event !== undefined) events.push(event);
    start += size;
  }
  return { events, isWhole: start === records.byteLength };
}

function decodeOne(view: DataView, start: number, size: number, nsPerTick: number): ProcessEvent | undefined {
  const ticksAt = (offset: number): number =>
    wholeTicks(view.getUint32(start + offset, true), view.getUint32(start + offset + 4, true), nsPerTick);
  const pid = EVENT.get.tgid(view, start);
  if (pid === 0) return undefined; // the kernel itself
  const common = {
    pid,
    startTicks: ticksAt(EVENT.offsetOf.startNs),
    startNs: EVENT.get.startNs(view, start),
    timeNs: EVENT.get.timeNs(view, start),
    parentPid: EVENT.get.parentTgid(view, start),
    parentStartTicks: ticksAt(EVENT.offsetOf.parentStartNs),
    userId: EVENT.get.uid(view, start),
  };
  switch (EVENT.get.type(view, start)) {
    case EVENT_TYPES.fork:
      return { type: "fork", ...common };
    case EVENT_TYPES.exit:
      return size < EXIT.size
        ? undefined
        : { type: "exit", ...common, waitStatus: EXIT.get.code(view, start) };
    case EVENT_TYPES.exec:
      return size < EXEC.size ? undefined : { type: "exec", ...common, ...programOf(view, start, size) };
    default:
      return undefined;
  }
}

function programOf(
  view: DataView,
  start: number,
  size: number,
): Pick<ExecEvent, "fileName" | "commandLine" | "comm"> {
  const bytes = new Uint8Array(view.buffer, view.byteOffset + start, size);
  const nameEnd = Math.min(size, EXEC.size + EXEC.get.filenameSize(view, start));
  const argumentsEnd = Math.min(size, nameEnd + EXEC.get.argumentsSize(view, start));
  const commandLine = decoder.decode(bytes.subarray(nameEnd, argumentsEnd)).split("\0");
  if (commandLine.at(-1) === "") commandLine.pop();
  return {
    fileName: textOf(bytes.subarray(EXEC.size, nameEnd)),
    commandLine,
    comm: textOf(bytes.subarray(EXEC.offsetOf.comm, EXEC.offsetOf.comm + 16)),
  };
}

/** Text up to the first NUL. */
function textOf(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  return decoder.decode(end < 0 ? bytes : bytes.subarray(0, end));
}
