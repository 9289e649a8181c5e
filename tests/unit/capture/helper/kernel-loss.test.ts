/** What the helper says was lost is told once, whoever the helper is and however many sessions there are. */
import { expect, test } from "bun:test";
import { HelperLosses } from "../../../../src/capture/helper/kernel-loss.ts";
import type { KernelLoss } from "../../../../src/protocol/helper/messages.ts";
import { NO_LOSS } from "../../../support/fake-helper.ts";

const NO_STRAYS = { rows: 0, bytes: 0 };

function told(
  loss: Partial<KernelLoss>,
  missedRows = 0,
  missedBytes = 0,
): Parameters<HelperLosses["take"]>[0] {
  return { loss: { ...NO_LOSS, ...loss }, missedRows, missedBytes };
}

test("what was lost before the first answer is not ours; what comes after is, through all sessions of one helper", () => {
  const losses = new HelperLosses();
  losses.beginSession("first");
  expect(losses.take(told({ socketsFull: 5, lostSent: 100 }), NO_STRAYS)).toEqual([]);
  losses.beginSession("same");
  expect(losses.take(told({ socketsFull: 6, lostSent: 130, lostReceived: 4 }), NO_STRAYS)).toEqual([
    { cause: "socket_map_full", count: 1, bytes: 34 },
  ]);
  expect(losses.take(told({ socketsFull: 6, lostSent: 130, lostReceived: 4 }), NO_STRAYS)).toEqual([]);
  expect(losses.hasLostSockets).toBe(true);
});

test("another helper's counts begin at 0", () => {
  const losses = new HelperLosses();
  losses.beginSession("first");
  losses.take(told({ bytesFull: 50, lostSent: 1000, returnsLost: 9 }), NO_STRAYS);
  losses.beginSession("other");
  expect(
    losses.take(
      told({ bytesFull: 2, lostSent: 7, returnsLost: 1, peersMerged: 3, eventsFull: 4 }),
      NO_STRAYS,
    ),
  ).toEqual([
    { cause: "bytes_map_full", count: 2, bytes: 7 },
    { cause: "event_ring_full", count: 4, bytes: 0 },
    { cause: "peer_merged", count: 3, bytes: 0 },
    { cause: "return_lost", count: 1, bytes: undefined },
  ]);
});

test("lost bytes are told with one cause, also where the kernel names both or none", () => {
  const losses = new HelperLosses();
  losses.beginSession("first");
  losses.take(told({}), NO_STRAYS);
  expect(losses.take(told({ socketsFull: 1, bytesFull: 1, lostSent: 10 }), NO_STRAYS)).toEqual([
    { cause: "socket_map_full", count: 1, bytes: 0 },
    { cause: "bytes_map_full", count: 1, bytes: 10 },
  ]);
  expect(losses.take(told({ socketsFull: 1, bytesFull: 1, lostSent: 15 }), NO_STRAYS)).toEqual([
    { cause: "bytes_map_full", count: 1, bytes: 5 },
  ]);
});

test("what a session missed is told with its bytes, and each session counts from 0", () => {
  const losses = new HelperLosses();
  losses.beginSession("first");
  losses.noteDroppedEvents(3);
  expect(losses.take(told({}, 2, 200), { rows: 1, bytes: 5 })).toEqual([
    { cause: "closed_row_missed", count: 3, bytes: 205 },
    { cause: "event_dropped", count: 3, bytes: 0 },
  ]);
  losses.beginSession("same");
  losses.noteDroppedEvents(1);
  expect(losses.take(told({}, 1, 50), NO_STRAYS)).toEqual([
    { cause: "closed_row_missed", count: 1, bytes: 50 },
    { cause: "event_dropped", count: 1, bytes: 0 },
  ]);
});
