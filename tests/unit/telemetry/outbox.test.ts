/** What the outbox promises, one promise per test; its behaviour in the long run is in outbox-model.test.ts. */
import { describe, expect, test } from "bun:test";
import {
  BATCH_BYTES_MAX,
  isLoss,
  type SignedBatch,
  type StreamName,
} from "../../../src/protocol/fleet/envelope.ts";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import {
  AGENT,
  drain,
  expectInvariant,
  idOfPayload,
  numbered,
  openTestOutbox,
  sendOne,
} from "../../support/fleet/outbox.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";

function report(outbox: Outbox, name: StreamName = "process"): object {
  const found = outbox.status().streams.find(({ stream }) => stream === name);
  const { produced, acked, pending, lost, unknownTails } = found ?? {};
  return { produced, acked, pending, lost, unknownTails };
}

async function fill(outbox: Outbox, first: number, last: number, bytes = 0): Promise<void> {
  for (let id = first; id <= last; id += 1) outbox.append("process", numbered(id, bytes));
  await outbox.flush();
}

function ids(parent: FleetParent): number[] {
  return parent.arrived.map(({ event }) => idOfPayload(event.payload));
}

function places({ items }: SignedBatch): string[] {
  return items.map((item) =>
    isLoss(item) ? `${item.firstSeq}-${item.lastSeq} ${item.reason}` : String(item.seq),
  );
}

function upTo(last: number, first = 1): number[] {
  return Array.from({ length: last - first + 1 }, (_, index) => first + index);
}

describe("an outbox", () => {
  test("stores, sends and deletes, in order", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path);
    for (let id = 1; id <= 2500; id += 1) outbox.append("process", numbered(id));
    expect(outbox.status()).toMatchObject({ ringEvents: 2500, storageProblem: null, setAside: [] });
    await outbox.flush();
    expect(report(outbox)).toEqual({ produced: 2500, acked: 0, pending: 2500, lost: 0, unknownTails: 0 });
    drain(outbox, parent);
    expect(ids(parent)).toEqual(upTo(2500));
    expectInvariant(outbox, directory.path);
    expect(report(outbox)).toEqual({ produced: 2500, acked: 2500, pending: 0, lost: 0, unknownTails: 0 });
    expect(sendOne(outbox, parent, "process")).toBe(false);
    await outbox.close();
  });

  test("stores by itself, and tells who waits", async () => {
    await using directory = await tmpdir();
    const outbox = openTestOutbox(directory.path);
    const abort = new AbortController();
    const [come, never] = [
      outbox.waitForPending(["flow"], abort.signal),
      outbox.waitForPending(["health"], abort.signal),
    ];
    outbox.append("flow", numbered(1));
    await come;
    expect(report(outbox, "flow")).toMatchObject({ produced: 1, pending: 1 });
    await outbox.waitForPending(["health", "flow"], abort.signal);
    abort.abort();
    await never;
    await outbox.close();
  });

  test("makes batches of the size that was asked for, one event at least, and never above the limits", async () => {
    await using directory = await tmpdir();
    const outbox = openTestOutbox(directory.path, { ring: { eventsMax: 5000, bytesMax: 32_000_000 } });
    await fill(outbox, 1, 1100, 100);
    expect(outbox.nextBatch("process", 1)?.items.length).toBe(1);
    expect(outbox.nextBatch("process", 1050)?.items.length).toBe(10);
    expect(outbox.nextBatch("process", 10_000_000)?.items.length).toBe(1000);
    const escaped = JSON.stringify('\\"'.repeat(60_000));
    for (let count = 0; count < 20; count += 1) outbox.append("flow", { ...numbered(1), payload: escaped });
    await outbox.flush();
    const batch = outbox.nextBatch("flow", 100_000_000);
    expect(JSON.stringify(batch).length).toBeLessThan(BATCH_BYTES_MAX);
    expect(batch?.items.length).toBeGreaterThan(3);
    await outbox.close();
  });

  test("drops the oldest of a stream beyond its quota, and says so in one record", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path, { quotas: [{ stream: "process", bytesMax: 1000 }] });
    await fill(outbox, 1, 8, 100);
    await fill(outbox, 9, 15, 100);
    await fill(outbox, 16, 25, 100);
    outbox.append("flow", numbered(100, 5000));
    await outbox.flush();
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    const lost = 25 - (report(outbox) as { pending: number }).pending;
    expect(places(batch)[0]).toBe(`1-${lost} quota`);
    const bytes = upTo(lost).reduce((sum, id) => sum + numbered(id, 100).payload.length, 0);
    expect(batch.items[0]).toMatchObject({ bytes });
    expect(report(outbox, "flow")).toMatchObject({ pending: 1, lost: 0 });
    drain(outbox, parent);
    expect(parent.count("lost", "process")).toBe(lost);
    expect(ids(parent).filter((id) => id < 100)).toEqual(upTo(25, lost + 1));
    await outbox.close();
  });

  test("what is dropped while it is on its way counts as acknowledged once the parent has it", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path, { quotas: [{ stream: "process", bytesMax: 1000 }] });
    await fill(outbox, 1, 8, 100);
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    await fill(outbox, 9, 16, 100);
    expect(report(outbox)).toMatchObject({ produced: 16, lost: 7 });
    const verdict = parent.receive(batch);
    if (verdict.kind !== "stored") throw new Error(verdict.kind);
    outbox.acknowledge(batch, verdict.answer);
    expect(report(outbox)).toMatchObject({ produced: 16, acked: 8, pending: 8, lost: 0 });
    drain(outbox, parent);
    expect(ids(parent)).toEqual(upTo(16));
    await outbox.close();
  });

  test("the same where the answer was lost: the parent says what is not lost", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path, { quotas: [{ stream: "process", bytesMax: 1000 }] });
    await fill(outbox, 1, 5, 100);
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    parent.receive(batch);
    await fill(outbox, 6, 20, 100);
    const before = report(outbox) as { lost: number };
    drain(outbox, parent);
    expect(report(outbox)).toMatchObject({ produced: 20, pending: 0, lost: before.lost - 5 });
    expect(parent.count("lost")).toBe(before.lost - 5);
    expectInvariant(outbox);
    await outbox.close();
  });

  test("a full ring loses the newest, counts them, and gives them places in their order", async () => {
    await using directory = await tmpdir();
    const outbox = openTestOutbox(directory.path, { ring: { eventsMax: 10, bytesMax: 1_000_000 } });
    for (let id = 1; id <= 25; id += 1) outbox.append("process", numbered(id));
    outbox.declareLoss("process", 4, "source");
    for (let id = 26; id <= 28; id += 1) outbox.append("process", numbered(id));
    outbox.declareLoss("process", 6, "source");
    expect(outbox.status().ringEvents).toBe(10);
    await outbox.flush();
    await fill(outbox, 29, 29);
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    expect(places(batch)).toEqual([...upTo(10).map(String), "11-28 quota", "29-38 source", "39"]);
    expect(report(outbox)).toMatchObject({ produced: 39, pending: 11, lost: 28 });
    await outbox.close();
  });

  test("what the parent would refuse never gets into a batch", async () => {
    await using directory = await tmpdir();
    const outbox = openTestOutbox(directory.path);
    const good = numbered(1);
    const bad = [
      { ...good, payload: "{" },
      { ...good, payload: `"${"x".repeat(256 * 1024)}"` },
      { ...good, type: "with space" },
      { ...good, provider: "" },
      { ...good, eventId: -1 },
      { ...good, timestampMs: Number.NaN },
    ];
    for (const event of bad) outbox.append("process", event);
    outbox.append("process", good);
    await outbox.flush();
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    expect(places(batch)).toEqual(["1-6 source", "7"]);
    await outbox.close();
  });

  test("text of any kind comes out as it went in", async () => {
    await using directory = await tmpdir();
    const parent = new FleetParent(AGENT.publicKey);
    const outbox = openTestOutbox(directory.path);
    const texts = [
      '"\\u0000"',
      '"\u{1f600} é \u2028"',
      '"\ud800"',
      "1e999",
      ' { "a" : 1 } ',
      '"\\"; DROP TABLE event; --"',
    ];
    for (const payload of texts) outbox.append("process", { ...numbered(1), payload, timestampMs: 12.5 });
    await outbox.flush();
    const batch = outbox.nextBatch("process", 1_000_000);
    if (batch === undefined) throw new Error("nothing is pending");
    // A half of a character has no UTF-8: it becomes U+FFFD, on disk and in the hash alike.
    const sent = JSON.parse(JSON.stringify(batch)) as SignedBatch;
    const verdict = parent.receive(sent);
    expect(verdict.kind).toBe("stored");
    expect(parent.arrived.map(({ event }) => event.payload)).toEqual(
      texts.map((text) => text.toWellFormed()),
    );
    await outbox.close();
  });

  test("100,000 pending events slow nothing down", async () => {
    await using directory = await tmpdir();
    const quotas = [{ stream: "process" as const, bytesMax: 64_000_000 }];
    const outbox = openTestOutbox(directory.path, {
      quotas,
      ring: { eventsMax: 200_000, bytesMax: 64_000_000 },
    });
    await fill(outbox, 1, 100_000, 200);
    // The quickest of several: what a busy machine adds to one of them is not the outbox's.
    let appendMs = Infinity;
    for (let round = 0; round < 20; round += 1) {
      const start = performance.now();
      await fill(outbox, 100_000 + round * 50, 100_049 + round * 50, 200);
      appendMs = Math.min(appendMs, performance.now() - start);
    }
    const parent = new FleetParent(AGENT.publicKey);
    let sendMs = Infinity;
    for (let count = 0; count < 10; count += 1) {
      const start = performance.now();
      sendOne(outbox, parent, "process");
      sendMs = Math.min(sendMs, performance.now() - start);
    }
    expect(report(outbox)).toMatchObject({ produced: 101_000, acked: 10_000, pending: 91_000 });
    expect(appendMs).toBeLessThan(50);
    expect(sendMs).toBeLessThan(300);
    await outbox.close();
  }, 120_000);

  test("another key or another parent gets all that is pending, under numbers of its own", async () => {
    await using directory = await tmpdir();
    const first = openTestOutbox(directory.path);
    await fill(first, 1, 20);
    first.declareLoss("process", 3, "source");
    await first.flush();
    sendOne(first, new FleetParent(AGENT.publicKey), "process", 100);
    const { acked } = report(first) as { acked: number };
    await first.close();
    const parent = new FleetParent(AGENT.publicKey);
    const second = openTestOutbox(directory.path, { parentId: "cd".repeat(16) });
    drain(second, parent);
    expect(ids(parent)).toEqual(upTo(20, acked + 1));
    expect(parent.count("lost")).toBe(3);
    expect(report(second)).toMatchObject({ produced: 23, acked: 20, pending: 0, lost: 3 });
    expect([...parent.epochs.values()].map(({ follows }) => follows)).toEqual([null]);
    await second.close();
  });
});
