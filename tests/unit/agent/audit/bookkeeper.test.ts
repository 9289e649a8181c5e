/** The registry in step with what was told: what is in memory alone is never noted as told, whatever comes in between. */
import { closeSync, openSync, readFileSync, writeSync } from "node:fs";
import { expect, test } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { Bookkeeper, Turn } from "../../../../src/agent/audit/bookkeeper.ts";
import { RunningProcesses, type KnownProcess } from "../../../../src/agent/audit/running.ts";
import { ProcessRegistryStore } from "../../../../src/store/process-registry.ts";
import { KeptOutbox } from "../../../support/fleet/audit-world.ts";
import { tmpdir, type TemporaryDirectory } from "../../../support/tmpdir.ts";
import { Processes } from "../../../support/fleet/stored.ts";

const BOOT = "b".repeat(32);

/** Stores when it is let. */
class SlowOutbox extends KeptOutbox {
  readonly #waiting: (() => void)[] = [];

  override flush(): Promise<void> {
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  store(): void {
    this.#waiting.shift()?.();
  }
}

class World implements AsyncDisposable {
  readonly outbox = new SlowOutbox();
  readonly running = new RunningProcesses();
  readonly path: string;
  readonly registry: ProcessRegistryStore;
  readonly bookkeeper: Bookkeeper;
  readonly #directory: TemporaryDirectory;

  private constructor(directory: TemporaryDirectory) {
    this.#directory = directory;
    this.path = join(directory.path, "processes.db");
    this.registry = ProcessRegistryStore.open(this.path);
    this.bookkeeper = new Bookkeeper({
      registry: this.registry,
      running: this.running,
      outbox: this.outbox,
      bootId: BOOT,
      nowMs: () => 1000,
    });
    this.registry.beginBoot(BOOT, 1);
  }

  static async begin(): Promise<World> {
    return new World(await tmpdir());
  }

  begun(pid: number): Turn {
    const known: KnownProcess = {
      told: new Processes().running(pid, "sleep"),
      isLocal: false,
      startNs: undefined,
      startTicks: 0,
    };
    this.running.put(known);
    const turn = new Turn();
    turn.begun.push(known);
    return turn;
  }

  tellings(): Record<string, string> {
    const rows = this.registry.restore()?.processes ?? [];
    return Object.fromEntries(rows.map(({ pid, telling }) => [pid, telling]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.registry.close();
    await this.#directory[Symbol.asyncDispose]();
  }
}

/** All but the first page; whoever has it open finds it out with the next statement. */
function damage(path: string): void {
  using other = new Database(path);
  other.run("UPDATE observation SET until_ms = until_ms + 1");
  other.run("PRAGMA wal_checkpoint(TRUNCATE)");
  const bytes = readFileSync(path);
  bytes.fill(0x5a, 4096);
  const file = openSync(path, "r+");
  writeSync(file, bytes);
  closeSync(file);
}

test("what comes while something is being stored is not noted as told with it", async () => {
  await using world = await World.begin();
  const { bookkeeper, outbox } = world;
  const first = world.begun(1);
  bookkeeper.before(first);
  const firstStored = bookkeeper.after(first, 100);
  await Promise.resolve();
  const second = world.begun(2);
  bookkeeper.before(second);
  const secondStored = bookkeeper.after(second, 200);
  expect(world.tellings()).toEqual({ 1: "starting", 2: "starting" });
  outbox.store();
  await firstStored;
  expect(world.tellings()).toEqual({ 1: "told", 2: "starting" });
  outbox.store();
  await secondStored;
  expect(world.tellings()).toEqual({ 1: "told", 2: "told" });
});

test("what can't be noted is not to be told yet, and the registry stays as it was", async () => {
  await using world = await World.begin();
  const { bookkeeper, outbox, path } = world;
  const turn = world.begun(1);
  using other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  expect(bookkeeper.before(turn)).toBe(false);
  expect(world.tellings()).toEqual({});
  other.run("ROLLBACK");
  expect(bookkeeper.before(turn)).toBe(true);
  const stored = bookkeeper.after(turn, 100);
  await Promise.resolve();
  outbox.store();
  await stored;
  expect(world.tellings()).toEqual({ 1: "told" });
});

test("after it was given up, the registry is written as a whole, and told is only what is stored", async () => {
  await using world = await World.begin();
  const { bookkeeper, path } = world;
  const lost = world.begun(1);
  using other = new Database(path);
  other.run("BEGIN IMMEDIATE");
  expect(bookkeeper.before(lost)).toBe(false);
  bookkeeper.giveUp();
  other.run("ROLLBACK");
  expect(bookkeeper.before(world.begun(2))).toBe(true);
  expect(world.tellings()).toEqual({ 1: "starting", 2: "starting" });
});

test("a registry that is found damaged is written as a whole, of those too of whom nothing is told now", async () => {
  await using world = await World.begin();
  const { bookkeeper, outbox, path } = world;
  const stored = (world.begun(1), bookkeeper.after(world.begun(1), 100));
  await Promise.resolve();
  outbox.store();
  await stored;
  damage(path);
  const turn = world.begun(2);
  expect(bookkeeper.before(turn)).toBe(false);
  expect(world.tellings()).toEqual({});
  expect(bookkeeper.before(turn)).toBe(true);
  const again = bookkeeper.after(turn, 200);
  await Promise.resolve();
  outbox.store();
  await again;
  expect(world.tellings()).toEqual({ 1: "told", 2: "told" });
});

test("until when was observed is kept once all that was told before is stored", async () => {
  await using world = await World.begin();
  const { bookkeeper, outbox, registry } = world;
  const stored = bookkeeper.after(new Turn(), 100);
  await Promise.resolve();
  expect(registry.restore()?.observedUntilMs).toBe(1);
  outbox.store();
  await stored;
  expect(registry.restore()?.observedUntilMs).toBe(100);
});

test("those of whom nobody knows whether they were told stay so until it is stored that they are", async () => {
  await using world = await World.begin();
  const { bookkeeper, outbox } = world;
  const { begun } = world.begun(1);
  let told = 0;
  const settled = bookkeeper.settle(begun, () => (told += 1));
  expect(told).toBe(1);
  expect(world.tellings()).toEqual({ 1: "starting" });
  await Promise.resolve();
  outbox.store();
  await settled;
  expect(world.tellings()).toEqual({ 1: "told" });
});

test("while the outbox can't store for long, memory stays bounded, and afterwards the registry is right again", async () => {
  await using directory = await tmpdir();
  let storageProblem: string | null = "it was made by a newer wb";
  const outbox = new KeptOutbox();
  const status = outbox.status();
  outbox.status = () => ({ ...status, storageProblem });
  const running = new RunningProcesses();
  const registry = ProcessRegistryStore.open(join(directory.path, "processes.db"));
  const bookkeeper = new Bookkeeper({ registry, running, outbox, bootId: BOOT, nowMs: () => 1000 });
  registry.beginBoot(BOOT, 1);
  const tellOf = async (begun: readonly KnownProcess[], ended: readonly KnownProcess[]): Promise<void> => {
    const turn = new Turn();
    turn.begun.push(...begun);
    turn.ended.push(...ended);
    for (const process of begun) running.put(process);
    for (const { told } of ended) running.remove(told.processId);
    expect(bookkeeper.before(turn)).toBe(true);
    await bookkeeper.after(turn, 100);
  };
  const known = (pid: number): KnownProcess => {
    const told = new Processes().running(pid, "sleep");
    return { told, isLocal: false, startNs: undefined, startTicks: 0 };
  };
  const stays = known(1);
  await tellOf([stays], []);
  const passing: WeakRef<KnownProcess>[] = [];
  for (let turn = 0; turn < 50; turn += 1) {
    const some = Array.from({ length: 500 }, (_, index) => known(10 + turn * 500 + index));
    passing.push(...some.map((each) => new WeakRef(each)));
    await tellOf(some, []);
    await tellOf([], some);
  }
  Bun.gc(true);
  expect(passing.filter((each) => each.deref() !== undefined).length).toBeLessThan(15_000);
  storageProblem = null;
  await tellOf([known(2)], []);
  const rows = registry.restore()?.processes ?? [];
  expect(Object.fromEntries(rows.map(({ pid, telling }) => [pid, telling]))).toEqual({
    1: "starting",
    2: "told",
  });
  registry.close();
}, 30_000);
