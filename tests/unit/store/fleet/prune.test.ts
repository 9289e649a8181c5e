/** Forgetting what is old, by the parent's own time of receiving it, whatever clocks say: an agent's, or the parent's of that day. */
import { expect, test } from "bun:test";
import type { FleetStore } from "../../../../src/store/fleet/contract.ts";
import { hashFor, note, Processes, T0, StoredAgent } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

const DAY_MS = 86_400_000;
const YEARS_MS = 3650 * DAY_MS;

/** One batch with one event at each of these times of the parent. */
async function receivedAt(store: FleetStore, agent: StoredAgent, times: readonly number[]): Promise<void> {
  let chain: string | null = null;
  for (const [index, receivedAtMs] of times.entries()) {
    const batch = agent.batch("health", [note(index + 1)], { previousChain: chain });
    chain = batch.chains.at(-1) ?? null;
    await store.events.ingest([{ ...batch, receivedAtMs }]);
  }
}

async function seqs(store: FleetStore): Promise<number[]> {
  return (await store.events.events({ limit: 1000 })).items.map(({ seq }) => seq).reverse();
}

test("what came while the parent's clock was years ahead does not keep what came after it for ever", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  const ahead = Array.from({ length: 30 }, (_, index) => T0 + YEARS_MS + index);
  const right = Array.from({ length: 30 }, (_, index) => T0 + index);
  await receivedAt(store, agent, [...ahead, ...right, T0 + DAY_MS]);
  expect(await store.events.prune(T0, 10)).toBe(0);
  let steps = 0;
  while ((await store.events.prune(T0 + DAY_MS, 10)) > 0) steps += 1;
  expect(steps).toBeLessThan(20);
  expect(await seqs(store)).toEqual([61]);
  const [left] = (await store.events.events({ limit: 1 })).items;
  expect(await store.events.proof(agent.id, "health", left?.epoch ?? "", 61)).toBeDefined();
});

test("what came while the parent's clock was years behind makes nothing old that came before it, nor is it old itself", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  await receivedAt(store, agent, [T0, T0 + 1, T0 - YEARS_MS, T0 - YEARS_MS + 1, T0 + 2, T0 + 3]);
  expect(await store.events.prune(T0 - DAY_MS, 10)).toBe(0);
  expect(await seqs(store)).toEqual([1, 2, 3, 4, 5, 6]);
  while ((await store.events.prune(T0 + 3, 10)) > 0);
  expect(await seqs(store)).toEqual([6]);
});

test("a clock that is decades behind makes nothing old", async () => {
  await using temporary = await temporaryStore();
  const agent = new StoredAgent();
  await agent.join(temporary.store);
  await receivedAt(temporary.store, agent, [T0, T0 + 1]);
  expect(await temporary.store.events.prune(-DAY_MS, 10)).toBe(0);
  expect(await seqs(temporary.store)).toEqual([1, 2]);
});

test("a process is kept from when the parent was told of its end, whatever the agent's clock says", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  const processes = new Processes();
  const [past, future, running] = [
    processes.running(1, "bash", 1000),
    processes.running(2, "curl", T0 + YEARS_MS),
    processes.running(3, "sshd", 1000),
  ];
  const items = [
    processes.started(past),
    processes.started(future),
    processes.started(running),
    processes.stopped(past, 2000),
    processes.stopped(future, T0 + YEARS_MS + 1),
  ];
  await store.events.ingest([{ ...agent.batch("process", items), receivedAtMs: T0 }]);
  const names = async (): Promise<string[]> =>
    (await store.events.processes({ limit: 10 })).items.map(({ name }) => name).toSorted();
  await store.events.prune(T0, 100);
  expect(await names()).toEqual(["bash", "curl", "sshd"]);
  await store.events.prune(T0 + 1, 100);
  expect(await names()).toEqual(["sshd"]);
});

test("what was said about a program goes with it, and stays with a person's word", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  const agent = new StoredAgent();
  await agent.join(store);
  const processes = new Processes();
  const items = ["bash", "steam"].map((name, index) => processes.started(processes.running(index + 1, name)));
  await store.events.ingest([{ ...agent.batch("process", items), receivedAtMs: T0 }]);
  const { classifications } = store;
  for (const name of ["bash", "steam", "only asked about"]) {
    const program = { name, path: null, fileHash: null, signature: null, publisher: null, version: null };
    const request = { fingerprintHash: hashFor(name), ...program };
    await classifications.classify(request, "utility", "builtin", 0.9, null, T0);
  }
  await classifications.override(hashFor("steam"), "game", null, { name: "ann", address: null }, T0);
  while ((await store.events.prune(T0 + 366 * DAY_MS, 100)) > 0);
  expect((await classifications.list({ limit: 10 })).items.map(({ processName }) => processName)).toEqual([
    "steam",
  ]);
  for (const name of ["bash", "only asked about"])
    expect(await classifications.history(hashFor(name))).toEqual([]);
  expect(await classifications.history(hashFor("steam"))).toHaveLength(2);
});
