/** The small parts of the flow table: rates, losses, what is remembered of processes and interfaces, what is evicted. */
import { describe, expect, test } from "bun:test";
import { CounterTrack } from "../../../src/engine/counter-track.ts";
import { DecayedRate, FIRST_STEP, rateStep } from "../../../src/engine/decayed-rate.ts";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { InterfaceAccount } from "../../../src/engine/interface-account.ts";
import { LossLedger } from "../../../src/engine/loss-ledger.ts";
import { ProcessMemory } from "../../../src/engine/process-memory.ts";
import { RemoteNames } from "../../../src/engine/remote-names.ts";
import { isServedHere } from "../../../src/engine/service-port.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { batchAt, closedAt, processInfo, socket, START_MS, STATUS, wire } from "../../support/batches.ts";

describe("rates", () => {
  test("of a steady stream are its speed from the second sample on", () => {
    const rate = new DecayedRate();
    rate.step(0, FIRST_STEP);
    for (let second = 1; second <= 10; second += 1) {
      rate.step(5000, rateStep(1000, second * 1000, 2000));
      expect(rate.bytesPerSecond).toBe(5000);
    }
  });

  test("halve in a half life, and end at exactly 0", () => {
    const rate = new DecayedRate();
    const long = 1_000_000;
    rate.step(1 << 20, rateStep(1000, long, 2000));
    const start = rate.bytesPerSecond;
    rate.step(0, rateStep(2000, long, 2000));
    expect(Math.abs(rate.bytesPerSecond - start / 2)).toBeLessThanOrEqual(1);
    rate.step(0, rateStep(40_000, long, 2000));
    expect(rate.bytesPerSecond).toBe(0);
  });

  test("do not depend on how the same time is cut into samples", () => {
    const whole = new DecayedRate();
    const halves = new DecayedRate();
    whole.step(8000, rateStep(2000, 2000, 2000));
    halves.step(4000, rateStep(1000, 1000, 2000));
    halves.step(4000, rateStep(1000, 2000, 2000));
    expect(halves.bytesPerSecond).toBe(whole.bytesPerSecond);
  });

  test("stay where no time has passed, and take no step back for a correction", () => {
    const rate = new DecayedRate();
    rate.step(1000, rateStep(1000, 1000, 2000));
    rate.step(500, rateStep(0, 1000, 2000));
    expect(rate.bytesPerSecond).toBe(1000);
    rate.step(-5000, rateStep(1000, 2000, 2000));
    expect(rate.bytesPerSecond).toBeGreaterThan(0);
  });
});

describe("a counter", () => {
  test("is corrected downwards at its end by as much as it may have been off, and no further", () => {
    const track = new CounterTrack(0);
    track.update(10_000, 400);
    expect([track.finish(9_700), track.value, track.observed]).toEqual(["fine", 9_700, 9_700]);
    const sure = new CounterTrack(0);
    sure.update(10_000);
    expect([sure.finish(9_700), sure.value]).toEqual(["erased", 10_000]);
  });
});

describe("losses", () => {
  test("add up per cause; one unknown amount makes the sum unknown", () => {
    const ledger = new LossLedger();
    ledger.add({ cause: "flow_evicted", count: 2, bytes: 0 });
    ledger.add({ cause: "counters_erased", count: 1, bytes: 10 });
    ledger.add({ cause: "counters_erased", count: 1, bytes: undefined });
    ledger.add({ cause: "counters_erased", count: 1, bytes: 5 });
    ledger.add({ cause: "malformed_record", count: 0, bytes: undefined });
    expect(ledger.entries()).toEqual([
      { cause: "flow_evicted", count: 2, bytes: 0 },
      { cause: "counters_erased", count: 3, bytes: undefined },
    ]);
    expect(ledger.entries()).toBe(ledger.entries());
  });
});

describe("processes", () => {
  test("without a flow are kept while they live, but only so many", () => {
    const memory = new ProcessMemory(3);
    for (let pid = 1; pid <= 10; pid += 1) memory.tell(processInfo(pid, `p${pid}`));
    expect([...memory.states(0).values()].map((state) => state.info.pid)).toEqual([8, 9, 10]);
    memory.exit("boot:9:1");
    expect(memory.size).toBe(2);
    memory.exit("boot:9:1");
    expect(memory.size).toBe(2);
  });

  test("with a flow do not count among those without", () => {
    const memory = new ProcessMemory(2);
    for (let pid = 1; pid <= 4; pid += 1) {
      memory.tell(processInfo(pid, `p${pid}`));
      if (pid <= 2) memory.reference(`boot:${pid}:1`);
    }
    expect(memory.states(0).size).toBe(4);
  });

  test("with a flow are kept after their exit until the flow lets go", () => {
    const memory = new ProcessMemory(0);
    const entry = memory.reference("boot:1:1");
    memory.tell(processInfo(1, "one"));
    expect(memory.reference("boot:1:1")).toBe(entry);
    memory.exit("boot:1:1");
    memory.release(entry);
    expect(memory.states(0).get("boot:1:1")?.exited).toBe(true);
    memory.release(entry);
    expect(memory.size).toBe(0);
    memory.release(memory.reference("boot:2:1"));
    expect(memory.size).toBe(0);
  });

  test("that did not change are the same objects", () => {
    const memory = new ProcessMemory();
    memory.tell(processInfo(1, "one"));
    const first = memory.states(0).get("boot:1:1");
    expect(memory.states(1).get("boot:1:1")).toBe(first);
    memory.use({ key: "boot:1:1", memoryBytes: 1, cpuTimeMs: 1 }, 2, 1000);
    memory.use({ key: "boot:none:1", memoryBytes: 1, cpuTimeMs: 1 }, 2, 1000);
    expect(memory.states(2).get("boot:1:1")?.memoryBytes).toBe(1);
  });
});

describe("names", () => {
  test("are forgotten with the last flow that needs them", () => {
    let asked = 0;
    const names = new RemoteNames(() => {
      asked += 1;
      return undefined;
    });
    const first = names.reference("192.0.2.1");
    expect(names.reference("192.0.2.1")).toBe(first);
    names.hostOf(first, 0);
    names.hostOf(first, 0);
    names.release(first);
    expect([asked, names.reference("192.0.2.1")]).toEqual([1, first]);
    names.release(first);
    names.release(first);
    names.hostOf(names.reference("192.0.2.1"), 0);
    expect(asked).toBe(2);
  });
});

describe("interfaces", () => {
  test("count from where they are first seen, through resets and absences", () => {
    const account = new InterfaceAccount();
    const grow = (sent: number, parts = {}): number => {
      account.ingest([wire("eth0", 2, sent, 0, parts)], 0, FIRST_STEP);
      return account.traffic().bytesSent;
    };
    expect(grow(1000)).toBe(0);
    expect(grow(1500)).toBe(500);
    expect(grow(100)).toBe(500);
    expect(grow(250)).toBe(650);
    account.ingest([], 1, FIRST_STEP);
    expect(grow(300)).toBe(700);
    expect(grow(900, { counted: false })).toBe(700);
    expect(grow(1000)).toBe(800);
    account.ingest([wire("eth0", 3, 77_777, 0)], 2, FIRST_STEP);
    expect(account.traffic().bytesSent).toBe(800);
  });
});

describe("the service's port", () => {
  const flow = { protocol: "tcp", state: "established", localPort: 40_000, remotePort: 443 } as const;
  const nobody = (): boolean => false;

  test("is the listener's, the accepted connection's own, else the remote one", () => {
    expect(isServedHere(flow, nobody)).toBe(false);
    expect(isServedHere(flow, (key) => key === 40_000)).toBe(true);
    expect(isServedHere({ ...flow, protocol: "udp" }, (key) => key === 40_000)).toBe(false);
    expect(isServedHere({ ...flow, localPort: 22, remotePort: 50_000 }, nobody)).toBe(true);
    expect(isServedHere({ ...flow, localPort: 123, remotePort: 123 }, nobody)).toBe(false);
    expect(isServedHere({ ...flow, state: "listen" }, nobody)).toBe(true);
    expect(isServedHere({ ...flow, protocol: "udp", state: "closed", remotePort: 0 }, nobody)).toBe(true);
  });
});

describe("a full table", () => {
  const table = (): FlowTable => new FlowTable({ clock: new ManualClock(START_MS), maxFlows: 3 });

  test("lets the longest closed go first, then the least recently active", () => {
    const flows = table();
    flows.ingest(batchAt(0), STATUS);
    const closed = [closedAt(1, socket("old", 1, 0))];
    flows.ingest(batchAt(1, { closed, sockets: [socket("idle", 1, 0)] }), STATUS);
    const second = [closedAt(2, socket("new", 1, 0))];
    const sockets = [socket("idle", 1, 0), socket("busy", 9, 0)];
    const full = flows.ingest(batchAt(2, { closed: second, sockets }), STATUS);
    expect(full.flows.map((flow) => flow.id)).toEqual(["idle", "busy", "new"]);
    expect(full.loss).toEqual([{ cause: "flow_evicted", count: 1, bytes: 0 }]);
    const more = [...sockets, socket("c", 1, 0), socket("d", 1, 0)];
    const over = flows.ingest(batchAt(3, { sockets: more }), STATUS);
    expect(over.flows.map((flow) => flow.id)).toEqual(["busy", "c", "d"]);
    expect(over.totals.bytesSent).toBe(1 + 1 + 1 + 9 + 1 + 1);
    expect([over.totals.connections, over.loss[0]?.count]).toEqual([4, 3]);
  });

  test("counts an evicted socket on, and takes it back when it wakes or when there is room", () => {
    const flows = table();
    const all = (sent: number): ReturnType<typeof socket>[] =>
      ["a", "b", "c", "d"].map((id) => socket(id, id === "a" ? sent : 100, 0));
    flows.ingest(batchAt(0, { sockets: all(100) }), STATUS);
    const asleep = flows.ingest(batchAt(1, { sockets: all(100) }), STATUS);
    expect(asleep.flows.map((flow) => flow.id)).toEqual(["b", "c", "d"]);
    expect([asleep.totals.bytesSent, asleep.totals.connections, asleep.loss[0]?.count]).toEqual([0, 4, 1]);
    const awake = flows.ingest(batchAt(2, { sockets: all(150) }), STATUS);
    expect(awake.flows.map((flow) => [flow.id, flow.bytesSent])).toEqual([
      ["c", 100],
      ["d", 100],
      ["a", 150],
    ]);
    expect([awake.totals.bytesSent, awake.totals.sendBytesPerSecond > 0]).toEqual([50, true]);
    const rest = all(170).filter(({ identity }) => identity.id !== "c" && identity.id !== "d");
    flows.ingest(batchAt(3, { sockets: rest }), STATUS);
    flows.ingest(batchAt(4, { sockets: rest }), STATUS);
    const room = flows.ingest(batchAt(5, { sockets: rest }), STATUS);
    // A living one has a place rather than a closed one.
    expect(room.flows.map((flow) => [flow.id, flow.closed])).toEqual([
      ["d", true],
      ["a", false],
      ["b", false],
    ]);
    expect(room.totals.bytesSent).toBe(70);
    const later = flows.ingest(batchAt(80, { sockets: rest }), STATUS);
    expect(later.flows.map((flow) => [flow.id, flow.bytesSent, flow.closed])).toEqual([
      ["a", 170, false],
      ["b", 100, false],
    ]);
    expect(later.totals.bytesSent).toBe(70);
  });

  test("waits for the closing of a socket without a row as for any other", () => {
    const flows = table();
    const all = ["a", "b", "c", "d"].map((id) => socket(id, 100, 0));
    flows.ingest(batchAt(0, { sockets: all }), STATUS);
    flows.ingest(batchAt(1, { sockets: all.slice(1) }), STATUS);
    const told = flows.ingest(
      batchAt(2, { sockets: all.slice(1), closed: [closedAt(1, socket("a", 130, 0))] }),
      STATUS,
    );
    expect([told.totals.bytesSent, told.totals.connections, told.loss.length]).toEqual([30, 3, 1]);
    const few = flows.ingest(batchAt(3, { sockets: [] }), STATUS);
    expect(few.loss.map((loss) => loss.cause)).toEqual(["flow_evicted"]);
  });
});
