/** Every key has its meaning, and only where it has one. */
import { describe, expect, test } from "bun:test";
import { actionOf } from "../../../src/tui/keys.ts";
import { initialState, type State } from "../../../src/tui/state.ts";
import { keyOf } from "./fixtures.ts";

const state = initialState();
const typing: State = { ...state, filter: { ...state.filter, draft: "", cursor: 0 } };
const help: State = { ...state, overlay: "help" };

describe("in a table", () => {
  test("digits and Tab choose a view", () => {
    expect(actionOf(keyOf("2"), state)).toEqual({ type: "view", view: "processes" });
    expect(actionOf(keyOf("5"), state)).toEqual({ type: "view", view: "interfaces" });
    expect(actionOf(keyOf("8"), state)).toBeUndefined();
    expect(actionOf(keyOf("tab", { sequence: "\t" }), state)).toEqual({ type: "next-view" });
    expect(actionOf(keyOf("tab", { shift: true }), state)).toEqual({ type: "previous-view" });
  });

  test("letters are told apart from their capitals", () => {
    expect(actionOf(keyOf("j"), state)).toEqual({ type: "move", rows: 1 });
    expect(actionOf(keyOf("J"), state)).toEqual({ type: "scroll", lines: 1 });
    expect(actionOf(keyOf("g"), state)).toEqual({ type: "tree-next" });
    expect(actionOf(keyOf("G"), state)).toEqual({ type: "last" });
  });

  test("names of JavaScript's own are no keys", () => {
    expect(actionOf(keyOf("constructor"), state)).toBeUndefined();
  });

  test("Ctrl-C quits everywhere", () => {
    const key = keyOf("c", { ctrl: true, sequence: "\u0003" });
    for (const each of [state, typing, help]) expect(actionOf(key, each)).toEqual({ type: "quit" });
  });
});

describe("while a filter is typed", () => {
  test("letters are text, also those that are keys elsewhere", () => {
    for (const text of ["q", "?", " ", "1", "é", "漢", "🚀"]) {
      expect(actionOf(keyOf(text), typing)).toEqual({ type: "filter-insert", text });
    }
  });

  test("control characters are never text", () => {
    expect(actionOf(keyOf("f5", { sequence: "\u001b[15~" }), typing)).toBeUndefined();
  });

  test("the rows can still be moved along", () => {
    expect(actionOf(keyOf("down"), typing)).toEqual({ type: "move", rows: 1 });
  });
});

describe("under an overlay", () => {
  test("nothing changes behind it", () => {
    for (const text of ["p", "f", "c", "g", "/", "r", "x"])
      expect(actionOf(keyOf(text), help)).toBeUndefined();
  });

  test("q and Esc close it", () => {
    expect(actionOf(keyOf("q"), help)).toEqual({ type: "back" });
    expect(actionOf(keyOf("escape"), help)).toEqual({ type: "back" });
  });
});
