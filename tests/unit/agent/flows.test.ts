/** What the agent tells of flows: exact bytes per process and address, nothing where nothing moved, and every gap in what it saw. */
import { describe, expect, test } from "bun:test";
import { createFlowMonitor, type FlowMonitorOptions } from "../../../src/agent/flows.ts";
import type { CaptureStatus } from "../../../src/model/capture-status.ts";
import type { Batch, Capture } from "../../../src/model/contracts.ts";
import { FlowSummary, ObservationGap } from "../../../src/protocol/fleet/payloads.ts";
import type { NewEvent, Outbox } from "../../../src/telemetry/contract.ts";
import { batchAt, closedAt, processInfo, socket, STATUS } from "../../support/batches.ts";
import { waitFor } from "../../support/wait-for.ts";

type Parts = Partial<Batch> | Error;

/** Tells of the same world until the test changes it; what happened is told once. */
class Script {
  readonly status: CaptureStatus & { degradations: CaptureStatus["degradations"] } = { ...STATUS };
  sockets: Batch["sockets"] = [];
  next: Parts[] = [];
  samples = 0;
  opened = 0;
  openingFails = 0;
  /** How long a look at all sockets takes. */
  lookMs = 0;

  readonly open = (): Promise<Capture> => {
    this.opened += 1;
    if (this.openingFails > 0) {
      this.openingFails -= 1;
      return Promise.reject(new Error("no way to count"));
    }
    let isFirst = true;
    return Promise.resolve({
      status: () => this.status,
      sample: () => {
        const processes = isFirst ? [processInfo(7, "curl"), processInfo(8, "ssh")] : [];
        isFirst = false;
        return this.#sample(processes);
      },
      [Symbol.asyncDispose]: () => Promise.resolve(),
    });
  };

  #sample(processes: Batch["processes"]): Promise<Batch> {
    const parts = this.next.shift() ?? {};
    if (parts instanceof Error) return Promise.reject(parts);
    this.samples += 1;
    const until = performance.now() + this.lookMs;
    while (performance.now() < until); // as a capture works
    return Promise.resolve(batchAt(this.samples, { sockets: this.sockets, processes, ...parts }));
  }

  /** Until the capture was asked so many times more, and what it said was taken. */
  async after(samples: number): Promise<void> {
    const until = this.samples + samples + 1;
    await waitFor("samples", () => this.samples >= until);
  }
}

class Watched implements AsyncDisposable {
  readonly script = new Script();
  readonly events: NewEvent[] = [];
  readonly state: Map<string, string>;
  readonly warnings: string[] = [];
  readonly monitor: ReturnType<typeof createFlowMonitor>;
  nowMs = 1000;
  readonly #stop = new AbortController();
  readonly #running: Promise<void>;

  constructor(
    options: Partial<FlowMonitorOptions> = {},
    before: { toldUntil?: string; produced?: number; script?: Partial<Script> } = {},
  ) {
    this.state = new Map(before.toldUntil === undefined ? [] : [["flows_told_until", before.toldUntil]]);
    Object.assign(this.script, before.script);
    const outbox = {
      append: (_: string, event: NewEvent) => void this.events.push(event),
      flush: () => Promise.resolve(),
      status: () => ({ streams: [{ stream: "flow", produced: before.produced ?? 0 }] }),
    } as unknown as Outbox;
    this.monitor = createFlowMonitor({
      outbox,
      clock: { now: () => (this.nowMs += 1), monotonicMs: () => performance.now() },
      log: { info: () => undefined, warn: (line) => void this.warnings.push(line), error: () => undefined },
      helper: { use: "none" },
      intervalMs: 10,
      processIdOf: (key) => `${key.split(":")[1]}_1`,
      state: { get: (name) => this.state.get(name), set: (name, value) => void this.state.set(name, value) },
      openCapture: this.script.open,
      ...options,
    });
    this.#running = this.monitor.run(this.#stop.signal);
  }

  get summaries(): FlowSummary[] {
    const found = this.events.filter(({ type }) => type === "flow_summary");
    return found.map(({ payload }) => FlowSummary.parse(JSON.parse(payload)));
  }

  get gaps(): ObservationGap[] {
    const found = this.events.filter(({ type }) => type === "observation_gap");
    return found.map(({ payload }) => ObservationGap.parse(JSON.parse(payload)));
  }

  /** Bytes sent and received by process and address, and connections. */
  get sums(): Record<string, [number, number, number]> {
    const sums: Record<string, [number, number, number]> = {};
    for (const each of this.summaries) {
      const key = `${each.processName} ${each.processId} ${each.remoteAddress}`;
      const [sent, received, connections] = sums[key] ?? [0, 0, 0];
      sums[key] = [sent + each.bytesSent, received + each.bytesReceived, connections + each.connections];
    }
    return sums;
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

const OWNED = { owners: ["boot:7:1"], attribution: "exact" } as const;
const OTHER = {
  owners: ["boot:8:1"],
  attribution: "exact",
  identity: { remoteAddress: "203.0.113.9" },
} as const;

describe("summaries", () => {
  test("have the exact bytes of each process and address, and there are none where nothing moved", async () => {
    await using watched = new Watched();
    const { script } = watched;
    await script.after(1);
    script.sockets = [socket("a", 100, 1000, OWNED), socket("b", 10, 20, OTHER)];
    await script.after(2);
    script.sockets = [socket("a", 150, 3000, OWNED), socket("b", 10, 20, OTHER), socket("c", 7, 0, OWNED)];
    await script.after(2);
    const told = watched.events.length;
    await script.after(3);
    expect(watched.events.length).toBe(told);
    const closed = [closedAt(script.samples, socket("a", 160, 3000, OWNED))];
    script.sockets = script.sockets.slice(1);
    script.next = [{ closed }];
    await script.after(2);
    await watched.stop();
    expect(watched.sums).toEqual({
      "curl 7_1 198.51.100.1": [167, 3000, 2],
      "ssh 8_1 203.0.113.9": [10, 20, 1],
    });
    expect(watched.gaps).toEqual([]);
    const [first] = watched.summaries;
    expect(first).toMatchObject({
      protocol: "tcp",
      remotePort: 443,
      uncertaintyBytes: 0,
      meaning: "payload",
    });
    // Intervals follow each other without a hole and without an overlap.
    for (const { intervalStartMs, intervalEndMs } of watched.summaries)
      expect(intervalEndMs).toBeGreaterThan(intervalStartMs);
  });

  test("what was exchanged before the first sample is not told as if it had been seen", async () => {
    await using watched = new Watched({}, { script: { sockets: [socket("a", 5000, 5000, OWNED)] } });
    await watched.script.after(1);
    watched.script.sockets = [socket("a", 5001, 5000, OWNED)];
    await watched.script.after(2);
    expect(watched.sums).toEqual({ "curl 7_1 198.51.100.1": [1, 0, 1] });
  });

  test("come often while somebody watches, and what is left is told at the end", async () => {
    await using watched = new Watched({ intervalMs: 3_600_000 });
    const { script } = watched;
    await waitFor("the first sample", () => script.samples === 1);
    script.sockets = [socket("a", 100, 0, OWNED)];
    expect(watched.events).toEqual([]);
    const watchedAtMs = performance.now();
    watched.monitor.watch(20, 200);
    await waitFor("a summary", () => watched.summaries.length > 0);
    await waitFor("the end of the watch", () => performance.now() > watchedAtMs + 300);
    script.sockets = [socket("a", 130, 0, OWNED)];
    expect(watched.sums).toEqual({ "curl 7_1 198.51.100.1": [100, 0, 1] });
    await watched.stop();
    expect(watched.sums).toEqual({ "curl 7_1 198.51.100.1": [130, 0, 1] });
  });
});

test("where a look takes long there is none at the end, and what it would have shown is left to the next start", async () => {
  await using watched = new Watched({ intervalMs: 3_600_000 }, { script: { lookMs: 1500 } });
  const { script } = watched;
  await waitFor("the first sample", () => script.samples === 1);
  script.sockets = [socket("a", 100, 0, OWNED)];
  watched.nowMs = 90_000;
  await watched.stop();
  expect([script.samples, watched.summaries]).toEqual([1, []]);
  expect(Number(watched.state.get("flows_told_until"))).toBeLessThan(90_000);
});

describe("gaps", () => {
  test("from the last that was told until the start; none at the very first start", async () => {
    const first = new Watched();
    await first.script.after(2);
    await first.stop();
    expect(first.gaps).toEqual([]);
    const toldUntil = first.state.get("flows_told_until");
    expect(Number(toldUntil)).toBeGreaterThan(1000);
    await using second = new Watched({}, toldUntil === undefined ? {} : { toldUntil });
    second.nowMs = 90_000;
    await waitFor("the gap", () => second.gaps.length === 1);
    const [gap] = second.gaps;
    expect(gap).toMatchObject({ reason: "agent_stopped", fromMs: Number(toldUntil), lost: null });
    expect(gap?.toMs).toBeGreaterThanOrEqual(90_000);
    await second.script.after(2);
    expect(second.gaps).toHaveLength(1);
    expect(Number(second.state.get("flows_told_until"))).toBeGreaterThan(90_000);
  });

  test("where flows were told, and the state does not say any more until when, nobody knows since when", async () => {
    await using watched = new Watched({}, { produced: 3 });
    await watched.script.after(2);
    expect(watched.gaps).toMatchObject([{ reason: "agent_stopped", fromMs: 0, lost: null }]);
  });

  test("a clock that was set back, or a text that is no time, makes no gap that is none", async () => {
    await using back = new Watched({}, { toldUntil: "5000000" });
    await waitFor("the gap", () => back.gaps.length === 1);
    expect(back.gaps[0]?.fromMs).toBe(back.gaps[0]?.toMs ?? -1);
    await using nonsense = new Watched({}, { toldUntil: "soon" });
    await nonsense.script.after(1);
    expect(nonsense.gaps).toEqual([]);
  });

  test("while no capture opens, told in pieces, and once more when it is told to end", async () => {
    await using watched = new Watched({}, { script: { openingFails: 2 } });
    await waitFor("it to work", () => watched.script.samples > 1, 10_000);
    expect(watched.gaps.map(({ reason }) => reason)).toEqual(["capture_failed", "capture_failed"]);
    expect(watched.gaps[1]?.fromMs).toBeGreaterThanOrEqual(watched.gaps[0]?.toMs ?? Infinity);
    expect(watched.warnings).toEqual(["flows can't be watched: no way to count"]);
    await using never = new Watched({}, { script: { openingFails: 1000 } });
    await waitFor("an attempt", () => never.script.opened > 0);
    await never.stop();
    expect(never.gaps.at(-1)).toMatchObject({ reason: "capture_failed", lost: null });
  });

  test("a capture that breaks off: what it saw is told, the time without one is a gap, the next counts from its beginning", async () => {
    await using watched = new Watched();
    const { script } = watched;
    await script.after(1);
    script.sockets = [socket("a", 100, 0, OWNED)];
    await script.after(2);
    script.next = [new Error("the socket is gone")];
    // What moves before the next one looks is what nobody saw.
    script.sockets = [socket("a", 140, 0, OWNED)];
    await waitFor("the second", () => script.opened === 2, 10_000);
    await script.after(2);
    expect(watched.sums["curl 7_1 198.51.100.1"]?.[0]).toBe(100);
    script.sockets = [socket("a", 145, 0, OWNED)];
    await script.after(2);
    expect(watched.sums["curl 7_1 198.51.100.1"]?.[0]).toBe(105);
    expect(watched.gaps.map(({ reason }) => reason)).toEqual(["capture_failed"]);
  });

  test("what was lost on the way, by who lost it and how much; what costs detail alone is none", async () => {
    await using watched = new Watched();
    const { script } = watched;
    await script.after(1);
    script.next = [
      {
        loss: [
          { cause: "bytes_map_full", count: 3, bytes: undefined },
          { cause: "flow_evicted", count: 2, bytes: undefined },
          { cause: "closed_row_missed", count: 4, bytes: undefined },
          { cause: "helper_interrupted", count: 1, bytes: undefined },
          { cause: "process_unreadable", count: 9, bytes: 0 },
          { cause: "event_dropped", count: 9, bytes: 0 },
        ],
      },
    ];
    await script.after(2);
    script.next = [{ loss: [{ cause: "netlink_overflow", count: 1, bytes: undefined }] }];
    await script.after(2);
    expect(watched.gaps.map(({ reason, lost }) => [reason, lost])).toEqual([
      ["kernel_dropped", 5],
      ["helper_dropped", 4],
      ["helper_away", 1],
      ["kernel_dropped", 1],
    ]);
  });

  test("the helper goes and comes back: one gap over the time between", async () => {
    await using watched = new Watched();
    const { script } = watched;
    await script.after(1);
    script.status.degradations = [{ code: "helper_gone", message: "gone", remedy: "start it" }];
    await script.after(3);
    expect(watched.gaps).toEqual([]);
    expect(watched.monitor.notices).toEqual(["gone"]);
    script.status.degradations = [];
    await script.after(2);
    const [gap, ...others] = watched.gaps;
    expect(gap).toMatchObject({ reason: "helper_away", lost: null });
    expect((gap?.toMs ?? 0) - (gap?.fromMs ?? 0)).toBeGreaterThan(2);
    expect(others).toEqual([]);
    script.status.degradations = [{ code: "helper_gone", message: "gone", remedy: "start it" }];
    await script.after(2);
    await watched.stop();
    expect(watched.gaps).toHaveLength(2);
  });

  test("more connections than there is room for: those that ended untold are counted, and no others", async () => {
    await using watched = new Watched({ flowsMax: 3 });
    const { script } = watched;
    await script.after(1);
    const crowd = [1, 2, 3, 4, 5].map((id) => closedAt(script.samples, socket(`s${id}`, 100, 0, OWNED)));
    script.next = [{ closed: crowd }];
    await script.after(4);
    expect(watched.gaps.map(({ reason, lost }) => [reason, lost])).toEqual([["table_full", 2]]);
    expect(watched.sums).toEqual({ "curl 7_1 198.51.100.1": [300, 0, 3] });
  });
});
