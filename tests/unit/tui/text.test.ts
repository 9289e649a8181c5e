/** Text is measured, cut and wrapped in cells, whatever is in it. */
import { describe, expect, test } from "bun:test";
import { assert, constantFrom, integer, nat, property, string } from "fast-check";
import { cut, exact, padEnd, padStart, safe, take, widthOf, wrap } from "../../../src/tui/text.ts";

describe("cut", () => {
  test("keeps what fits and marks what does not", () => {
    expect(cut("firefox", 7)).toBe("firefox");
    expect(cut("firefox", 6)).toBe("firef…");
    expect(cut("cdn.example.org", 9, "start")).toBe("…mple.org");
    expect(cut("2001:db8::1:2:3", 8, "middle")).toBe("2001…2:3");
    expect(cut("firefox", 1)).toBe("…");
    expect(cut("firefox", 0)).toBe("");
  });

  test("never leaves half of a wide character", () => {
    expect(cut("漢字漢字", 8)).toBe("漢字漢字");
    expect(cut("漢字漢字", 6)).toBe("漢字…");
    expect(cut("漢字漢字", 7)).toBe("漢字漢…");
    expect(cut("🚀🚀🚀", 4)).toBe("🚀…");
    expect(take("e\u0301xit", 2)).toBe("e\u0301x");
  });

  test("is never wider than asked, for any text and any place of the cut", () => {
    assert(
      property(
        string({ unit: "grapheme", maxLength: 40 }),
        nat(30),
        constantFrom("end" as const, "start" as const, "middle" as const),
        (text, width, at) => {
          expect(widthOf(cut(safe(text), width, at))).toBeLessThanOrEqual(width);
        },
      ),
    );
  });
});

describe("padding", () => {
  test("counts cells, not characters", () => {
    expect(padEnd("漢", 4)).toBe("漢  ");
    expect(padStart("漢", 4)).toBe("  漢");
    expect(padEnd("firefox", 3)).toBe("firefox");
  });
});

describe("wrap", () => {
  test("breaks at spaces, and long words anywhere", () => {
    expect(wrap("one two three", 7)).toEqual(["one two", "three"]);
    expect(wrap("abcdefghij", 4)).toEqual(["abcd", "efgh", "ij"]);
    expect(wrap("", 4)).toEqual([""]);
  });

  test("loses nothing but spaces, and no line is too wide", () => {
    assert(
      property(string({ unit: "grapheme", maxLength: 60 }), integer({ min: 2, max: 20 }), (text, width) => {
        const clean = safe(text);
        const lines = wrap(clean, width);
        expect(lines.join("").replaceAll(/\s/g, "")).toBe(clean.replaceAll(/\s/g, ""));
        for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      }),
    );
  });
});

test("text from outside can't steer the terminal, and its length is bounded", () => {
  expect(safe("a\u001b[31mb\u0007")).toBe("a\ufffd[31mb\ufffd");
  expect(safe("x".repeat(1_000_000)).length).toBe(4096);
});

test("integers are exact, with separators", () => {
  expect(exact(0)).toBe("0");
  expect(exact(999)).toBe("999");
  expect(exact(1000)).toBe("1,000");
  expect(exact(-1234567)).toBe("-1,234,567");
  expect(exact(Number.MAX_SAFE_INTEGER)).toBe("9,007,199,254,740,991");
});
