/** What the page says: exact where it can be, and never a control character. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  accountHolds,
  bytes,
  certainty,
  counted,
  detailWords,
  exactBytes,
  exactTime,
  lossWords,
  presence,
  relativeTime,
  shown,
  usedPercent,
  whoSays,
} from "../../../src/web/words.ts";

const STREAM = { stream: "process", produced: 10, acked: 7, pending: 2, lost: 1, unknownTails: 0 };

describe("times", () => {
  test("are relative within a day", () => {
    const nowMs = Date.UTC(2026, 7, 2, 12);
    const told = [0, 1999, 2000, 59_999, 60_000, 3_599_999, 3_600_000, 9_720_000].map((age) =>
      relativeTime(nowMs - age, nowMs),
    );
    expect(told).toEqual([
      "just now",
      "just now",
      "2 s ago",
      "59 s ago",
      "1 min ago",
      "59 min ago",
      "1 h 00 min ago",
      "2 h 42 min ago",
    ]);
    expect(relativeTime(nowMs + 3_540_000, nowMs)).toBe("in 59 min");
  });

  test("are dates beyond, with the year where it is another", () => {
    const nowMs = new Date(2026, 7, 2, 12).getTime();
    expect(relativeTime(new Date(2026, 6, 9, 8, 5).getTime(), nowMs)).toBe("9 Jul, 08:05");
    expect(relativeTime(new Date(2025, 11, 31, 23, 59).getTime(), nowMs)).toBe("31 Dec 2025, 23:59");
  });

  test("are exact in the title: local and UTC", () => {
    const at = new Date(2026, 0, 2, 3, 4, 5, 6);
    expect(exactTime(at.getTime())).toBe(`2026-01-02 03:04:05.006 (${at.toISOString()})`);
  });

  test("of any number are words and no crash", () => {
    fc.assert(
      fc.property(fc.double(), fc.double(), (atMs, nowMs) => {
        expect(exactTime(atMs)).toBeString();
        expect(relativeTime(atMs, nowMs)).toBeString();
      }),
    );
    expect(exactTime(Number.NaN)).toBe("a time that no calendar has");
  });
});

describe("sizes keep the promise", () => {
  test("exact, ± or at least", () => {
    expect([bytes(12_900_000, 0), certainty(0), exactBytes(12_900_000, 0)]).toEqual([
      "12.3 MiB",
      "exact",
      "12,900,000 bytes, exact",
    ]);
    expect([bytes(1024, 120), certainty(120), exactBytes(1024, 120)]).toEqual([
      "1.00 KiB",
      "± 120 B",
      "1,024 bytes, ± 120",
    ]);
    expect([bytes(1, null), certainty(null), exactBytes(1, null)]).toEqual([
      "≥ 1 B",
      "at least",
      "at least 1 byte",
    ]);
  });

  test("shares stay between 0 and 100, and nothing of nothing is not known", () => {
    expect([usedPercent(0, 0), usedPercent(100, 25), usedPercent(100, 200), usedPercent(100, -5)]).toEqual([
      null,
      75,
      0,
      100,
    ]);
  });
});

describe("what was lost", () => {
  test("adds up over streams, with ends that nobody knows", () => {
    expect(lossWords([{ ...STREAM, lost: 0 }])).toEqual({ text: "none", isLoss: false });
    expect(lossWords([STREAM, { ...STREAM, lost: 1200, unknownTails: 1 }])).toEqual({
      text: "1,201 events, 1 unknown end",
      isLoss: true,
    });
    expect(lossWords([{ ...STREAM, lost: 0, unknownTails: 2 }]).text).toBe("2 unknown ends");
  });

  test("produced = acked + pending + lost holds or does not", () => {
    expect([accountHolds(STREAM), accountHolds({ ...STREAM, pending: 3 })]).toEqual([true, false]);
  });
});

test("who says what a program is: nobody, where it is in no list", () => {
  const entry = { category: "game", source: "builtin", confidence: 0.9, overriddenBy: null } as const;
  expect(whoSays(entry)).toEqual({ who: "Built-in list", certainty: "90 % sure" });
  expect(whoSays({ ...entry, confidence: null })).toEqual({ who: "Built-in list", certainty: null });
  expect(whoSays({ ...entry, category: "unknown", confidence: 0 })).toEqual({
    who: "Nobody yet",
    certainty: null,
  });
  const person = { ...entry, category: "unknown", source: "parent_override", overriddenBy: "olga" } as const;
  expect(whoSays(person)).toEqual({ who: "Set by olga", certainty: null });
});

test("presence tells what stands in the way before whether it is online", () => {
  expect(presence({ state: "active", online: true, lastSeenAtMs: 1 })).toBe("Online");
  expect(presence({ state: "active", online: false, lastSeenAtMs: 1 })).toBe("Offline");
  expect(presence({ state: "active", online: false, lastSeenAtMs: null })).toBe("Never heard of");
  expect(presence({ state: "quarantined", online: true, lastSeenAtMs: 1 })).toBe("Quarantined");
});

test("no text from outside keeps a control character or a change of direction", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      // oxlint-disable-next-line no-control-regex -- control characters are what this is about
      expect(shown(text)).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
    }),
  );
});

test("details of the audit log are one line, whatever they are", () => {
  expect(detailWords({ uses: 5, reason: "a copy", from: null })).toBe("uses: 5 · reason: a copy");
  const atMs = new Date(2026, 10, 20, 17, 5, 9).getTime();
  expect(detailWords({ expiresAtMs: atMs, takenMs: 12 })).toBe("expiresAt: 2026-11-20 17:05 · takenMs: 12");
  expect([detailWords(null), detailWords("words"), detailWords([1, "a"])]).toEqual(["", "words", '[1,"a"]']);
  fc.assert(
    fc.property(fc.jsonValue(), (details) => {
      expect(detailWords(details)).toBeString();
    }),
  );
});

test("counted has the right number", () => {
  expect([counted(0, "a", "b"), counted(1, "a", "b"), counted(1234, "a", "b")]).toEqual([
    "0 b",
    "1 a",
    "1,234 b",
  ]);
});
