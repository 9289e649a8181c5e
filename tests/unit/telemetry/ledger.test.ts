/** The sidecar: it comes back as it was written, one torn slot leaves the other, and no content crashes its reader. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ledger, type LedgerImage } from "../../../src/telemetry/ledger.ts";
import { tmpdir } from "../../support/tmpdir.ts";

function image(produced: number, epochs = 1): LedgerImage {
  const each = Array.from({ length: epochs }, (_, index) => ({
    stream: "process" as const,
    epoch: index.toString(16).padStart(16, "0"),
    isCurrent: index === epochs - 1,
    bootId: "boot",
    produced,
    intended: produced + 1,
    cursor: 0,
    cursorChain: null,
    acked: 0,
    unknownTail: false,
    follows: null,
  }));
  return {
    agentId: "a".repeat(32),
    parentId: "b".repeat(32),
    bootId: "boot",
    isClean: false,
    epochs: each,
    past: [],
  };
}

function written(path: string, ...images: readonly LedgerImage[]): void {
  const { ledger } = Ledger.open(path);
  for (const each of images) ledger.write(each);
  ledger.sync();
  ledger.close();
}

function read(path: string): LedgerImage | undefined {
  const { ledger, image: found } = Ledger.open(path);
  ledger.close();
  return found;
}

describe("the ledger", () => {
  test("gives back the last that was written, and never grows", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "outbox.ledger");
    expect(read(path)).toBeUndefined();
    const { size, mode } = statSync(path);
    expect(mode & 0o777).toBe(0o600);
    for (let produced = 1; produced <= 20; produced += 1) {
      written(path, image(produced));
      expect(read(path)).toEqual(image(produced));
    }
    expect(statSync(path).size).toBe(size);
  });

  test("a slot that was torn anywhere leaves the one before", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "outbox.ledger");
    written(path, image(1), image(2), image(3));
    const whole = readFileSync(path);
    // The third stands in the slot of the first.
    const start = whole.readUInt32BE(4) === 3 ? 0 : whole.length / 2;
    const size = 44 + whole.readUInt32BE(start + 8);
    fc.assert(
      fc.property(fc.nat(size - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
        const torn = Buffer.from(whole);
        torn[start + at] = (torn[start + at] ?? 0) ^ flip;
        writeFileSync(path, torn);
        expect(read(path)).toEqual(image(2));
      }),
    );
    written(path, image(4));
    expect(read(path)).toEqual(image(4));
  });

  test("a file that was cut off, or holds anything else, is begun anew", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "outbox.ledger");
    written(path, image(1), image(2));
    for (const length of [100_000, 70_000, 65_536, 1000, 1, 0]) {
      truncateSync(path, length);
      const found = read(path);
      if (found !== undefined) expect([image(1), image(2)]).toContainEqual(found);
    }
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 3000 }), fc.boolean(), (bytes, isMarked) => {
        writeFileSync(path, isMarked ? Buffer.concat([Buffer.from("WBL1"), bytes]) : bytes);
        expect(read(path)).toBeUndefined();
        written(path, image(9));
        expect(read(path)).toEqual(image(9));
      }),
      { numRuns: 50 },
    );
  });

  test("more epochs than fit: the oldest are left out, the current one never", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "outbox.ledger");
    written(path, image(5, 2000));
    const found = read(path);
    expect(found?.epochs.length).toBeGreaterThan(100);
    expect(found?.epochs.at(-1)).toEqual(image(5, 2000).epochs.at(-1));
  });
});
