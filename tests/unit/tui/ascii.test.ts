/** The screen of a terminal without Unicode: only ASCII, and nothing moves by it. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { toAscii } from "../../../src/tui/ascii.ts";
import { widthOf } from "../../../src/tui/text.ts";

const GOLDEN = join(import.meta.dir, "../../golden/tui");
const ASCII = /^[\x20-\x7e]*$/;

describe("ASCII", () => {
  test("has a stand-in for every sign of every golden frame that is not a name from outside", () => {
    const missing = new Set<string>();
    for (const name of readdirSync(GOLDEN, { recursive: true, encoding: "utf8" })) {
      if (!name.endsWith(".txt")) continue;
      for (const sign of readFileSync(join(GOLDEN, name), "utf8")) {
        if (sign !== "?" && sign !== "\n" && toAscii(sign) === "?") missing.add(sign);
      }
    }
    expect([...missing]).toEqual([]);
  });

  test("keeps the width of any text", () => {
    expect(toAscii("● ▲ 1.2 KiB ≥4 …")).toBe("* ^ 1.2 KiB >4 .");
    expect(toAscii("名前")).toBe("????");
    fc.assert(
      fc.property(fc.string({ unit: "grapheme", maxLength: 40 }), (text) => {
        const visible = text.replaceAll(/\p{C}/gu, "");
        expect(toAscii(visible)).toMatch(ASCII);
        expect(toAscii(visible).length).toBe(widthOf(visible));
      }),
    );
  });
});
