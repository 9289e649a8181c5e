/** A filter is in force while it is typed; a text that is none leaves the last good one in force and says why. */
import { describe, expect, test } from "bun:test";
import { editFilter, openFilter } from "../../../src/tui/filter-prompt.ts";
import type { Filter, FilterEdit } from "../../../src/tui/state.ts";

const EMPTY: Filter = { applied: "", draft: undefined, cursor: 0, error: undefined };
const check = (text: string): string | undefined => (text.includes("bad:") ? "bad: is no key" : undefined);

function type(filter: Filter, text: string): Filter {
  return editFilter(filter, { type: "filter-insert", text }, check);
}

function edit(filter: Filter, ...edits: readonly FilterEdit[]): Filter {
  return edits.reduce((now, each) => editFilter(now, { type: "filter-edit", edit: each }, check), filter);
}

describe("typing", () => {
  test("applies each good text at once", () => {
    const typed = type(type(openFilter(EMPTY), "cu"), "rl ");
    expect(typed).toEqual({ applied: "curl", draft: "curl ", cursor: 5, error: undefined });
  });

  test("keeps the last good filter where the text is none", () => {
    const typed = type(type(openFilter(EMPTY), "curl"), " bad:x");
    expect(typed).toEqual({ applied: "curl", draft: "curl bad:x", cursor: 10, error: "bad: is no key" });
    expect(editFilter(typed, { type: "filter-accept" }, check)).toEqual({ ...EMPTY, applied: "curl" });
  });

  test("begins with the filter in force, and clears it on Esc", () => {
    const opened = openFilter({ ...EMPTY, applied: "curl" });
    expect(opened).toEqual({ applied: "curl", draft: "curl", cursor: 4, error: undefined });
    expect(editFilter(opened, { type: "filter-cancel" }, check)).toEqual(EMPTY);
  });

  test("makes pasted lines one, and bounds what is pasted", () => {
    expect(type(openFilter(EMPTY), "a\r\nb\tc").draft).toBe("a b c");
    expect(type(openFilter(EMPTY), "\u001b[2J").draft).toBe("\ufffd[2J");
    expect(type(openFilter(EMPTY), "x".repeat(9999)).draft?.length).toBe(500);
  });
});

describe("editing", () => {
  const typed = type(openFilter(EMPTY), "process:curl port:443");

  test("moves and deletes where the cursor is", () => {
    expect(edit(typed, "home", "delete", "right", "right", "backspace").draft).toBe("rcess:curl port:443");
    expect(edit(typed, "left", "backspace").draft).toBe("process:curl port:43");
    expect(edit(typed, "delete-word").draft).toBe("process:curl ");
    expect(edit(typed, "clear")).toEqual({ applied: "", draft: "", cursor: 0, error: undefined });
    expect(edit(typed, "home", "left").cursor).toBe(0);
    expect(edit(typed, "end", "right").cursor).toBe(21);
  });

  test("takes an emoji of several units as one letter", () => {
    expect(edit(type(openFilter(EMPTY), "a👍🏽"), "backspace").draft).toBe("a");
    expect(edit(type(openFilter(EMPTY), "👍🏽a"), "home", "right").cursor).toBe("👍🏽".length);
  });
});
