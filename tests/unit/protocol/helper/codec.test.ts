/** Messages ↔ bytes: what is sent is what is read; the exact bytes of some; and what a strict reader refuses. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import {
  ARGUMENTS_MAX,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
} from "../../../../src/protocol/helper/codec.ts";
import type {
  ConnectionStatsResponse,
  ErrorResponse,
  ProcessRow,
} from "../../../../src/protocol/helper/messages.ts";
import { anyRequest, anyResponse } from "../../../support/helper-messages.ts";

const token = new Uint8Array(32).fill(9);

const row: ProcessRow = {
  pid: 1,
  startTime: 2,
  parentPid: 0,
  userId: 0,
  name: "init",
  path: undefined,
  commandLine: [],
  memoryBytes: 0,
  cpuTimeMs: 0,
};

const stats: ConnectionStatsResponse = {
  type: "connectionStats",
  id: 1,
  timeNs: 2 ** 53 - 1,
  sockets: new Uint8Array(0),
  bytes: new Uint8Array(0),
  closedSockets: new Uint8Array(0),
  closedBytes: new Uint8Array(0),
  loss: {
    socketsFull: 0,
    bytesFull: 0,
    lostSent: 0,
    lostReceived: 0,
    eventsFull: 0,
    namesFull: 0,
    peersMerged: 0,
    returnsLost: 0,
  },
  missedRows: 0,
  missedBytes: 0,
};

describe("what is sent is what is read", () => {
  test("every request", () => {
    fc.assert(
      fc.property(anyRequest, (request) => {
        expect(decodeRequest(encodeRequest(request))).toEqual({ ok: true, message: request });
      }),
      { numRuns: 2000 },
    );
  });

  test("every response", () => {
    fc.assert(
      fc.property(anyResponse, (response) => {
        expect(decodeResponse(encodeResponse(response))).toEqual({ ok: true, message: response });
      }),
      { numRuns: 2000 },
    );
  });

  test("messages of one side are unknown to the other", () => {
    fc.assert(
      fc.property(anyRequest, anyResponse, (request, response) => {
        expect(decodeResponse(encodeRequest(request)).ok).toBe(false);
        expect(decodeRequest(encodeResponse(response)).ok).toBe(false);
      }),
    );
  });

  test("2.4 MB of rows", () => {
    const sockets = new Uint8Array(1_440_000).map((_, index) => index);
    const bytes = new Uint8Array(960_000).map((_, index) => index * 7);
    const frame = encodeResponse({ ...stats, sockets, bytes });
    expect(frame.byteLength).toBeLessThan(2_400_000 + 100);
    const decoded = decodeResponse(frame);
    expect(decoded).toEqual({ ok: true, message: { ...stats, sockets, bytes } });
    // The buffer had room from the beginning, so the rows were copied once; and the next long frame uses it again.
    // Another test of this process may have needed a longer one before.
    expect(frame.buffer.byteLength).toBeGreaterThanOrEqual(4 * 1024 * 1024);
    expect(Math.log2(frame.buffer.byteLength) % 1).toBe(0);
    const next = encodeResponse({ ...stats, sockets: bytes });
    expect(next.buffer).toBe(frame.buffer);
    expect(decoded).toEqual({ ok: true, message: { ...stats, sockets, bytes } });
  });

  test("20 MB of rows, whose buffer is not kept", () => {
    const sockets = new Uint8Array(20_000_000).fill(3);
    const frame = encodeResponse({ ...stats, sockets });
    expect(frame.buffer.byteLength).toBe(20_004_096);
    const decoded = decodeResponse(frame);
    expect(decoded.ok && decoded.message.type === "connectionStats" && decoded.message.sockets).toEqual(
      sockets,
    );
  });

  test("text without half a character, times beyond 2^53", () => {
    const answer = encodeResponse({ ...stats, timeNs: 2 ** 53 + 2 });
    expect(decodeResponse(answer)).toMatchObject({ message: { timeNs: 9_007_199_254_740_994 } });
    const processes = [{ ...row, name: "a\ud800b" }];
    expect(decodeResponse(encodeResponse({ type: "processStats", id: 1, processes }))).toEqual({
      ok: true,
      message: { type: "processStats", id: 1, processes: [{ ...row, name: "a\ufffdb" }] },
    });
  });

  test("so many arguments as anybody reads, and how many more there are", () => {
    const told = (count: number): readonly string[] => {
      const commandLine = Array.from({ length: count }, (_, index) => `${index}`);
      const frame = encodeResponse({ type: "processStats", id: 1, processes: [{ ...row, commandLine }] });
      const decoded = decodeResponse(frame);
      if (!decoded.ok || decoded.message.type !== "processStats") throw new Error("not decoded");
      return decoded.message.processes[0]?.commandLine ?? [];
    };
    expect(told(ARGUMENTS_MAX).at(-1)).toBe("1023");
    expect(told(32_768)).toHaveLength(ARGUMENTS_MAX);
    expect(told(32_768).slice(-2)).toEqual(["1022", "… 31745 more"]);
  });

  test("a thousand processes with all the arguments that are told", () => {
    const commandLine = Array.from({ length: ARGUMENTS_MAX }, () => "");
    const processes = Array.from({ length: 1000 }, (_, pid) => ({ ...row, pid, commandLine }));
    const decoded = decodeResponse(encodeResponse({ type: "processStats", id: 1, processes }));
    expect(decoded.ok && decoded.message.type === "processStats" && decoded.message.processes.length).toBe(
      1000,
    );
  });
});

describe("the bytes", () => {
  test("of a heartbeat are a map with integer keys (RFC 8949)", () => {
    const frame = encodeRequest({ type: "heartbeat", id: 258, token: new Uint8Array(32) });
    expect(Buffer.from(frame).toString("hex")).toBe(`a3000501190102025820${"00".repeat(32)}`);
  });

  test("of an error: text, and an absent field left out", () => {
    const error: ErrorResponse = {
      type: "error",
      id: 1,
      code: "rate_limited",
      message: "é",
      retryAfterMs: 250,
    };
    const bytes = (retryAfterMs: number | undefined): string =>
      Buffer.from(encodeResponse({ ...error, retryAfterMs })).toString("hex");
    expect(bytes(250)).toBe("a50017010102050362c3a90418fa");
    expect(bytes(undefined)).toBe("a40017010102050362c3a9");
  });

  test("of one frame are no other's, and nothing decoded changes with them", () => {
    const first = encodeRequest({ type: "connectionStats", id: 1, token, sinceNs: 0 });
    const kept = first.slice();
    encodeRequest({ type: "connectionStats", id: 2, token: new Uint8Array(32), sinceNs: 5 });
    expect(first).toEqual(kept);
    const decoded = decodeRequest(first);
    first.fill(0xff);
    expect(decoded).toEqual({
      ok: true,
      message: { type: "connectionStats", id: 1, token, sinceNs: 0 },
    });
  });

  test("are plain arrays of bytes, also when they are read from a Buffer", () => {
    const frame = encodeRequest({ type: "heartbeat", id: 1, token });
    const decoded = decodeRequest(Buffer.from(frame));
    expect(frame.constructor).toBe(Uint8Array);
    expect(decoded.ok && decoded.message.type === "heartbeat" && decoded.message.token.constructor).toBe(
      Uint8Array,
    );
  });

  test("are made without a native addon", () => {
    encodeRequest({ type: "heartbeat", id: 1, token });
    expect(readFileSync("/proc/self/maps", "utf8")).not.toContain("cbor");
  });
});

describe("what can't be sent is a defect of ours", () => {
  test("fields outside their ranges, and messages too long for a frame", () => {
    expect(() => encodeRequest({ type: "heartbeat", id: -1, token })).toThrow(
      "id: not a whole number from 0 to 4294967295",
    );
    expect(() => encodeRequest({ type: "heartbeat", id: 1, token: new Uint8Array(31) })).toThrow(
      "token: not 32 bytes",
    );
    const pids = Array.from({ length: 1001 }, () => 1);
    expect(() => encodeRequest({ type: "processStats", id: 1, token, pids })).toThrow("more than 1000");
    expect(() => encodeResponse({ ...stats, sockets: new Uint8Array(64 * 1024 * 1024) })).toThrow(
      "67108864 are allowed",
    );
  });
});

/** A request written by hand, byte by byte. */
function refused(hex: string): string {
  const decoded = decodeRequest(new Uint8Array(Buffer.from(hex.replaceAll(" ", ""), "hex")));
  return decoded.ok ? "accepted" : decoded.reason;
}

describe("a strict reader refuses", () => {
  const thirtyTwo = "5820" + "09".repeat(32);
  const cases: readonly (readonly [string, string, string])[] = [
    ["nothing", "", "cut short"],
    ["a number", "00", "not a map"],
    ["an unknown type", "a1 00 07", "not a known message"],
    ["a type that is no number", "a1 00 60", "not a known message"],
    ["a message without its fields", "a1 00 05", "heartbeat: id: not a whole number from 0 to 4294967295"],
    ["an unknown key", `a4 00 05 01 01 02 ${thirtyTwo} 03 00`, "heartbeat: a key that is not known"],
    [
      "a token that is too short",
      `a3 00 05 01 01 02 581f ${"09".repeat(31)}`,
      "heartbeat: token: not 32 bytes",
    ],
    ["a token that is text", `a3 00 05 01 01 02 7820 ${"41".repeat(32)}`, "heartbeat: token: not 32 bytes"],
    ["a list that is bytes", `a4 00 03 01 01 02 ${thirtyTwo} 03 41 00`, "processStats: pids: not a list"],
    [
      "a list with text",
      `a4 00 03 01 01 02 ${thirtyTwo} 03 81 60`,
      "processStats: pids: not a whole number from 0 to 2147483647",
    ],
    ["a text key", "a1 64 74797065 00", "a key that is not one of 0 to 23"],
    ["__proto__", `a1 69 ${Buffer.from("__proto__").toString("hex")} a0`, "a key that is not one of 0 to 23"],
    ["a key twice", "a2 00 05 00 05", "keys that are not in ascending order"],
    ["keys in another order", `a3 00 05 02 ${thirtyTwo} 01 01`, "keys that are not in ascending order"],
    ["bytes after it", `a3 00 05 01 01 02 ${thirtyTwo} 00`, "bytes after the message"],
    [
      "a message that is cut",
      `a3 00 05 01 01 02 5820 ${"09".repeat(31)}`,
      "a string longer than the message",
    ],
    ["a negative id", `a3 00 05 01 20 02 ${thirtyTwo}`, "a type that is not used here"],
    [
      "an id of half",
      `a3 00 05 01 fb3fe0000000000000 02 ${thirtyTwo}`,
      "a number that is not a whole one, or not in its shortest form",
    ],
    ["a half-precision id", `a3 00 05 01 f93c00 02 ${thirtyTwo}`, "a type that is not used here"],
    ["NaN", "fb7ff8000000000000", "a number that is not a whole one, or not in its shortest form"],
    [
      "a 64-bit id",
      `a3 00 05 01 1b0000000100000000 02 ${thirtyTwo}`,
      "a length that is open, reserved or too large",
    ],
    [
      "a number longer than need be",
      `a3 00 05 01 1801 02 ${thirtyTwo}`,
      "a number that is longer than it need be",
    ],
    ["true, null and undefined", "f5", "a type that is not used here"],
    ["null", "f6", "a type that is not used here"],
    ["undefined", "f7", "a type that is not used here"],
    ["an array of 4 billion", "9a ffffffff", "more values announced than there are bytes"],
    ["a map of 4 billion", "ba ffffffff", "more values announced than there are bytes"],
    ["bytes of 4 GB", "5a ffffffff", "a string longer than the message"],
    ["text of 4 GB", "7a ffffffff", "a string longer than the message"],
    ["2^64 elements", "9b ffffffffffffffff", "a length that is open, reserved or too large"],
    ["an open-ended array", "9f 00 ff", "a length that is open, reserved or too large"],
    ["an open-ended map", "bf 00 05 ff", "a length that is open, reserved or too large"],
    ["open-ended bytes", "5f 41 00 ff", "a length that is open, reserved or too large"],
    ["a reserved length", "9c", "a length that is open, reserved or too large"],
    ["a tag (self-described CBOR)", "d9d9f7 a0", "a type that is not used here"],
    ["a big integer's tag", "c2 41 ff", "a type that is not used here"],
    ["cbor-x's record definition", "d9dfff 83 19e000 81 61 61 01", "a type that is not used here"],
    ["cbor-x's bundled strings", "d9dff9 82 1a00000005 00 60 60", "a type that is not used here"],
    ["shared references", "d81c 81 d81d 00", "a type that is not used here"],
    ["a packed table", "d833 84 80 80 80 00", "a type that is not used here"],
    ["depth", "81".repeat(40_000) + "00", "nested too deeply"],
    ["text that is not UTF-8", "a1 01 61 ff", "a text that is not UTF-8"],
  ];
  test.each(cases)("%s", (_, hex, reason) => {
    expect(refused(hex)).toBe(reason);
  });

  test("more pids than may be asked for", () => {
    const frame = (count: number): string =>
      `a4 00 03 01 01 02 ${thirtyTwo} 03 99 ${count.toString(16).padStart(4, "0")} ${"01".repeat(count)}`;
    expect(refused(frame(1000))).toBe("accepted");
    expect(refused(frame(1001))).toBe("processStats: pids: a list of more than 1000");
    expect(refused(frame(2000))).toBe("too many values");
  });

  test("a frame that no one may send", () => {
    expect(decodeRequest(new Uint8Array(65_537))).toEqual({ ok: false, reason: "the frame is too long" });
  });
});
