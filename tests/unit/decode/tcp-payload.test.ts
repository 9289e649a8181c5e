/** Payload from TCP_INFO: each way of closing, with the figures that Linux 6.18 told for it. */
import { describe, expect, test } from "bun:test";
import {
  finalFinAcked,
  finalReceivedPayload,
  finReceivedIn,
  sentPayload,
  type ClosingEvidence,
  type Opener,
} from "../../../src/decode/tcp-payload.ts";

const NOTHING_KNOWN: ClosingEvidence = {
  bytesReceived: 301,
  receiveQueue: 0,
  finAcked: undefined,
  lastState: undefined,
  halfClosed: false,
  minisocket: undefined,
  timerBegan: "unknown",
  mirror: undefined,
  unackedBytes: 0,
  dataSegmentsIn: 2,
  seemsToHaveFin: false,
};

function received(evidence: Partial<ClosingEvidence>): [number, number] {
  const result = finalReceivedPayload({ ...NOTHING_KNOWN, ...evidence });
  return [result.bytesReceived, result.uncertaintyBytes];
}

describe("sent", () => {
  const counts = { hasBytesSent: true, bytesAcked: 1002, bytesSent: 1500, bytesRetransmitted: 500 };
  const quiet = { exact: true, bytes: 0 } as const;

  test("is what was sent less what was sent again, where the sequence numbers agree up to SYN and FIN", () => {
    for (const bytesAcked of [1000, 1001, 1002]) {
      expect(sentPayload({ ...counts, bytesAcked }, quiet, "unknown", "unknown", 0)).toEqual({
        bytes: 1000,
        overcount: 0,
        uncertaintyBytes: 0,
      });
    }
    const inFlight = { exact: true, bytes: 77 } as const;
    expect(sentPayload({ ...counts, bytesAcked: 923 }, inFlight, "unknown", "unknown", 0).bytes).toBe(1000);
  });

  test("may hide a dropped byte behind a FIN that was perhaps never sent, where something may have been dropped", () => {
    const doubt = (bytesAcked: number, opener: Opener): number =>
      sentPayload({ ...counts, bytesAcked }, quiet, opener, "unknown", 0, true).uncertaintyBytes;
    expect([1002, 1001, 1000].map((acked) => doubt(acked, "local"))).toEqual([0, 1, 2]);
    expect([1001, 1000].map((acked) => doubt(acked, "remote"))).toEqual([0, 1]);
    expect([1002, 1001].map((acked) => doubt(acked, "unknown"))).toEqual([0, 1]);
  });

  test("is what the sequence numbers say, where segments that the local queue dropped were counted twice", () => {
    const doubled = { ...counts, bytesSent: 2400 };
    expect(sentPayload(doubled, quiet, "local", "counted", 0)).toEqual({
      bytes: 1000,
      overcount: 900,
      uncertaintyBytes: 0,
    });
    expect(sentPayload(doubled, quiet, "remote", "not counted", 0).bytes).toBe(1002);
    expect(sentPayload(doubled, quiet, "unknown", "unknown", 0)).toEqual({
      bytes: 1001,
      overcount: 899,
      uncertaintyBytes: 2,
    });
    // A retransmission that failed before it was counted as sent.
    expect(sentPayload({ ...counts, bytesRetransmitted: 600 }, quiet, "local", "counted", 0).bytes).toBe(
      1000,
    );
  });

  test("while an unknown part is in flight, keeps to the bounds, and to what was found out before", () => {
    const busy = { exact: false, max: 300 } as const;
    const sending = { ...counts, bytesAcked: 801 };
    expect(sentPayload(sending, busy, "local", "not counted", 0)).toEqual({
      bytes: 1000,
      overcount: 0,
      uncertaintyBytes: 0,
    });
    expect(sentPayload({ ...sending, bytesSent: 2400 }, busy, "local", "not counted", 0)).toEqual({
      bytes: 1101,
      overcount: 799,
      uncertaintyBytes: 300,
    });
    expect(sentPayload({ ...sending, bytesSent: 2400 }, busy, "local", "not counted", 900)).toEqual({
      bytes: 1000,
      overcount: 900,
      uncertaintyBytes: 300,
    });
  });

  test("on an old kernel is what was acknowledged, less SYN and FIN", () => {
    const old = { ...counts, hasBytesSent: false };
    const sent = (...rest: [Opener, "counted" | "not counted" | "unknown"]): number[] => {
      const { bytes, uncertaintyBytes } = sentPayload(old, quiet, ...rest, 0);
      return [bytes, uncertaintyBytes];
    };
    expect(sent("local", "counted")).toEqual([1000, 1]);
    expect(sent("remote", "counted")).toEqual([1001, 1]);
    expect(sent("local", "not counted")).toEqual([1001, 1]);
    expect(sent("unknown", "unknown")).toEqual([1001, 2]);
    expect(sentPayload({ ...old, bytesAcked: 0 }, quiet, "local", "counted", 0).bytes).toBe(0);
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
    expect(received({ mirror: { bytesSent: 300, final: false }, minisocket: "waiting" })).toEqual([301, 0]);
  });

  test("a state seen before proves it", () => {
    for (const lastState of [8, 9, 11]) expect(received({ lastState })).toEqual([300, 0]);
  });

  test("a minisocket that still waits for the FIN proves that none came", () => {
    expect(received({ minisocket: "waiting", receiveQueue: 0 })).toEqual([301, 0]);
  });

  test("active close with the FIN unread", () => {
    expect(received({ minisocket: "timed", receiveQueue: 1 })).toEqual([300, 0]);
  });

  test("active close with nothing unread: a timer that began before proves the FIN; one after does not, as it may have begun anew", () => {
    expect(received({ minisocket: "timed", timerBegan: "before" })).toEqual([300, 0]);
    expect(received({ minisocket: "timed", timerBegan: "after" })).toEqual([301, 1]);
    expect(received({ minisocket: "timed", timerBegan: "after", seemsToHaveFin: true })).toEqual([301, 1]);
    expect(received({ minisocket: "timed" })).toEqual([301, 1]);
    expect(received({ minisocket: "timed", seemsToHaveFin: true })).toEqual([300, 1]);
    expect(received({ minisocket: "timed", halfClosed: true, lastState: 5 })).toEqual([300, 1]);
  });

  test("one byte that no segment brought is a FIN", () => {
    expect(received({ bytesReceived: 1, dataSegmentsIn: 0, finAcked: true })).toEqual([0, 0]);
    expect(received({ bytesReceived: 1, dataSegmentsIn: 1, finAcked: true })).toEqual([0, 1]);
    expect(received({ bytesReceived: 1, dataSegmentsIn: undefined, finAcked: true })).toEqual([0, 1]);
  });

  test("passive close", () => {
    // An unread FIN, or an unread byte of a connection that was half closed and then reset.
    expect(received({ finAcked: true, receiveQueue: 1 })).toEqual([300, 1]);
    expect(received({ finAcked: true, receiveQueue: 2 })).toEqual([301, 1]);
    expect(received({ finAcked: true })).toEqual([300, 1]);
    expect(received({ finAcked: undefined })).toEqual([300, 1]);
  });

  test("abort", () => {
    expect(received({ finAcked: false })).toEqual([301, 1]);
    expect(received({ finAcked: false, unackedBytes: 11 })).toEqual([300, 1]);
    expect(received({ finAcked: false, receiveQueue: 1 })).toEqual([300, 1]);
    expect(received({ finAcked: false, receiveQueue: 77 })).toEqual([301, 1]);
    expect(received({ finAcked: true, lastState: 5 })).toEqual([301, 1]);
  });
});
