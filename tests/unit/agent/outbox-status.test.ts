/** The status of an outbox that nobody has open: none, one that is only just being made, and one with its numbers. */
import { expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { readOutboxStatus } from "../../../src/agent/outbox.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { openOutbox } from "../../../src/telemetry/outbox.ts";
import { systemClock } from "../../../src/lib/clock.ts";
import { tmpdir } from "../../support/tmpdir.ts";

test("none, an empty file, and one with events", async () => {
  await using directory = await tmpdir();
  expect(readOutboxStatus(directory.path)).toBeUndefined();
  writeFileSync(join(directory.path, "outbox.db"), "");
  expect(readOutboxStatus(directory.path)).toBeUndefined();
  const outbox = openOutbox({
    directory: directory.path,
    signer: Identity.generate(),
    parentId: "ab".repeat(16),
    bootId: "b".repeat(32),
    clock: systemClock,
    quotas: [],
  });
  for (let eventId = 0; eventId < 3; eventId += 1)
    outbox.append("process", { type: "test", timestampMs: 1, provider: "test", eventId, payload: "{}" });
  await outbox.close();
  const process = readOutboxStatus(directory.path)?.streams.find(({ stream }) => stream === "process");
  expect(process).toMatchObject({ produced: 3, acked: 0, pending: 3, lost: 0 });
});
