/**
 * A machine for tests of the ledger: processes that fork, exec and exit at given times, a helper whose session comes and goes,
 * whose frames come late and may lose or repeat records, and scans that see the truth of their moment. Whatever happened, the
 * ledger is asked what it told.
 */
import type { ScanRow } from "../../../../src/capture/linux/process-scan.ts";
import type { ProcessEvent } from "../../../../src/decode/process-events.ts";
import { Ledger } from "../../../../src/agent/audit/ledger.ts";
import type { Telling } from "../../../../src/agent/audit/tracked.ts";

export const MS = 1e6;
const TICK_MS = 10;
const STEP_MS = 25;
const FRAME_MS = 100;
const FIRST_PID = 100;

export interface Life {
  readonly startMs: number;
  readonly durationMs: number;
  /** After the start; those after the end don't happen. */
  readonly execsMs: readonly number[];
}

export interface LivingThing extends Life {
  readonly pid: number;
  readonly ticks: number;
  readonly endMs: number;
  readonly id: string;
}

export interface Story {
  readonly lives: readonly Life[];
  /** Sessions of the helper, from and until. */
  readonly sessions: readonly (readonly [fromMs: number, untilMs: number])[];
  readonly scansMs: readonly number[];
  /** Which events, by their place in the order of time, are lost on the way, and which come once more. */
  readonly lost: ReadonlySet<number>;
  readonly repeated: ReadonlySet<number>;
  /** How late a frame is, up to that. */
  readonly lateMs: number;
  readonly untilMs: number;
}

/** No pid is used again before its last owner has ended and been forgotten. */
export function withPids(lives: readonly Life[]): LivingThing[] {
  const freeAtMs: number[] = [];
  return [...lives]
    .sort((one, other) => one.startMs - other.startMs)
    .map((life) => {
      let slot = freeAtMs.findIndex((free) => free < life.startMs);
      if (slot < 0) slot = freeAtMs.length;
      const endMs = life.startMs + life.durationMs;
      freeAtMs[slot] = endMs + 2 * TICK_MS;
      const pid = FIRST_PID + slot;
      const ticks = Math.floor(life.startMs / TICK_MS);
      return Object.assign({ pid, ticks, endMs, id: `${pid}:${ticks}` }, life);
    });
}

export function eventsOf({ pid, ticks, startMs, endMs, execsMs }: LivingThing): ProcessEvent[] {
  const common = {
    pid,
    startTicks: ticks,
    startNs: startMs * MS,
    parentPid: 1,
    parentStartTicks: 0,
    userId: 0,
  };
  const execs = execsMs
    .map((after) => startMs + after)
    .filter((at) => at < endMs)
    .sort((one, other) => one - other);
  return [
    { type: "fork", ...common, timeNs: startMs * MS },
    ...execs.map((at, index): ProcessEvent => {
      const comm = `program-${index}`;
      const program = { fileName: `/bin/${comm}`, commandLine: [comm], comm };
      return Object.assign({ type: "exec" as const, timeNs: at * MS }, common, program);
    }),
    { type: "exit", ...common, timeNs: endMs * MS, waitStatus: 0 },
  ];
}

/** What a scan sees at that moment; the first process of the machine is always there. */
function rowsAt(things: readonly LivingThing[], nowMs: number): ScanRow[] {
  const common = { parentPid: 1, cpuTicks: 0, residentPages: 0, isKernelThread: false, hasEnded: false };
  const init = { ...common, pid: 1, startTicks: 0, parentPid: 0, comm: "init", executable: "/sbin/init" };
  const rows = things
    .filter(({ startMs, endMs }) => startMs <= nowMs && nowMs < endMs)
    .map(({ pid, ticks, startMs, execsMs }) => {
      const done = execsMs.filter((after) => startMs + after <= nowMs).length;
      const name = done === 0 ? "init" : `program-${done - 1}`;
      const executable = done === 0 ? "/sbin/init" : `/bin/${name}`;
      return Object.assign({ pid, startTicks: ticks, comm: name, executable }, common);
    });
  return [init, ...rows];
}

/** Returns what was told, in order. */
export function tell(story: Story, things: readonly LivingThing[]): Telling[] {
  const ledger = new Ledger({ ticksPerSecond: 100, scansSeeAll: true });
  const events = things.flatMap(eventsOf).sort((one, other) => one.timeNs - other.timeNs);
  const told: Telling[] = [];
  const scan = (nowMs: number): void => {
    ledger.beginScan(nowMs * MS);
    for (const row of rowsAt(things, nowMs)) ledger.seen(row);
    ledger.endScan();
  };
  let next = 0;
  let frameMs = 0;
  let scans = 0;
  const schedule = [...story.scansMs].sort((one, other) => one - other);
  scan(0);
  for (let nowMs = 0; nowMs <= story.untilMs; nowMs += STEP_MS) {
    const session = story.sessions.find(([from, until]) => from <= nowMs && nowMs < until);
    if (ledger.isLive && session === undefined) {
      ledger.eventsEnded();
      scan(nowMs);
    } else if (!ledger.isLive && session !== undefined) {
      ledger.eventsBegan(nowMs * MS);
      while ((events[next]?.timeNs ?? Infinity) < nowMs * MS) next += 1; // nobody was there to be told
      scan(nowMs);
    }
    if (session !== undefined && nowMs - frameMs >= FRAME_MS) {
      frameMs = nowMs;
      const frame: ProcessEvent[] = [];
      for (; (events[next]?.timeNs ?? Infinity) <= (nowMs - story.lateMs) * MS; next += 1) {
        const event = events[next];
        if (event === undefined || story.lost.has(next)) continue;
        frame.push(event);
        if (story.repeated.has(next)) frame.push(event, ...events.slice(Math.max(0, next - 3), next + 1));
      }
      ledger.take(frame);
    }
    const isConfirming = ledger.confirmAtNs !== undefined && ledger.confirmAtNs <= nowMs * MS;
    if (isConfirming || (schedule[scans] ?? Infinity) <= nowMs) {
      while ((schedule[scans] ?? Infinity) <= nowMs) scans += 1;
      scan(nowMs);
    }
    told.push(...ledger.takeDue(nowMs * MS));
  }
  ledger.eventsEnded();
  scan(story.untilMs);
  told.push(...ledger.takeDue(story.untilMs * MS));
  return told.filter(({ process }) => process.pid !== 1);
}
