/** The status of an outbox that nobody has open: none, one that is only just being made, one with its numbers, and those that can't be read. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOutboxStatus } from "../../../src/agent/outbox.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { openOutbox } from "../../../src/telemetry/outbox.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { tmpdir } from "../../support/tmpdir.ts";

/** With three events. */
async function fill(directory: string): Promise<void> {
  const outbox = openOutbox({
    directory,
    signer: Identity.generate(),
    parentId: "ab".repeat(16),
    bootId: "b".repeat(32),
    clock: systemClock,
    quotas: [],
  });
  for (let eventId = 0; eventId < 3; eventId += 1)
    outbox.append("process", { type: "test", timestampMs: 1, provider: "test", eventId, payload: "{}" });
  await outbox.close();
}

test("none, an empty file, and one with events", async () => {
  await using directory = await tmpdir();
  expect(readOutboxStatus(directory.path)).toBeUndefined();
  writeFileSync(join(directory.path, "outbox.db"), "");
  expect(readOutboxStatus(directory.path)).toBeUndefined();
  await fill(directory.path);
  const process = readOutboxStatus(directory.path)?.streams.find(({ stream }) => stream === "process");
  expect(process).toMatchObject({ produced: 3, acked: 0, pending: 3, lost: 0 });
});

test("one that is damaged, or of a newer version, says so, and what comes of it", async () => {
  await using directory = await tmpdir();
  await fill(directory.path);
  const path = join(directory.path, "outbox.db");
  const nothing = { epochs: [], streams: [], ringEvents: 0, ringBytes: 0, setAside: [] };
  {
    using newer = new Database(path);
    newer.run("PRAGMA user_version = 9");
  }
  expect(readOutboxStatus(directory.path)).toEqual({
    ...nothing,
    storageProblem: `${path} was made by a newer wb (version 9 of the outbox, this one knows 1); it is left as it is (install the newer wb, or move the file away to begin a new one)`,
  });
  {
    using older = new Database(path);
    older.run("PRAGMA user_version = 1");
    older.run("PRAGMA wal_checkpoint(TRUNCATE)");
  }
  writeFileSync(path, readFileSync(path).fill(0x5a, 4096));
  expect(readOutboxStatus(directory.path)).toEqual({
    ...nothing,
    storageProblem: "the outbox is damaged: the agent sets it aside when it starts, and tells what is lost",
  });
});
