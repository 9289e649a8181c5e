/** The rollup books every byte once, corrects what was corrected, and stays within its bounds. */
import { describe, expect, test } from "bun:test";
import { Rollup, type RollupOptions } from "../../../src/engine/rollup.ts";
import type { Continuation, FlowMark, HistoryIncrement } from "../../../src/model/history.ts";
import { makeFlow, makeProcess, makeSnapshot, NOON_MS } from "../../support/history-world.ts";

const HOUR = 3_600_000;
const hourStartMs = (timeMs: number): number => Math.floor(timeMs / HOUR) * HOUR;

function makeRollup(options: Partial<RollupOptions> = {}): Rollup {
  return new Rollup({ hourStartMs, first: "counted", ...options });
}

/** What waits to be written, as short rows. */
function rows(rollup: Rollup): unknown[] {
  return rollup.pending().increments.map((each) => short(each));
}

function short(each: HistoryIncrement): unknown {
  return {
    hour: (each.hourStartMs - NOON_MS) / HOUR,
    process: each.subject.processName,
    host: each.subject.remoteHost,
    connections: each.connections,
    sent: each.bytesSent,
    received: each.bytesReceived,
  };
}

const ROW = { hour: 0, process: "curl", host: "", connections: 1, sent: 0, received: 0 };

describe("growth", () => {
  test("is booked once, and connections are counted once", () => {
    const rollup = makeRollup();
    rollup.observe(
      makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 100, observedBytesReceived: 7 })]),
    );
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 100, received: 7 }]);
    rollup.committed();
    expect(rows(rollup)).toEqual([]);
    rollup.observe(
      makeSnapshot(NOON_MS + 1000, [makeFlow("a", { observedBytesSent: 150, observedBytesReceived: 7 })]),
    );
    expect(rows(rollup)).toEqual([{ ...ROW, connections: 0, sent: 50 }]);
  });

  test("of flows that share a subject is added up, and kept apart by the hour", () => {
    const rollup = makeRollup();
    const flows = [
      makeFlow("a", { observedBytesSent: 1 }),
      makeFlow("b", { observedBytesSent: 2, localPort: 50_001 }),
    ];
    rollup.observe(makeSnapshot(NOON_MS, flows));
    rollup.observe(makeSnapshot(NOON_MS + HOUR, [makeFlow("a", { observedBytesSent: 11 })]));
    expect(rows(rollup)).toEqual([
      { ...ROW, connections: 2, sent: 3 },
      { ...ROW, hour: 1, connections: 0, sent: 10 },
    ]);
  });

  test("that could not be written is told again, with what came after", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 5 })]));
    rollup.pending();
    rollup.observe(makeSnapshot(NOON_MS + 1, [makeFlow("a", { observedBytesSent: 8 })]));
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 8 }]);
  });

  test("of listeners, and of sockets that ended before anybody looked, is not booked", () => {
    const rollup = makeRollup();
    const listener = makeFlow("l", { state: "listen", remoteAddress: "0.0.0.0", remotePort: 0 });
    const ended = makeFlow("t", { state: "time_wait", bytesSent: undefined, bytesMeaning: "none" });
    const told = makeFlow("d", { closed: true, state: "closed", bytesSent: undefined, bytesMeaning: "none" });
    rollup.observe(makeSnapshot(NOON_MS, [listener, ended, told]));
    expect(rows(rollup)).toEqual([]);
    expect(rollup.pending().marks).toEqual([]);
  });
});

describe("corrections", () => {
  test("by one byte of a closed flow come off the row that has the byte", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 101 })]));
    rollup.committed();
    // An hour passes without traffic, then the final count is one less.
    rollup.observe(
      makeSnapshot(NOON_MS + HOUR, [
        makeFlow("a", { observedBytesSent: 100, closed: true, closedAtMs: NOON_MS }),
      ]),
    );
    expect(rows(rollup)).toEqual([{ ...ROW, connections: 0, sent: -1 }]);
  });

  test("go back as far as the flow's own bookings, the latest first", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesReceived: 10 })]));
    rollup.observe(makeSnapshot(NOON_MS + HOUR, [makeFlow("a", { observedBytesReceived: 13 })]));
    rollup.committed();
    rollup.observe(makeSnapshot(NOON_MS + 2 * HOUR, [makeFlow("a", { observedBytesReceived: 8 })]));
    expect(rows(rollup)).toEqual([
      { ...ROW, hour: 1, connections: 0, received: -3 },
      { ...ROW, hour: 0, connections: 0, received: -2 },
    ]);
  });

  test("of uncertainty replace what was booked", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { uncertaintyBytes: undefined, closed: true })]));
    expect(rollup.pending().increments[0]).toMatchObject({ uncertaintyBytes: 0, lowerBoundConnections: 1 });
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { uncertaintyBytes: 2, closed: true })]));
    expect(rollup.pending().increments[0]).toMatchObject({ uncertaintyBytes: 2, lowerBoundConnections: 0 });
  });
});

describe("what becomes known later", () => {
  test("moves what the hour has already booked: a host name, a process", () => {
    const rollup = makeRollup();
    const unknown = { process: undefined, attribution: "unknown" as const };
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { ...unknown, observedBytesSent: 5 })]));
    rollup.committed();
    const host = { name: "example.org", source: "ptr" as const };
    rollup.observe(makeSnapshot(NOON_MS + 1, [makeFlow("a", { observedBytesSent: 6, remoteHost: host })]));
    expect(rows(rollup)).toEqual([
      { ...ROW, process: "", connections: -1, sent: -5 },
      { ...ROW, host: "example.org", sent: 6 },
    ]);
  });

  test("is not given up when a later look doesn't tell it", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 5 })]));
    const gone = {
      process: undefined,
      attribution: "unknown" as const,
      userId: undefined,
      userName: undefined,
    };
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { ...gone, observedBytesSent: 9, closed: true })]));
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 9 }]);
  });

  test("does not give a program the bytes of the one that it replaced", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 5 })]));
    rollup.observe(
      makeSnapshot(NOON_MS, [makeFlow("a", { observedBytesSent: 9, process: makeProcess("sh") })]),
    );
    expect(rows(rollup)).toEqual([
      { ...ROW, sent: 5 },
      { ...ROW, process: "sh", connections: 0, sent: 4 },
    ]);
  });
});

test("the service's port and the direction come from who listens", () => {
  const rollup = makeRollup();
  rollup.observe(
    makeSnapshot(NOON_MS, [
      makeFlow("l", {
        state: "listen",
        localAddress: "0.0.0.0",
        localPort: 8080,
        remoteAddress: "0.0.0.0",
        remotePort: 0,
      }),
      makeFlow("in", { localPort: 8080, remotePort: 40_000 }),
      makeFlow("out", { localPort: 40_000, remotePort: 8443 }),
      makeFlow("udp", {
        protocol: "udp",
        state: "unconnected",
        remoteAddress: "::",
        remotePort: 0,
        bytesMeaning: "none",
      }),
    ]),
  );
  const ends = rollup
    .pending()
    .increments.map(({ subject }) => [subject.direction, subject.port, subject.meaning]);
  expect(ends).toEqual([
    ["in", 8080, "payload"],
    ["out", 8443, "payload"],
    ["none", 0, "none"],
  ]);
});

describe("flows that go and come back", () => {
  test("go on where they were, although the flow table counts anew", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a", { bytesSent: 1000, observedBytesSent: 100 })]));
    rollup.observe(makeSnapshot(NOON_MS + 1000, []));
    rollup.observe(makeSnapshot(NOON_MS + 2000, [makeFlow("a", { bytesSent: 1007, observedBytesSent: 7 })]));
    rollup.observe(makeSnapshot(NOON_MS + 3000, [makeFlow("a", { bytesSent: 1009, observedBytesSent: 9 })]));
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 109 }]);
  });

  test("are forgotten in the end, and their marks with them", () => {
    const rollup = makeRollup();
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a")]));
    rollup.committed();
    rollup.observe(makeSnapshot(NOON_MS + 1000, []));
    expect(rollup.pending().forgotten).toEqual([]);
    rollup.observe(makeSnapshot(NOON_MS + 200_000, []));
    expect(rollup.pending()).toMatchObject({ forgotten: ["a"], marksComplete: false });
  });

  test("closed ones lose their mark at once, unless their end was not seen", () => {
    const rollup = makeRollup();
    const over = { closed: true, closedAtMs: NOON_MS };
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a"), makeFlow("b")]));
    rollup.committed();
    rollup.observe(
      makeSnapshot(NOON_MS, [makeFlow("a", over), makeFlow("b", { ...over, uncertaintyBytes: undefined })]),
    );
    const { forgotten, marks } = rollup.pending();
    expect(forgotten).toEqual(["a"]);
    expect(marks.map((mark) => mark.id)).toEqual(["b"]);
  });
});

describe("going on where another recorder stopped", () => {
  function mark(id: string, bytesSent: number): FlowMark {
    return {
      id,
      bytesSent,
      bytesReceived: 0,
      uncertaintyBytes: 0,
      lowerBoundConnections: 0,
      hourStartMs: NOON_MS,
    };
  }
  function continuing(marksComplete: boolean, ...marks: FlowMark[]): Partial<RollupOptions> {
    const continuation: Continuation = {
      lastCommitMs: NOON_MS,
      marks: new Map(marks.map((each) => [each.id, each])),
      marksComplete,
      booksGrowth: true,
    };
    return { continuation };
  }
  const later = NOON_MS + 60_000;

  test("books what a marked flow did meanwhile, and its connection not again", () => {
    const rollup = makeRollup(continuing(true, mark("a", 900)));
    rollup.observe(makeSnapshot(later, [makeFlow("a", { bytesSent: 1000, firstSeenMs: later })]));
    rollup.observe(
      makeSnapshot(later + 1000, [
        makeFlow("a", { bytesSent: 1010, observedBytesSent: 10, firstSeenMs: later }),
      ]),
    );
    expect(rows(rollup)).toEqual([{ ...ROW, connections: 0, sent: 110 }]);
  });

  test("books an unmarked living flow whole, if all have marks: it began meanwhile", () => {
    const flow = makeFlow("b", { bytesSent: 70, firstSeenMs: later });
    const rollup = makeRollup(continuing(true));
    rollup.observe(makeSnapshot(later, [flow]));
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 70 }]);
    const unsure = makeRollup(continuing(false));
    unsure.observe(makeSnapshot(later, [flow]));
    expect(rows(unsure)).toEqual([]);
  });

  test("does not take a flow that was seen before the last commit for a younger one", () => {
    const rollup = makeRollup(continuing(true));
    rollup.observe(makeSnapshot(later, [makeFlow("b", { bytesSent: 70, firstSeenMs: NOON_MS - 1 })]));
    expect(rows(rollup)).toEqual([]);
  });

  test("does not book a closed flow without a mark: the other may have booked its end", () => {
    const rollup = makeRollup(continuing(true));
    rollup.observe(makeSnapshot(later, [makeFlow("c", { bytesSent: 70, firstSeenMs: later, closed: true })]));
    expect(rows(rollup)).toEqual([]);
  });

  test("takes a flow that doesn't fit its mark for another one, and a step back by a FIN for a correction", () => {
    const rollup = makeRollup(continuing(true, mark("other", 900), mark("same", 901)));
    const flows = [makeFlow("other", { bytesSent: 10 }), makeFlow("same", { bytesSent: 900 })];
    rollup.observe(makeSnapshot(later, flows));
    expect(rows(rollup)).toEqual([{ ...ROW, connections: 0, sent: -1 }]);
  });

  test("as a stand-by counts only from the first snapshot on", () => {
    const rollup = makeRollup({ first: "baseline" });
    rollup.observe(makeSnapshot(later, [makeFlow("a", { observedBytesSent: 500 })]));
    expect(rows(rollup)).toEqual([]);
    rollup.observe(
      makeSnapshot(later, [
        makeFlow("a", { observedBytesSent: 501 }),
        makeFlow("b", { observedBytesSent: 4 }),
      ]),
    );
    expect(rows(rollup)).toEqual([{ ...ROW, sent: 5 }]);
  });
});

describe("bounds", () => {
  test("too many peers are folded together, without losing a byte, and counted", () => {
    const rollup = makeRollup({ rowsMax: 10 });
    const flows = Array.from({ length: 100 }, (_, index) =>
      makeFlow(`f${index}`, {
        remoteAddress: `198.51.100.${index}`,
        process: makeProcess(`p${index}`),
        observedBytesSent: 3,
      }),
    );
    rollup.observe(makeSnapshot(NOON_MS, flows));
    const { increments, loss } = rollup.pending();
    expect(increments.length).toBe(21);
    expect(increments.reduce((sum, each) => sum + each.bytesSent, 0)).toBe(300);
    expect(increments.reduce((sum, each) => sum + each.connections, 0)).toBe(100);
    expect(increments.at(-1)?.subject).toMatchObject({ processName: "*", remoteAddress: "*" });
    expect(loss).toEqual([{ hourStartMs: NOON_MS, cause: "flow_merged", count: 90, bytes: 0 }]);
  });

  test("too many marks are not told, and the rest is said not to be complete", () => {
    const rollup = makeRollup({ flowsMax: 2 });
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a"), makeFlow("b")]));
    expect(rollup.pending().marksComplete).toBe(true);
    rollup.observe(makeSnapshot(NOON_MS, [makeFlow("a"), makeFlow("b"), makeFlow("c")]));
    expect(rollup.pending().marks.map((mark) => mark.id)).toEqual(["a", "b"]);
    expect(rollup.pending().marksComplete).toBe(false);
  });
});

test("loss is booked by the hour, as growth of what was told", () => {
  const rollup = makeRollup();
  const loss = (count: number, bytes: number | undefined) =>
    [{ cause: "netlink_overflow", count, bytes }] as const;
  rollup.observe(makeSnapshot(NOON_MS, [], { loss: loss(2, 10) }));
  rollup.observe(makeSnapshot(NOON_MS + HOUR, [], { loss: loss(5, undefined) }));
  expect(rollup.pending().loss).toEqual([
    { hourStartMs: NOON_MS, cause: "netlink_overflow", count: 2, bytes: 10 },
    { hourStartMs: NOON_MS + HOUR, cause: "netlink_overflow", count: 3, bytes: undefined },
  ]);
});
