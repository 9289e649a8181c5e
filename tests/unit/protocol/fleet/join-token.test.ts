/** The join token: there and back, through mail and shells, and whatever is pasted instead of one. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { WbError } from "../../../../src/model/errors.ts";
import { formatJoinToken, parseJoinToken } from "../../../../src/protocol/fleet/join-token.ts";

const TOKEN = {
  addresses: ["parent.example:7443", "[2001:db8::1]:7443"],
  pin: "p".repeat(43),
  id: "t1",
  secret: "s".repeat(43),
};

function refusal(text: string): string | undefined {
  try {
    parseJoinToken(text);
    return undefined;
  } catch (error) {
    if (!(error instanceof WbError)) throw error;
    expect(error.code).toBe("usage");
    expect(error.hint).toContain("wbj1.");
    return error.message;
  }
}

describe("a join token", () => {
  test("is one word, and says the same when it is read", () => {
    const text = formatJoinToken(TOKEN);
    expect(text).toMatch(/^wbj1\.[\w-]+$/);
    expect(parseJoinToken(text)).toEqual(TOKEN);
    expect(parseJoinToken(`  ${text}\r\n`)).toEqual(TOKEN);
  });

  test("goes there and back whatever is in it", () => {
    const secret = fc.stringMatching(/^[\w-]{43}$/);
    const token = fc.record({
      addresses: fc.array(fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }), {
        minLength: 1,
        maxLength: 8,
      }),
      pin: secret,
      id: fc.string({ minLength: 1, maxLength: 40 }),
      secret,
    });
    fc.assert(fc.property(token, (given) => expect(parseJoinToken(formatJoinToken(given))).toEqual(given)));
  });

  test("cut off anywhere it is none", () => {
    const text = formatJoinToken(TOKEN);
    for (let length = 0; length < text.length; length += 1)
      expect(refusal(text.slice(0, length)), String(length)).toContain("no join token");
  });

  test("no other text is one, and none crashes", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.jsonValue(), (text, value) => {
        expect(refusal(text)).toBeDefined();
        expect(refusal(`wbj1.${text}`)).toBeDefined();
        expect(refusal(`wbj1.${Buffer.from(JSON.stringify(value)).toString("base64url")}`)).toBeDefined();
      }),
    );
    const tooMany = { ...TOKEN, addresses: Array.from({ length: 9 }, () => "a:1") };
    for (const bad of [
      tooMany,
      { ...TOKEN, addresses: [] },
      { ...TOKEN, pin: "short" },
      { ...TOKEN, id: "" },
    ])
      expect(refusal(formatJoinToken(bad))).toBeDefined();
  });
});
