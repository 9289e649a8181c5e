/** When an outbox leaves an epoch, what follows what, and what becomes of what is pending. */
import { describe, expect, test } from "bun:test";
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import type { EpochAccount, Outbox } from "../../../src/telemetry/contract.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import {
  AGENT,
  drain,
  expectInvariant,
  idOfPayload,
  numbered,
  openTestOutbox,
  rowCount,
  sendOne,
} from "../../support/fleet/outbox.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";

function epochs(outbox: Outbox): EpochAccount[] {
  return outbox.status().epochs.filter(({ stream }) => stream === "process");
}

function currentEpoch(outbox: Outbox): string {
  return epochs(outbox).find(({ current }) => current)?.epoch ?? "";
}

async function fill(outbox: Outbox, first: number, last: number, bytes = 0): Promise<void> {
  for (let id = first; id <= last; id += 1) outbox.append("process", numbered(id, bytes));
  await outbox.flush();
}

function ids(parent: FleetParent): number[] {
  return parent.arrived.map(({ event }) => idOfPayload(event.payload));
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

function overwrite(path: string, at: number, length: number): void {
  const bytes = readFileSync(path);
  bytes.fill(0xa5, at, Math.min(at + length, bytes.length));
  writeFileSync(path, bytes);
}

describe("a reboot", () => {
  test("begins a new epoch, which says how much the one before had; what is pending of it goes first", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 5);
    sendOne(first, parent, "process", 40);
    const before = currentEpoch(first);
    await first.close();
    const second = openTestOutbox(directory.path, { bootId: "boot-2" });
    await fill(second, 6, 9);
    const now = currentEpoch(second);
    expect(now).not.toBe(before);
    expect(epochs(second).map(({ epoch, produced, current }) => ({ epoch, produced, current }))).toEqual([
      { epoch: before, produced: 5, current: false },
      { epoch: now, produced: 4, current: true },
    ]);
    drain(second, parent);
    expect(ids(parent)).toEqual(upTo(9));
    expect(parent.epoch("process", now).follows).toEqual({ epoch: before, produced: 5, reason: "reboot" });
    await second.close();
  });

  test("leaves no epoch behind in which nothing was produced; a restart leaves the epoch as it is", async () => {
    await using directory = await tmpdir();
    let outbox = openTestOutbox(directory.path);
    await fill(outbox, 1, 1);
    const first = currentEpoch(outbox);
    for (const bootId of ["boot-1", "boot-2", "boot-3", "boot-3"]) {
      await outbox.close();
      outbox = openTestOutbox(directory.path, { bootId });
      expect(epochs(outbox).length).toBe(bootId === "boot-1" ? 1 : 2);
    }
    expect(epochs(outbox)[1]).toMatchObject({
      produced: 0,
      follows: { epoch: first, produced: 1, reason: "reboot" },
    });
    await outbox.close();
  });

  test("old epochs do not pile up: those that are told become a sum", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    for (let boot = 1; boot <= 40; boot += 1) {
      const outbox = openTestOutbox(directory.path, { bootId: `boot-${boot}` });
      await fill(outbox, boot, boot);
      drain(outbox, parent);
      expectInvariant(outbox, directory.path);
      await outbox.close();
    }
    const outbox = openTestOutbox(directory.path, { bootId: "boot-40" });
    expect(epochs(outbox).length).toBe(17);
    expect(outbox.status().streams.find(({ stream }) => stream === "process")).toMatchObject({
      produced: 40,
      acked: 40,
    });
    await outbox.close();
  });
});

describe("a damaged database", () => {
  test("is set aside; its epoch is told as lost to the end, and the new one follows it", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 30);
    sendOne(first, parent, "process", 300);
    const acked = ids(parent).length;
    const before = currentEpoch(first);
    await first.close();
    overwrite(join(directory.path, "outbox.db"), 0, 100);
    const second = openTestOutbox(directory.path);
    expect(second.status().setAside.length).toBe(1);
    await fill(second, 31, 33);
    expectInvariant(second, directory.path);
    drain(second, parent);
    expect(ids(parent)).toEqual([...upTo(acked), 31, 32, 33]);
    expect([...parent.epoch("process", before).lost.entries()]).toEqual(
      upTo(30, acked + 1).map((seq) => [seq, "corrupt"]),
    );
    expect(parent.epoch("process", currentEpoch(second)).follows).toEqual({
      epoch: before,
      produced: 30,
      reason: "corrupt",
    });
    expect(second.status().streams.find(({ stream }) => stream === "process")).toMatchObject({
      produced: 33,
      acked: acked + 3,
      lost: 30 - acked,
      pending: 0,
      unknownTails: 0,
    });
    await second.close();
  });

  test("together with its sidecar: nobody knows the end, and it is said so", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 30);
    const before = currentEpoch(first);
    await first.close();
    rmSync(join(directory.path, "outbox.ledger"));
    const path = join(directory.path, "outbox.db");
    const { length } = readFileSync(path);
    overwrite(path, length - 4096, 4096);
    const second = openTestOutbox(directory.path);
    expect(second.status().setAside.length).toBe(1);
    await fill(second, 31, 31);
    drain(second, parent);
    expect(parent.epoch("process", currentEpoch(second)).follows).toEqual({
      epoch: before,
      produced: null,
      reason: "corrupt",
    });
    expect(second.status().streams.find(({ stream }) => stream === "process")).toMatchObject({
      unknownTails: 1,
      pending: 0,
    });
    expectInvariant(second);
    await second.close();
  });

  test("with not even a name left: the end of something unknown is counted", async () => {
    await using directory = await tmpdir();
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 3);
    await first.close();
    writeFileSync(join(directory.path, "outbox.db"), "no database at all");
    writeFileSync(join(directory.path, "outbox.ledger"), Buffer.alloc(131_072, 0x5a));
    const second = openTestOutbox(directory.path);
    await fill(second, 4, 4);
    expect(epochs(second)).toMatchObject([{ produced: 1, follows: null }]);
    expect(second.status().streams.find(({ stream }) => stream === "process")).toMatchObject({
      unknownTails: 1,
    });
    await second.close();
  });

  test("found while it runs: what is in memory goes on, and the count stays exact", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path);
    await fill(outbox, 1, 400, 500);
    const before = currentEpoch(outbox);
    const path = join(directory.path, "outbox.db");
    new Database(path).run("PRAGMA wal_checkpoint(TRUNCATE)");
    const { length } = readFileSync(path);
    overwrite(path, 4096, length);
    for (let count = 0; count < 3; count += 1) sendOne(outbox, parent, "process", 10_000);
    await fill(outbox, 401, 410, 500);
    expect(outbox.status()).toMatchObject({ storageProblem: null });
    expect(outbox.status().setAside.length).toBe(1);
    expectInvariant(outbox, directory.path);
    drain(outbox, parent);
    const state = parent.epoch("process", before);
    expect(state.events.size + state.lost.size).toBe(400);
    expect(ids(parent).slice(-10)).toEqual(upTo(410, 401));
    expect(parent.epoch("process", currentEpoch(outbox)).follows).toEqual({
      epoch: before,
      produced: 400,
      reason: "corrupt",
    });
    await outbox.close();
  });

  test("deleted while it runs: the same, as lost state", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path);
    await fill(outbox, 1, 10);
    for (const name of ["outbox.db", "outbox.db-wal", "outbox.db-shm"])
      rmSync(join(directory.path, name), { force: true });
    await fill(outbox, 11, 12);
    drain(outbox, parent);
    expect(ids(parent)).toEqual([11, 12]);
    expect(parent.count("lost")).toBe(10);
    expectInvariant(outbox, directory.path);
    await outbox.close();
  });

  test("a single flipped payload or number costs that event alone, or the file, but is never sent", async () => {
    for (const change of [
      "UPDATE event SET payload = replace(payload, '\"id\":7', '\"id\":8') WHERE seq = 7",
      "UPDATE event SET chain = CASE substr(chain, 1, 1) WHEN 'A' THEN 'B' ELSE 'A' END || substr(chain, 2) WHERE seq = 7",
      "UPDATE event SET event_id = 8 WHERE seq = 7",
      "UPDATE epoch SET acked = 3",
      "DELETE FROM event WHERE seq = 7",
      "UPDATE epoch SET produced = produced + 1, lost = lost + 1",
    ]) {
      await using directory = await tmpdir();
      const parent = new FleetParent(AGENT.publicKey);
      const first = openTestOutbox(directory.path);
      await fill(first, 1, 20);
      await first.close();
      const database = new Database(join(directory.path, "outbox.db"));
      database.run(change);
      database.close();
      const second = openTestOutbox(directory.path);
      drain(second, parent);
      const perEvent = change.startsWith("UPDATE event");
      expect(second.status().setAside.length, change).toBe(perEvent ? 0 : 1);
      expect(ids(parent).length, change).toBeGreaterThanOrEqual(perEvent ? 18 : 0);
      expect(
        ids(parent).filter((id) => id === 7),
        change,
      ).toEqual([]);
      expect(parent.count("events") + parent.count("lost"), change).toBe(20);
      expectInvariant(second, directory.path);
      await second.close();
    }
  });

  test("files that were set aside do not pile up, and never need a hand", async () => {
    await using directory = await tmpdir();
    for (let time = 1; time <= 8; time += 1) {
      const outbox = openTestOutbox(directory.path);
      await fill(outbox, time, time);
      expect(outbox.status()).toMatchObject({ storageProblem: null });
      expect(outbox.status().setAside.length).toBe(Math.min(time - 1, 3));
      await outbox.close();
      overwrite(join(directory.path, "outbox.db"), 0, 64);
    }
  });
});

describe("state that was restored from an older copy", () => {
  test("a new epoch begins; what the parent has already is not sent under another number", async () => {
    await using directory = await tmpdir();
    await using copy = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 8);
    const before = currentEpoch(first);
    cpSync(directory.path, copy.path, { recursive: true });
    await fill(first, 9, 20);
    drain(first, parent);
    await first.close();
    const restored = openTestOutbox(copy.path);
    await fill(restored, 101, 104);
    restored.beginEpoch("process", before, "state_lost");
    restored.beginEpoch("process", before, "state_lost");
    await fill(restored, 105, 106);
    drain(restored, parent);
    expect(ids(parent)).toEqual([...upTo(20), ...upTo(106, 101)]);
    expect(new Set(ids(parent)).size).toBe(26);
    expectInvariant(restored, copy.path);
    const [, diverted, current] = epochs(restored);
    expect(diverted).toMatchObject({
      produced: 4,
      acked: 4,
      follows: { epoch: before, produced: null, reason: "conflict" },
    });
    expect(current).toMatchObject({
      produced: 2,
      current: true,
      follows: { epoch: diverted?.epoch, produced: 4, reason: "state_lost" },
    });
    await restored.close();
  });
});

describe("a parent that lost what it had", () => {
  test("gets told what is gone, and goes on", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path, { quotas: [{ stream: "process", bytesMax: 1000 }] });
    await fill(outbox, 1, 12, 100);
    drain(outbox, parent);
    await fill(outbox, 13, 20, 100);
    const epoch = currentEpoch(outbox);
    const lostBefore = parent.count("lost");
    parent.forget("process", epoch, 5);
    outbox.rewindTo("process", epoch, 5);
    expectInvariant(outbox, directory.path);
    drain(outbox, parent);
    const state = parent.epoch("process", epoch);
    expect(state.cursor).toBe(20);
    expect(state.events.size + state.lost.size).toBe(20);
    expect([...state.lost.values()].filter((reason) => reason === "parent_lost").length).toBe(7);
    expect(lostBefore).toBeGreaterThan(0);
    expect(outbox.status().streams.find(({ stream }) => stream === "process")).toMatchObject({
      acked: state.events.size,
      lost: state.lost.size,
    });
    await outbox.close();
    expect(rowCount(directory.path, "event")).toBe(0);
    expect(existsSync(join(directory.path, "outbox.reserve"))).toBe(true);
  });
});
