/** At every width the columns fit, do not overlap, and give way by their importance. */
import { describe, expect, test } from "bun:test";
import { COLUMNS } from "../../../src/tui/columns.ts";
import { GUTTER, placeColumns } from "../../../src/tui/layout.ts";
import { scrollFor } from "../../../src/tui/frame.ts";
import { VIEWS } from "../../../src/tui/views.ts";

function idsAt(view: (typeof VIEWS)[number]["name"], width: number): string[] {
  return placeColumns(COLUMNS[view], width).map(({ column }) => column.id);
}

describe("columns", () => {
  test("fit and never overlap, at any width", () => {
    for (const view of VIEWS) {
      for (let width = 30; width <= 400; width += 1) {
        let free = GUTTER;
        for (const { x, width: columnWidth, column } of placeColumns(COLUMNS[view.name], width)) {
          expect(x).toBeGreaterThanOrEqual(free);
          expect(columnWidth).toBeGreaterThanOrEqual(Math.min(column.widthMin, width - GUTTER - 1));
          expect(columnWidth).toBeLessThanOrEqual(column.widthMax);
          free = x + columnWidth + 1;
        }
        expect(free - 1).toBeLessThanOrEqual(width - 1);
      }
    }
  });

  test("the important ones are there on the narrowest screen, all on a wide one", () => {
    expect(idsAt("connections", 60)).toEqual(["process", "remote", "send", "receive"]);
    expect(idsAt("connections", 80)).toEqual(["process", "remote", "send", "receive", "sent", "received"]);
    expect(idsAt("connections", 200)).toEqual(COLUMNS.connections.map((column) => column.id));
    expect(idsAt("processes", 80)).toEqual([
      "label",
      "pid",
      "connections",
      "send",
      "receive",
      "sent",
      "received",
    ]);
  });

  test("a column that has its place at a width keeps it at every larger one", () => {
    for (const view of VIEWS) {
      let before: string[] = [];
      for (let width = 60; width <= 300; width += 1) {
        const ids = idsAt(view.name, width);
        expect(before.filter((id) => !ids.includes(id))).toEqual([]);
        before = ids;
      }
    }
  });
});

describe("scrolling", () => {
  test("moves as little as keeps the chosen row on the screen", () => {
    expect(scrollFor(0, 5, 100, 10)).toBe(0);
    expect(scrollFor(0, 10, 100, 10)).toBe(1);
    expect(scrollFor(20, 15, 100, 10)).toBe(15);
    expect(scrollFor(20, 25, 100, 10)).toBe(20);
  });

  test("keeps the last page full and never goes below zero", () => {
    expect(scrollFor(99, 99, 100, 10)).toBe(90);
    expect(scrollFor(5, 0, 3, 10)).toBe(0);
    expect(scrollFor(5, 0, 0, 10)).toBe(0);
  });
});
