/** Outboxes for tests: opened in a directory, filled with numbered events, and drained into a parent as an agent does it. */
import { expect } from "bun:test";
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { ManualClock } from "../../../src/lib/clock.ts";
import { STREAMS, type StreamName } from "../../../src/protocol/fleet/envelope.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import type { NewEvent, Outbox } from "../../../src/telemetry/contract.ts";
import { openOutbox, type OutboxOptions } from "../../../src/telemetry/outbox.ts";
import type { FleetParent } from "./outbox-parent.ts";

export const PARENT_ID = "ab".repeat(16);

/** One key for all: making one costs more than a test. */
export const AGENT = Identity.generate();

export function outboxOptions(directory: string, more: Partial<OutboxOptions> = {}): OutboxOptions {
  return {
    directory,
    signer: AGENT,
    parentId: PARENT_ID,
    bootId: "boot-1",
    clock: new ManualClock(1_700_000_000_000),
    quotas: [],
    reserveBytes: 64 * 1024,
    ...more,
  };
}

export function openTestOutbox(directory: string, more: Partial<OutboxOptions> = {}): Outbox {
  return openOutbox(outboxOptions(directory, more));
}

/** An event that is known again by its number; its payload has so many bytes at least. */
export function numbered(id: number, bytes = 0): NewEvent {
  const filling = "x".repeat(Math.max(0, bytes - 20));
  const payload = JSON.stringify({ id, filling });
  return {
    type: "process_started",
    timestampMs: 1_700_000_000_000 + id,
    provider: "test",
    eventId: 7,
    payload,
  };
}

export function idOfPayload(payload: string): number {
  return (JSON.parse(payload) as { id: number }).id;
}

/** Sends all that is pending, as an agent does: gaps are gone back to, conflicts lead to a new epoch. */
export function drain(outbox: Outbox, parent: FleetParent, bytesMax = 1_000_000, isTold = false): void {
  for (const stream of STREAMS) {
    for (let left = 100_000; left > 0 && sendOne(outbox, parent, stream, bytesMax, isTold); left -= 1);
  }
}

/** False where there was nothing to send. `isTold`: the agent heeds where the parent says that a conflict begins. */
export function sendOne(
  outbox: Outbox,
  parent: FleetParent,
  stream: StreamName,
  bytesMax = 1_000_000,
  isTold = false,
): boolean {
  const batch = outbox.nextBatch(stream, bytesMax);
  if (batch === undefined) return false;
  const verdict = parent.receive(batch);
  if (verdict.kind === "stored") outbox.acknowledge(batch, verdict.answer);
  else if (verdict.kind === "gap") outbox.rewindTo(stream, batch.header.epoch, verdict.cursor);
  else outbox.beginEpoch(stream, batch.header.epoch, "conflict", ...(isTold ? [verdict.atSeq - 1] : []));
  return true;
}

/** What must hold at any moment: of every epoch, of every stream, and in the rows themselves. */
export function expectInvariant(outbox: Outbox, directory?: string): void {
  const { epochs, streams } = outbox.status();
  for (const each of [...epochs, ...streams])
    expect(each.produced, JSON.stringify(each)).toBe(each.acked + each.pending + each.lost);
  if (directory === undefined) return;
  const pending = epochs.reduce((sum, { pending: count }) => sum + count, 0);
  expect(rowCount(directory, "event")).toBe(pending);
}

export function rowCount(directory: string, table: string): number {
  const database = new Database(join(directory, "outbox.db"), { readonly: true });
  try {
    return database.query<{ n: number }, []>(`SELECT count(*) AS n FROM ${table}`).get()?.n ?? 0;
  } finally {
    database.close();
  }
}
