/** Payload from TCP_INFO: each way of closing, with the figures that Linux 6.18 told for it. */
import { describe, expect, test } from "bun:test";
import {
  finalFinAcked,
  finalReceivedPayload,
  finReceivedIn,
  sentPayload,
  type ClosingEvidence,
} from "../../../src/decode/tcp-payload.ts";

const NOTHING_KNOWN: ClosingEvidence = {
  bytesReceived: 301,
  receiveQueue: 0,
  finAcked: undefined,
  lastState: undefined,
  halfClosed: false,
  minisocketState: undefined,
  finTime: "unknown",
  mirror: undefined,
};

function received(evidence: Partial<ClosingEvidence>): [number, number] {
  const result = finalReceivedPayload({ ...NOTHING_KNOWN, ...evidence });
  return [result.bytesReceived, result.uncertaintyBytes];
}

describe("sent", () => {
  const counts = { hasBytesSent: true, bytesAcked: 1002, bytesSent: 1500, bytesRetransmitted: 500 };

  test("is what was sent less what was sent again", () => {
    expect(sentPayload(counts, "unknown", false)).toBe(1000);
  });

  test("on an old kernel is what was acknowledged, less SYN and FIN", () => {
    const old = { ...counts, hasBytesSent: false };
    expect(sentPayload(old, "local", true)).toBe(1000);
    expect(sentPayload(old, "remote", true)).toBe(1001);
    expect(sentPayload(old, "local", false)).toBe(1001);
    expect(sentPayload({ ...old, bytesAcked: 0 }, "local", true)).toBe(0);
  });
});

describe("an acknowledged FIN", () => {
  const excess = (bytes: number): Parameters<typeof finalFinAcked>[0] => ({
    hasBytesSent: true,
    bytesAcked: 1000 + bytes,
    bytesSent: 1000,
    bytesRetransmitted: 0,
  });

  test("is proven by two bytes more than the payload, or by one where the other side opened", () => {
    expect(finalFinAcked(excess(2), "unknown")).toBe(true);
    expect(finalFinAcked(excess(1), "remote")).toBe(true);
    expect(finalFinAcked(excess(1), "local")).toBe(false);
    expect(finalFinAcked(excess(1), "unknown")).toBeUndefined();
    expect(finalFinAcked(excess(0), "remote")).toBe(false);
    expect(finalFinAcked(excess(-500), "local")).toBe(false);
    expect(finalFinAcked({ ...excess(2), hasBytesSent: false }, "local")).toBeUndefined();
  });
});

test("live states that have the peer's FIN", () => {
  expect([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11].filter(finReceivedIn)).toEqual([6, 8, 9, 11]);
});

describe("received", () => {
  test("nothing is nothing, whatever happened", () => {
    expect(received({ bytesReceived: 0, lastState: 8 })).toEqual([0, 0]);
  });

  test("the other end proves it", () => {
    expect(received({ mirror: { bytesSent: 300, final: true } })).toEqual([300, 0]);
    expect(received({ mirror: { bytesSent: 301, final: true } })).toEqual([301, 0]);
    // Some of what it sent was lost with a reset: then no FIN can have been received.
    expect(received({ mirror: { bytesSent: 5000, final: false }, lastState: 8 })).toEqual([301, 0]);
    // It may have sent one more since it was read: no proof, so the next evidence decides.
    expect(received({ mirror: { bytesSent: 300, final: false }, minisocketState: 5 })).toEqual([301, 0]);
  });

  test("a state seen before proves it", () => {
    for (const lastState of [8, 9, 11]) expect(received({ lastState })).toEqual([300, 0]);
  });

  test("a minisocket that still waits for the FIN proves that none came", () => {
    expect(received({ minisocketState: 5, receiveQueue: 0 })).toEqual([301, 0]);
  });

  test("active close with the FIN unread", () => {
    expect(received({ minisocketState: 6, receiveQueue: 1 })).toEqual([300, 0]);
  });

  test("active close with nothing unread: by the time of the FIN, else likely", () => {
    expect(received({ minisocketState: 6, finTime: "after" })).toEqual([301, 0]);
    expect(received({ minisocketState: 6, finTime: "before" })).toEqual([300, 0]);
    expect(received({ minisocketState: 6 })).toEqual([301, 1]);
    expect(received({ minisocketState: 6, halfClosed: true, lastState: 5 })).toEqual([300, 1]);
  });

  test("passive close", () => {
    expect(received({ finAcked: true, receiveQueue: 1 })).toEqual([300, 0]);
    expect(received({ finAcked: true })).toEqual([300, 1]);
    expect(received({ finAcked: undefined })).toEqual([300, 1]);
  });

  test("abort", () => {
    expect(received({ finAcked: false })).toEqual([301, 1]);
    expect(received({ finAcked: false, receiveQueue: 1 })).toEqual([300, 1]);
    expect(received({ finAcked: false, receiveQueue: 77 })).toEqual([301, 1]);
    expect(received({ finAcked: true, lastState: 5 })).toEqual([301, 1]);
  });
});
