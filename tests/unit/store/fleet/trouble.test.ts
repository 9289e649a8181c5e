/** What outlives trouble: a parent that is killed while it stores, and a disk that is full. */
import { expect, test } from "bun:test";
import { mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { WbError } from "../../../../src/model/errors.ts";
import { openFleetStore } from "../../../../src/store/fleet/open.ts";
import { EPOCH_A, note, StoredAgent } from "../../../support/fleet/stored.ts";
import { loopBatch } from "../../../support/fleet/loop-batch.ts";
import { failureOf } from "../../../support/failure.ts";
import { testWith } from "../../../support/needs.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const LOOP = new URL("../../../support/fleet/ingest-loop.ts", import.meta.url).pathname;

test("a parent that is killed has stored all that it acknowledged, in whole batches", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const keyPath = join(directory.path, "key.pem");
  const agent = new StoredAgent();
  writeFileSync(keyPath, agent.identity.toPem());
  const first = await openFleetStore(path);
  await agent.join(first);
  await first.close();
  let acknowledged = 0;
  for (const batches of [3, 40, 17, 1, 90]) {
    const child = Bun.spawn([process.execPath, LOOP, path, keyPath], { stdout: "pipe", stderr: "inherit" });
    let text = "";
    for await (const piece of child.stdout) {
      text += new TextDecoder().decode(piece);
      if (text.split("\n").length > batches) child.kill("SIGKILL");
    }
    await child.exited;
    acknowledged = Number(text.slice(0, text.lastIndexOf("\n")).split("\n").at(-1));
    const store = await openFleetStore(path);
    const [account] = await store.events.reconciliation(agent.id);
    const cursor = account?.cursor ?? 0;
    expect(cursor).toBeGreaterThanOrEqual(acknowledged);
    expect(cursor % 11).toBe(0);
    expect(account).toMatchObject({ stored: (cursor / 11) * 9, lost: (cursor / 11) * 2 });
    const page = await store.events.events({ agentId: agent.id, limit: 9 });
    expect(page.items.map(({ seq }) => cursor - seq)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10]);
    // The answer that was lost with the process: the same again is known.
    const [again] = await store.events.ingest([loopBatch(agent.identity, cursor - 11)]);
    expect(again).toMatchObject({ kind: "stored", cursor, fresh: [] });
    await store.close();
  }
  const database = new Database(path, { readonly: true });
  const counts = database
    .query(
      "SELECT count(*) AS events, count(DISTINCT seq) AS seqs, max(seq) AS last FROM agent_process_events",
    )
    .get() as { events: number; seqs: number; last: number };
  expect(counts.events).toBe(counts.seqs);
  expect(counts.events).toBe(((counts.last + 2) / 11) * 9);
  expect(database.query("PRAGMA integrity_check").get()).toEqual({ integrity_check: "ok" });
  database.close();
}, 300_000);

test("an agent is told only of what is on the disk: where a sync failed, of nothing until it is", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "fleet.db");
  const store = await openFleetStore(path);
  const agent = new StoredAgent();
  const other = new StoredAgent();
  await agent.join(store);
  await other.join(store);
  await store.close();

  const again = await openFleetStore(path);
  const of = [{ stream: "health", epoch: EPOCH_A }];
  const batch = agent.batch("health", [note(1), note(2)]);
  renameSync(`${path}-wal`, `${path}-away`); // so that it can't be synced; SQLite has it open
  expect(await failureOf(again.events.ingest([batch]))).toContain("can't be used");
  expect(await failureOf(again.events.cursors(agent.id, of))).toContain("can't be used");
  expect(await again.events.cursors(other.id, of)).toMatchObject([{ cursor: 0 }]);
  renameSync(`${path}-away`, `${path}-wal`);
  // It was in the log, and with the log it has become durable: sent again, it is known.
  expect(await again.events.cursors(agent.id, of)).toMatchObject([{ cursor: 2 }]);
  expect(await again.events.ingest([batch])).toMatchObject([{ kind: "stored", cursor: 2, fresh: [] }]);
  await again.close();
});

testWith(
  ["root", "program:mount"],
  "a full disk refuses whole batches, and nothing is lost when there is room",
  async () => {
    await using directory = await tmpdir();
    const disk = join(directory.path, "disk");
    mkdirSync(disk);
    expect(Bun.spawnSync(["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", disk]).exitCode).toBe(0);
    try {
      const store = await openFleetStore(join(disk, "fleet.db"));
      const agent = new StoredAgent();
      await agent.join(store);
      writeFileSync(join(disk, "ballast"), Buffer.alloc(1_500_000));
      let cursor = 0;
      let chain: string | null = null;
      const next = (): ReturnType<StoredAgent["batch"]> =>
        agent.batch(
          "health",
          Array.from({ length: 50 }, (_, index) => note(cursor + 1 + index, "x".repeat(1000))),
          { previousChain: chain },
        );
      let refusal: unknown;
      while (refusal === undefined && cursor < 10_000) {
        const batch = next();
        try {
          await store.events.ingest([batch]);
          chain = batch.chains.at(-1) ?? null;
          cursor += 50;
        } catch (error) {
          refusal = error;
        }
      }
      expect(cursor).toBeGreaterThan(0);
      expect(refusal).toBeInstanceOf(WbError);
      expect((refusal as WbError).code).toBe("storage");
      expect((refusal as WbError).message).toEndWith("can't be used: the disk is full");
      const account = { stream: "health", epoch: EPOCH_A, lost: 0, produced: null };
      expect(await store.events.reconciliation(agent.id)).toEqual([{ ...account, cursor, stored: cursor }]);
      writeFileSync(join(disk, "more"), "");
      expect(Bun.spawnSync(["sh", "-c", `cat /dev/zero > ${disk}/more 2>/dev/null; true`]).exitCode).toBe(0);
      expect(await store.check()).toEndWith("can't be used: the disk is full");
      expect((await store.events.events({ agentId: agent.id, limit: 5 })).items[0]?.seq).toBe(cursor);

      rmSync(join(disk, "ballast"));
      rmSync(join(disk, "more"));
      expect(await store.check()).toBeUndefined();
      expect(await store.events.ingest([next()])).toMatchObject([{ kind: "stored", cursor: cursor + 50 }]);
      expect(await store.events.reconciliation(agent.id)).toEqual([
        { ...account, cursor: cursor + 50, stored: cursor + 50 },
      ]);
      await store.close();
      const again = await openFleetStore(join(disk, "fleet.db"));
      expect(await again.events.reconciliation(agent.id)).toMatchObject([{ cursor: cursor + 50 }]);
      await again.close();
    } finally {
      Bun.spawnSync(["umount", disk]);
    }
  },
);
