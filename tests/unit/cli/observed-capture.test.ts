/** Names that a helper observes: their records go where names are kept, and what is lost of them into the next batch. */
import { expect, test } from "bun:test";
import { ObservedCapture } from "../../../src/cli/observed-capture.ts";
import type { Batch, Capture } from "../../../src/model/contracts.ts";
import type { Loss } from "../../../src/model/loss.ts";

const OWN: Loss = { cause: "dump_interrupted", count: 1, bytes: undefined };
const BROKEN: Loss = { cause: "malformed_record", count: 2, bytes: undefined };
const BATCH: Batch = {
  sampledAtMs: 0,
  monotonicMs: 0,
  sockets: [],
  closed: [],
  processes: [],
  exited: [],
  usage: [],
  interfaces: [],
  loss: [OWN],
  timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
};

test("losses of observed names are told once, beside the capture's own", async () => {
  let disposed = 0;
  const inner: Capture = {
    status: () => {
      throw new Error("not asked for");
    },
    sample: () => Promise.resolve(BATCH),
    [Symbol.asyncDispose]: () => {
      disposed += 1;
      return Promise.resolve();
    },
  };
  const seen: number[] = [];
  let hand: ((records: Uint8Array) => void) | undefined;
  {
    await using capture = await ObservedCapture.open(
      (records) => {
        seen.push(records.byteLength);
        return records.byteLength === 0 ? [] : [BROKEN];
      },
      (onNameRecords) => {
        hand = onNameRecords;
        return Promise.resolve(inner);
      },
    );
    expect(await capture.sample()).toBe(BATCH);
    hand?.(new Uint8Array(7));
    hand?.(new Uint8Array(0));
    expect(seen).toEqual([7, 0]);
    expect((await capture.sample()).loss).toEqual([OWN, BROKEN]);
    expect((await capture.sample()).loss).toEqual([OWN]);
  }
  expect(disposed).toBe(1);
});
