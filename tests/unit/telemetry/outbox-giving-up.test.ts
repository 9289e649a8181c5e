/** An event that will never be taken becomes a loss in its place; what is around it stands as it did, also after a restart. */
import { expect, test } from "bun:test";
import { verifyBatch } from "../../../src/protocol/fleet/verify-batch.ts";
import type { SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";
import {
  AGENT,
  drain,
  expectInvariant,
  idOfPayload,
  numbered,
  openTestOutbox,
  sendOne,
} from "../../support/fleet/outbox.ts";
import { tmpdir } from "../../support/tmpdir.ts";

async function filled(directory: string, count: number): Promise<Outbox> {
  const outbox = openTestOutbox(directory);
  for (let id = 1; id <= count; id += 1) outbox.append("process", numbered(id));
  await outbox.flush();
  return outbox;
}

function one(outbox: Outbox): SignedBatch {
  const batch = outbox.nextBatch("process", 1_000_000, 1);
  if (batch === undefined) throw new Error("nothing is pending");
  return batch;
}

function account(outbox: Outbox): unknown {
  const { produced, acked, pending, lost } =
    outbox.status().streams.find(({ stream }) => stream === "process") ?? {};
  return [produced, acked, pending, lost];
}

test("a batch has as many items as were asked for", async () => {
  await using directory = await tmpdir();
  const outbox = await filled(directory.path, 10);
  expect(outbox.nextBatch("process", 1_000_000, 3)?.items.length).toBe(3);
  expect(outbox.nextBatch("process", 1_000_000)?.items.length).toBe(10);
  await outbox.close();
});

test("the loss is in its place with the event's hash, and the rest arrives unchanged behind it", async () => {
  await using directory = await tmpdir();
  const parent = new FleetParent(AGENT.publicKey);
  const outbox = await filled(directory.path, 5);
  const [first, second] = outbox.nextBatch("process", 1_000_000)?.items ?? [];
  if (first === undefined || second === undefined) throw new Error("nothing is pending");
  const firstAlone = one(outbox);
  const taken = parent.receive(firstAlone);
  if (taken.kind !== "stored") throw new Error(taken.kind);
  outbox.acknowledge(firstAlone, taken.answer);
  expect(outbox.giveUp(one(outbox), "refused")).toBe(true);
  expect(account(outbox)).toEqual([5, 1, 3, 1]);
  expectInvariant(outbox, directory.path);
  const rest = outbox.nextBatch("process", 1_000_000);
  if (rest === undefined) throw new Error("nothing is pending");
  expect(rest.items[0]).toMatchObject({
    firstSeq: 2,
    lastSeq: 2,
    reason: "refused",
    bytes: Buffer.byteLength("payload" in second ? second.payload : ""),
  });
  expect("chains" in verifyBatch(rest, AGENT.publicKey)).toBe(true);
  drain(outbox, parent);
  expect(parent.arrived.map(({ event }) => idOfPayload(event.payload))).toEqual([1, 3, 4, 5]);
  expect(account(outbox)).toEqual([5, 4, 0, 1]);
  const { epoch } = rest.header;
  expect([...parent.epoch("process", epoch).lost]).toEqual([[2, "refused"]]);
  await outbox.close();
});

test("it is known after a restart; neighbours that are given up are one range", async () => {
  await using directory = await tmpdir();
  const parent = new FleetParent(AGENT.publicKey);
  const outbox = await filled(directory.path, 4);
  expect(outbox.giveUp(one(outbox), "refused")).toBe(true);
  // The loss is what comes first now: it is told with the event behind it, and given up it can't be.
  const lossAlone = one(outbox);
  expect(lossAlone.items).toMatchObject([{ firstSeq: 1, lastSeq: 1, reason: "refused" }]);
  expect(outbox.giveUp(lossAlone, "refused")).toBe(false);
  await outbox.close();
  const again = openTestOutbox(directory.path);
  expect(account(again)).toEqual([4, 0, 3, 1]);
  sendOne(again, parent, "process");
  expect(account(again)).toEqual([4, 3, 0, 1]);
  expectInvariant(again, directory.path);
  await again.close();
});

test("what is acknowledged, gone, or more than one event is not given up", async () => {
  await using directory = await tmpdir();
  const parent = new FleetParent(AGENT.publicKey);
  const outbox = await filled(directory.path, 4);
  const whole = outbox.nextBatch("process", 1_000_000);
  if (whole === undefined) throw new Error("nothing is pending");
  expect(outbox.giveUp(whole, "refused")).toBe(false);
  const first = one(outbox);
  expect(outbox.giveUp({ ...first, header: { ...first.header, epoch: "f".repeat(16) } }, "refused")).toBe(
    false,
  );
  drain(outbox, parent);
  expect(outbox.giveUp(first, "refused")).toBe(false);
  expect(account(outbox)).toEqual([4, 4, 0, 0]);
  await outbox.close();
});
