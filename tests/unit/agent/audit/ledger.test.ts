/** What the ledger tells, from whatever mixture of events and scans: each process once, in order, and none that is not. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { Ledger } from "../../../../src/agent/audit/ledger.ts";
import type { Telling } from "../../../../src/agent/audit/tracked.ts";
import type { ProcessEvent } from "../../../../src/decode/process-events.ts";
import { eventsOf, MS, tell, withPids, type Life, type LivingThing, type Story } from "./ledger-world.ts";

const UNTIL_MS = 12_000;

function thing(parts: Partial<LivingThing>): LivingThing {
  const { pid = 100, startMs = 1000, durationMs = 60_000, execsMs = [] } = parts;
  const ticks = Math.floor(startMs / 10);
  return { pid, startMs, durationMs, execsMs, ticks, endMs: startMs + durationMs, id: `${pid}:${ticks}` };
}

function live(): Ledger {
  const ledger = new Ledger({ ticksPerSecond: 100, scansSeeAll: true });
  ledger.eventsBegan(0);
  return ledger;
}

function words(tellings: readonly Telling[]): string[] {
  return tellings.map(({ kind, process, run, atNs, isExact }) =>
    [kind, process.pid, run.comm || "-", atNs / MS, isExact ? "exact" : "scan"].join(" "),
  );
}

function at(event: ProcessEvent | undefined, parts: object): ProcessEvent {
  return { ...event, ...parts } as ProcessEvent;
}

describe("by events", () => {
  test("a fork and its exec are one start, with the program that was executed", () => {
    const ledger = live();
    ledger.take(eventsOf(thing({ execsMs: [3] })).slice(0, 2));
    expect(words(ledger.takeDue(1010 * MS))).toEqual(["started 100 program-0 1000 exact"]);
  });

  test("a fork waits a tenth of a second for its exec, and what comes after it waits too", () => {
    const ledger = live();
    const [fork, exec] = eventsOf(thing({ execsMs: [250] }));
    const other = eventsOf(thing({ pid: 101, startMs: 1020, execsMs: [1] })).slice(0, 2);
    ledger.take([fork, ...other].filter((event) => event !== undefined));
    expect(ledger.takeDue(1100 * MS)).toEqual([]);
    ledger.take(exec === undefined ? [] : [exec]);
    expect(words(ledger.takeDue(1260 * MS))).toEqual([
      "started 100 - 1000 exact",
      "started 101 program-0 1020 exact",
      "changed 100 program-0 1250 exact",
    ]);
  });

  test("a fork without an exec is told with what its parent runs", () => {
    const ledger = live();
    ledger.take(eventsOf(thing({ execsMs: [1] })).slice(0, 2));
    const child = eventsOf(thing({ pid: 101, startMs: 2000, durationMs: 30 }));
    ledger.take(child.map((event) => at(event, { parentPid: 100, parentStartTicks: 100 })));
    const told = ledger.takeDue(3000 * MS);
    expect(words(told).slice(1)).toEqual([
      "started 101 program-0 2000 exact",
      "stopped 101 program-0 2030 exact",
    ]);
    expect(told[1]?.run).toBe(told[0]?.run as never);
  });

  test("a child of one that only a scan saw later has its own program", () => {
    const ledger = new Ledger({ ticksPerSecond: 100, scansSeeAll: true });
    ledger.eventsBegan(500 * MS);
    const init = { pid: 50, startTicks: 0, parentPid: 0, comm: "parent", executable: "/bin/parent" };
    ledger.beginScan(1100 * MS);
    const others = { cpuTicks: 0, residentPages: 0, isKernelThread: false, hasEnded: false };
    ledger.seen({ ...init, ...others, startTicks: 0 });
    ledger.endScan();
    const own = { parentPid: 50, parentStartTicks: 0 };
    ledger.take(
      eventsOf(thing({ execsMs: [3] }))
        .slice(0, 2)
        .map((event) => at(event, own)),
    );
    const told = words(ledger.takeDue(1600 * MS));
    expect(told).toContain("started 100 program-0 1000 exact");
  });

  test("told twice is told once", () => {
    const ledger = live();
    const events = eventsOf(thing({ execsMs: [1, 2], durationMs: 50 }));
    ledger.take([...events, ...events, ...events.toReversed()]);
    expect(words(ledger.takeDue(2000 * MS))).toEqual([
      "started 100 program-0 1000 exact",
      "changed 100 program-1 1002 exact",
      "stopped 100 program-1 1050 exact",
    ]);
  });

  test("only an exit: it is told to have started too", () => {
    const ledger = live();
    ledger.take(eventsOf(thing({ durationMs: 50 })).slice(-1));
    expect(words(ledger.takeDue(2000 * MS))).toEqual([
      "started 100 - 1050 exact",
      "stopped 100 - 1050 exact",
    ]);
    expect(ledger.namelessCount).toBe(1);
  });

  test("what the kernel forks for itself is not told, unless it becomes a program", () => {
    const ledger = live();
    const parent = { parentPid: 2, parentStartTicks: 0 };
    ledger.take(eventsOf(thing({ durationMs: 50 })).map((event) => at(event, parent)));
    ledger.take(
      eventsOf(thing({ pid: 101, execsMs: [5], durationMs: 50 })).map((event) => at(event, parent)),
    );
    ledger.take(
      eventsOf(thing({ pid: 102 }))
        .slice(-1)
        .map((event) => at(event, parent)),
    );
    expect(words(ledger.takeDue(9000 * MS))).toEqual([
      "started 101 program-0 1000 exact",
      "stopped 101 program-0 1050 exact",
    ]);
  });

  test("a little out of order they are put in order", () => {
    const ledger = live();
    const early = eventsOf(thing({ execsMs: [1], durationMs: 20 }));
    const late = eventsOf(thing({ pid: 101, startMs: 1010, execsMs: [1], durationMs: 5 }));
    ledger.take([...late, ...early]);
    expect(words(ledger.takeDue(2000 * MS))).toEqual([
      "started 100 program-0 1000 exact",
      "started 101 program-0 1010 exact",
      "stopped 101 program-0 1015 exact",
      "stopped 100 program-0 1020 exact",
    ]);
  });
});

const lives = fc.array(
  fc.record({
    startMs: fc.integer({ min: 1, max: 8000 }),
    durationMs: fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 6000 })),
    execsMs: fc.uniqueArray(fc.oneof(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 3000 })), {
      maxLength: 3,
    }),
  }),
  { maxLength: 12 },
);
const indexes = fc.uniqueArray(fc.nat({ max: 40 }), { maxLength: 12 }).map((list) => new Set(list));
const stories: fc.Arbitrary<Story> = fc.record({
  lives,
  sessions: fc
    .uniqueArray(fc.integer({ min: 0, max: UNTIL_MS }), { maxLength: 6 })
    .map((times) => times.sort((one, other) => one - other))
    .map((times) =>
      Array.from(
        { length: times.length >> 1 },
        (_, n) => [times[2 * n] ?? 0, times[2 * n + 1] ?? 0] as const,
      ),
    ),
  scansMs: fc.array(fc.integer({ min: 0, max: UNTIL_MS }), { maxLength: 12 }),
  lost: indexes,
  repeated: indexes,
  lateMs: fc.integer({ min: 0, max: 300 }),
  untilMs: fc.constant(UNTIL_MS),
});

function byProcess(told: readonly Telling[]): Map<string, Telling[]> {
  const found = new Map<string, Telling[]>();
  for (const telling of told) {
    const id = `${telling.process.pid}:${telling.process.startTicks}`;
    found.set(id, [...(found.get(id) ?? []), telling]);
  }
  return found;
}

describe("whatever is lost, late or repeated", () => {
  test("each process starts once, stops once, in this order, and those that run at the end are the truth", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const things = withPids(story.lives);
        const known = new Map(things.map((each) => [each.id, each]));
        const told = byProcess(tell(story, things));
        for (const [id, tellings] of told) {
          expect(known.has(id)).toBe(true);
          const kinds = tellings.map(({ kind }) => kind);
          expect(kinds[0]).toBe("started");
          expect(kinds.filter((kind) => kind === "started")).toHaveLength(1);
          expect(kinds.slice(0, -1)).not.toContain("stopped");
          const times = tellings.map(({ atNs }) => atNs);
          expect(times).toEqual(times.toSorted((one, other) => one - other));
        }
        const running = [...told]
          .filter(([, tellings]) => tellings.at(-1)?.kind !== "stopped")
          .map(([id]) => id);
        const alive = things.filter(({ startMs, endMs }) => startMs <= UNTIL_MS && endMs > UNTIL_MS);
        expect(running.toSorted()).toEqual(alive.map(({ id }) => id).toSorted());
      }),
      { numRuns: 400 },
    );
  });

  test("with all events everything is exact, in order of time, however late the frames and whenever a scan looks", () => {
    fc.assert(
      fc.property(stories, (story) => {
        const complete = { ...story, sessions: [[0, UNTIL_MS + 1000] as const], lost: new Set<number>() };
        const things = withPids(story.lives);
        const tellings = tell(
          { ...complete, untilMs: UNTIL_MS + 8000, sessions: [[0, UNTIL_MS + 9000]] },
          things,
        );
        expect(tellings.every(({ isExact }) => isExact)).toBe(true);
        const times = tellings.map(({ atNs }) => atNs);
        expect(times).toEqual(times.toSorted((one, other) => one - other));
        const told = byProcess(tellings);
        for (const each of things) {
          const own = told.get(each.id) ?? [];
          expect(own.map(({ kind, atNs, run }) => [kind, atNs / MS, run.comm])).toEqual(expected(each));
        }
      }),
      { numRuns: 200 },
    );
  });
});

/** A first exec within a tenth of a second is part of the start. */
function expected(life: LivingThing & Life): [string, number, string][] {
  const events = eventsOf(life).slice(1);
  const first = events[0];
  const isOne = first?.type === "exec" && first.timeNs < (life.startMs + 100) * MS;
  let comm = isOne ? first.comm : "";
  const told: [string, number, string][] = [["started", life.startMs, isOne ? comm : "init"]];
  comm = told[0]?.[2] ?? "";
  for (const event of isOne ? events.slice(1) : events) {
    if (event.type === "exec") comm = event.comm;
    told.push([event.type === "exec" ? "changed" : "stopped", event.timeNs / MS, comm]);
  }
  return told;
}
