/** What the parent makes of process events and flow summaries: the processes of each agent, and when it needs a snapshot. */
import { describe, expect, test } from "bun:test";
import type { ProcessRecord } from "../../../../src/model/fleet.ts";
import type { BatchItem, EventItem } from "../../../../src/protocol/fleet/envelope.ts";
import type { FleetStore, IngestOutcome } from "../../../../src/store/fleet/contract.ts";
import {
  event,
  EPOCH_B,
  flow,
  hashFor,
  loss,
  Processes,
  T0,
  StoredAgent,
} from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

type Stored = Extract<IngestOutcome, { kind: "stored" }>;

/** One agent with its process stream, told in batches. */
class Told {
  readonly agent = new StoredAgent();
  readonly processes = new Processes();
  #chain: string | null = null;
  readonly #store: FleetStore;

  constructor(store: FleetStore) {
    this.#store = store;
  }

  async tell(items: readonly BatchItem[], receivedAtMs = T0 + 1000): Promise<Stored> {
    const batch = this.agent.batch("process", items, { previousChain: this.#chain });
    this.#chain = batch.chains.at(-1) ?? null;
    const [outcome] = await this.#store.events.ingest([{ ...batch, receivedAtMs }]);
    if (outcome?.kind !== "stored") throw new Error(JSON.stringify(outcome));
    return outcome;
  }

  async known(query: { running?: boolean } = {}): Promise<string[]> {
    const page = await this.#store.events.processes({ agentId: this.agent.id, limit: 100, ...query });
    return page.items.map(summary);
  }
}

/** The same event at another place. */
function at(seq: number, item: EventItem): EventItem {
  return { ...item, seq };
}

function summary({ pid, name, stoppedAtMs, isEndExact }: ProcessRecord): string {
  const end = stoppedAtMs === null ? "runs" : `until ${stoppedAtMs - T0}${isEndExact ? "" : "~"}`;
  return `${pid} ${name} ${end}`;
}

describe("processes", () => {
  test("start, change and stop, each told as it was then", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const shell = processes.running(10, "bash");
    const first = await told.tell([processes.snapshot([], { takenAtMs: T0 }), processes.started(shell)]);
    const record: ProcessRecord = {
      agentId: told.agent.id,
      processId: `10_${T0 + 10}`,
      pid: 10,
      name: "bash",
      path: "/usr/bin/bash",
      commandLine: "bash --quiet",
      parentPid: 1,
      parentProcessId: `1_${T0}`,
      userName: "ann",
      fingerprintHash: hashFor("bash"),
      category: "utility",
      categorySource: null,
      publisher: "Debian",
      version: "1.0",
      startedAtMs: T0 + 10,
      stoppedAtMs: null,
      isEndExact: true,
    };
    expect(first.processes).toEqual([record]);
    expect(first.needsSnapshot).toBe(false);

    const changed = { ...shell, fingerprintHash: hashFor("vim") };
    changed.fingerprint = { ...shell.fingerprint, name: "vim", path: "/usr/bin/vim" };
    const second = await told.tell([
      event(3, "process_changed", {
        eventType: "changed",
        processId: shell.processId,
        fingerprintHash: changed.fingerprintHash,
        eventData: changed,
        timestamp: "2026-03-01T12:00:00.000Z",
        baseHash: processes.setHash,
      }),
    ]);
    const vim = { ...record, name: "vim", path: "/usr/bin/vim", fingerprintHash: hashFor("vim") };
    expect(second.processes).toEqual([vim]);
    expect(second.needsSnapshot).toBe(false);

    processes.silently("start", processes.running(0, "skipped")); // takes the place of seq 3
    processes.silently("stop", processes.running(0, "skipped"));
    const stop = { ...processes.stopped(shell, T0 + 500), seq: 4 };
    expect((await told.tell([stop])).processes).toEqual([{ ...vim, stoppedAtMs: T0 + 500 }]);
    expect(await told.known()).toEqual(["10 vim until 500"]);
    expect(await told.known({ running: true })).toEqual([]);
    expect((await temporary.store.agents.summary(told.agent.id, 0))?.runningProcesses).toBe(0);
  });

  test("that live between two batches, or within one, are told twice and stored once", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const short = processes.running(20, "true");
    const outcome = await told.tell([processes.started(short), processes.stopped(short, T0 + 21)]);
    expect(outcome.processes.map(summary)).toEqual(["20 true runs", "20 true until 21"]);
    expect(await told.known()).toEqual(["20 true until 21"]);
  });

  test("whose start comes after their stop, or never, have one row that says what is known", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const late = processes.running(30, "late");
    const never = processes.running(31, "never");
    const start = processes.started(late);
    processes.silently("start", never);
    const stops = [processes.stopped(late, T0 + 40), processes.stopped(never, T0 + 41, false)];
    const first = await told.tell(stops.map((item, index) => at(index + 1, item)));
    expect(first.processes.map(summary)).toEqual(["30 late until 40", "31 never until 41~"]);
    expect(first.processes[0]).toMatchObject({ path: null, commandLine: "", category: "unknown" });
    const second = await told.tell([{ ...start, seq: 3 }]);
    expect(second.processes).toMatchObject([{ path: "/usr/bin/late", stoppedAtMs: T0 + 40 }]);
    expect(await told.known()).toEqual(["31 never until 41~", "30 late until 40"]);
    expect((await temporary.store.agents.summary(told.agent.id, 0))?.runningProcesses).toBe(0);
  });

  test("told again in another epoch make no second row, and no second telling", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const one = processes.running(50, "one");
    const items = [processes.started(one), processes.stopped(one, T0 + 60)];
    await told.tell(items);
    const otherwise = event(2, "process_stopped", items[1]?.payload.replaceAll(`${T0 + 60}`, `${T0 + 99}`));
    const again = told.agent.batch("process", [items[0] ?? otherwise, otherwise], { epoch: EPOCH_B });
    const [outcome] = await temporary.store.events.ingest([again]);
    expect(outcome).toMatchObject({ kind: "stored", cursor: 2, processes: [] });
    expect(await told.known()).toEqual(["50 one until 60"]);
  });
});

describe("a snapshot", () => {
  test("is asked for once when the sets differ, and makes them agree again", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const [stays, goes, comes, next] = [1, 2, 3, 4].map((pid) => processes.running(pid, `p${pid}`));
    if (!stays || !goes || !comes || !next) throw new Error("four");
    await told.tell([
      processes.snapshot([], { takenAtMs: T0 }),
      processes.started(stays),
      processes.started(goes),
    ]);
    // Two events are lost: one that stopped, one that started.
    processes.silently("stop", goes);
    processes.silently("start", comes);
    const lost = loss(4, 5);
    const events = [processes.started(next), processes.stopped(next, T0 + 50)];
    const after = await told.tell([lost, ...events.map((item, index) => at(index + 6, item))]);
    expect(after.needsSnapshot).toBe(true);
    const again = processes.running(5, "p5");
    expect((await told.tell([{ ...processes.started(again), seq: 8 }])).needsSnapshot).toBe(false);

    const snapshot = processes.snapshot([stays, comes, again], { takenAtMs: T0 + 90 });
    const outcome = await told.tell([{ ...snapshot, seq: 9 }]);
    expect(outcome.processes.map(summary)).toEqual(["3 p3 runs", "2 p2 until 90~"]);
    expect(await told.known({ running: true })).toEqual(["3 p3 runs", "5 p5 runs", "1 p1 runs"]);
    expect((await temporary.store.agents.summary(told.agent.id, 0))?.runningProcesses).toBe(3);
    expect((await told.tell([{ ...processes.stopped(again, T0 + 99), seq: 10 }])).needsSnapshot).toBe(false);
    // It can be asked for again.
    processes.silently("stop", stays);
    expect((await told.tell([{ ...processes.stopped(comes, T0 + 99), seq: 11 }])).needsSnapshot).toBe(true);
  });

  test("is asked for again after a while, where it does not come", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    processes.silently("start", processes.running(1, "unseen"));
    const needs = async (pid: number, atMs: number): Promise<boolean> =>
      (await told.tell([processes.started(processes.running(pid, "p"))], atMs)).needsSnapshot;
    expect(await needs(2, T0)).toBe(true);
    expect(await needs(3, T0 + 59_999)).toBe(false);
    expect(await needs(4, T0 + 60_000)).toBe(true);
    expect(await needs(5, T0 + 60_001)).toBe(false);
  });

  test("in parts ends nobody before its last part, and nobody where a part is missing", async () => {
    await using temporary = await temporaryStore();
    const told = new Told(temporary.store);
    await told.agent.join(temporary.store);
    const { processes } = told;
    const [one, two, three] = [1, 2, 3].map((pid) => processes.running(pid, `p${pid}`));
    if (!one || !two || !three) throw new Error("three");
    await told.tell([processes.started(one), processes.started(two), processes.started(three)]);
    const of = { parts: 3, takenAtMs: T0 + 10 };
    await told.tell([
      processes.snapshot([one], { ...of, part: 1 }),
      loss(5, 5),
      { ...processes.snapshot([], { ...of, part: 3 }), seq: 6 },
    ]);
    expect(await told.known({ running: true })).toEqual(["3 p3 runs", "2 p2 runs", "1 p1 runs"]);
    processes.silently("stop", two);
    const whole = { ...of, id: "6".repeat(16) };
    await told.tell([{ ...processes.snapshot([one], { ...whole, part: 1 }), seq: 7 }]);
    await told.tell([{ ...processes.snapshot([three], { ...whole, part: 2 }), seq: 8 }]);
    expect(await told.known({ running: true })).toEqual(["3 p3 runs", "2 p2 runs", "1 p1 runs"]);
    await told.tell([{ ...processes.snapshot([], { ...whole, part: 3 }), seq: 9 }]);
    expect(await told.known({ running: true })).toEqual(["3 p3 runs", "1 p1 runs"]);
  });
});

describe("reading", () => {
  test("connections are as they were told, the newest first", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const flows = [flow(0), flow(1), { ...flow(2), processId: null, uncertaintyBytes: null }];
    const items = flows.map((payload, index) => event(index + 1, "flow_summary", payload));
    const records = flows.map((payload) => Object.assign({ agentId: agent.id }, payload));
    const [outcome] = await store.events.ingest([agent.batch("flow", items)]);
    expect(outcome).toMatchObject({ kind: "stored", connections: records });
    const read = async (query: object): Promise<unknown> =>
      (await store.events.connections({ limit: 10, ...query })).items;
    expect(await read({})).toEqual(records.toReversed());
    expect(await read({ sinceMs: T0 + 2000 })).toEqual([records[2]]);
    expect(await read({ untilMs: T0 + 1000 })).toEqual([records[0]]);
    expect(await read({ search: "EXAMPLE.org" })).toEqual([records[2], records[0]]);
    expect(await read({ search: "%" })).toEqual([]);
    expect(await read({ agentId: "nobody" })).toEqual([]);
  });

  test("processes by category, text and time", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const told = new Told(store);
    await told.agent.join(store);
    const { processes } = told;
    const [steam, bash] = [processes.running(1, "steam"), processes.running(2, "bash")];
    await told.tell([processes.started(steam), processes.started(bash), processes.stopped(bash, T0 + 100)]);
    const actor = { name: "ann", address: null };
    await store.classifications.override(hashFor("steam"), "game", null, actor, T0);
    const names = async (query: object): Promise<string[]> =>
      (await store.events.processes({ limit: 10, ...query })).items.map(({ name }) => name);
    expect(await names({})).toEqual(["bash", "steam"]);
    expect(await names({ category: "game" })).toEqual(["steam"]);
    expect(await names({ category: "utility" })).toEqual(["bash"]);
    expect(await names({ search: "BASH --q" })).toEqual(["bash"]);
    expect(await names({ search: "st_am" })).toEqual([]);
    expect(await names({ running: true })).toEqual(["steam"]);
    expect(await names({ running: false, agentId: told.agent.id })).toEqual(["bash"]);
    expect(await names({ sinceMs: T0 + 101 })).toEqual(["steam"]);
    expect(await names({ untilMs: T0 + 2 })).toEqual(["steam"]);
    const [record] = (await store.events.processes({ category: "game", limit: 1 })).items;
    expect(record).toMatchObject({ category: "game", categorySource: "parent_override" });
  });
});
