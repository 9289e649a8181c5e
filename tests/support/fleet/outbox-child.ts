/**
 * An agent reduced to its outbox, made to be killed: it appends numbered events, stores them, says so, and hands its batches
 * to whoever started it. One JSON object per line in both directions. Arguments: directory, private key (PEM file), boot id,
 * number of the first event, seed.
 */
import { readFileSync, writeSync } from "node:fs";
import { systemClock } from "../../../src/lib/clock.ts";
import { STREAMS, type BatchAnswer, type SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { openOutbox } from "../../../src/telemetry/outbox.ts";
import { numbered, PARENT_ID } from "./outbox.ts";

/** What the child says. */
export type ChildLine =
  | { readonly kind: "stored"; readonly upTo: number }
  | { readonly kind: "batch"; readonly batch: SignedBatch };

/** What it is answered. */
export interface BatchReply {
  readonly verdict:
    | { readonly kind: "stored"; readonly answer: BatchAnswer }
    | { readonly kind: "gap"; readonly cursor: number }
    | { readonly kind: "conflict"; readonly atSeq: number };
}

function say(line: ChildLine): void {
  const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
  for (let at = 0; at < bytes.byteLength;) at += writeSync(1, bytes, at);
}

/** Numbers below `limit`, the same at every run of the same seed: xorshift32 (Marsaglia 2003). */
function numbers(seed: number): (limit: number) => number {
  let state = seed === 0 ? 1 : seed;
  return (limit) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % limit;
  };
}

async function* lines(): AsyncGenerator<string, undefined> {
  let rest = "";
  for await (const part of Bun.stdin.stream()) {
    rest += Buffer.from(part).toString("utf8");
    const parts = rest.split("\n");
    rest = parts.pop() ?? "";
    yield* parts;
  }
  return undefined;
}

async function main(): Promise<void> {
  const [directory = "", keyFile = "", bootId = "", first = "1", seed = "1"] = process.argv.slice(2);
  const next = numbers(Number(seed));
  const outbox = openOutbox({
    directory,
    signer: Identity.fromPem(readFileSync(keyFile, "utf8")),
    parentId: PARENT_ID,
    bootId,
    clock: systemClock,
    quotas: STREAMS.map((stream) => ({ stream, bytesMax: 200_000 })),
  });
  const replies = lines();
  for (let id = Number(first); ;) {
    for (let left = next(60); left > 0; left -= 1, id += 1)
      outbox.append(STREAMS[next(STREAMS.length)] ?? "process", numbered(id, next(600)));
    if (next(3) > 0) {
      await outbox.flush();
      say({ kind: "stored", upTo: id - 1 });
    }
    const stream = STREAMS[next(STREAMS.length)] ?? "process";
    const batch = next(2) === 0 ? undefined : outbox.nextBatch(stream, 1 + next(30_000));
    if (batch === undefined) continue;
    say({ kind: "batch", batch });
    const reply: IteratorResult<string, undefined> = await replies.next();
    if (reply.done === true) return;
    const { verdict } = JSON.parse(reply.value) as BatchReply;
    if (verdict.kind === "stored") outbox.acknowledge(batch, verdict.answer);
    else if (verdict.kind === "gap") outbox.rewindTo(stream, batch.header.epoch, verdict.cursor);
    else outbox.beginEpoch(stream, batch.header.epoch, "conflict", verdict.atSeq - 1);
  }
}

if (import.meta.main) await main();
