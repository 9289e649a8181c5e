/** Every colour can be read on the backgrounds that it is meant for, and NO_COLOR leaves none. */
import { describe, expect, test } from "bun:test";
import type { Fill, Role } from "../../../src/tui/line.ts";
import { themeNameFor, themeOf, type Look, type ThemeName } from "../../../src/tui/theme.ts";

const ROLES: readonly Role[] = [
  "text",
  "strong",
  "dim",
  "accent",
  "send",
  "receive",
  "good",
  "warning",
  "error",
  "badge",
  "current",
];
const FILLS: readonly Fill[] = ["none", "bar", "selected"];

/** The xterm colour cube and grey ramp. */
function rgbOf(index: number): readonly [number, number, number] {
  if (index >= 232) {
    const grey = 8 + (index - 232) * 10;
    return [grey, grey, grey];
  }
  const level = (part: number): number => (part === 0 ? 0 : 55 + part * 40);
  const cube = index - 16;
  return [level(Math.floor(cube / 36)), level(Math.floor(cube / 6) % 6), level(cube % 6)];
}

/** Relative luminance, WCAG 2.2. */
function luminance([red, green, blue]: readonly [number, number, number]): number {
  const linear = (value: number): number => {
    const part = value / 255;
    return part <= 0.040_45 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  return 0.2126 * linear(red) + 0.7152 * linear(green) + 0.0722 * linear(blue);
}

function contrast(one: number, other: number): number {
  return (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
}

const BLACK = 0;
const WHITE = 1;
const DARK_GREY = luminance([0x28, 0x2c, 0x34]);
const PAPER = luminance([0xfd, 0xf6, 0xe3]);

/** The lowest contrast of any look of a theme on any of the terminals' backgrounds. */
function worstContrast(name: ThemeName, backgrounds: readonly number[], foreground: number): number {
  let worst = Number.POSITIVE_INFINITY;
  const consider = (look: Look, terminal: number): void => {
    const letters = look.foreground === undefined ? foreground : luminance(rgbOf(look.foreground));
    const behind = look.background === undefined ? terminal : luminance(rgbOf(look.background));
    worst = Math.min(worst, contrast(letters, behind));
  };
  for (const terminal of backgrounds)
    for (const role of ROLES)
      for (const fill of FILLS) {
        const look = themeOf(name).look(role, fill);
        if (name !== "neutral" || look.foreground !== undefined) consider(look, terminal);
      }
  return worst;
}

describe("contrast", () => {
  test("is at least 4.5 on dark and on light terminals", () => {
    expect(worstContrast("dark", [BLACK, DARK_GREY], luminance([0xd0, 0xd0, 0xd0]))).toBeGreaterThan(4.5);
    expect(worstContrast("light", [WHITE, PAPER], luminance([0x30, 0x30, 0x30]))).toBeGreaterThan(4.5);
  });

  test("is at least 3.7 on black and on white where the background is not known", () => {
    expect(worstContrast("neutral", [BLACK, WHITE], 0)).toBeGreaterThan(3.7);
  });
});

test("without colour there is none, and the chosen row, badges and tabs stay visible", () => {
  const theme = themeOf("none");
  for (const role of ROLES)
    for (const fill of FILLS) {
      expect(theme.look(role, fill).foreground).toBeUndefined();
      expect(theme.look(role, fill).background).toBeUndefined();
    }
  expect(theme.look("text", "selected").inverse).toBe(true);
  expect(theme.look("badge", "bar").inverse).toBe(true);
  expect(theme.look("current", "bar").inverse).toBe(true);
  expect(theme.look("warning", "none").bold).toBe(true);
});

describe("the choice", () => {
  const terminal = { TERM: "xterm-256color" };

  test("NO_COLOR wins over everything, but not where it is empty", () => {
    expect(themeNameFor({ ...terminal, NO_COLOR: "1" }, "dark")).toBe("none");
    expect(themeNameFor({ ...terminal, NO_COLOR: "" }, "dark")).toBe("dark");
  });

  test("what the terminal tells of itself comes before COLORFGBG", () => {
    expect(themeNameFor({ ...terminal, COLORFGBG: "15;0" }, "light")).toBe("light");
    expect(themeNameFor({ ...terminal, COLORFGBG: "15;0" }, undefined)).toBe("dark");
    expect(themeNameFor({ ...terminal, COLORFGBG: "0;default;15" }, undefined)).toBe("light");
    expect(themeNameFor({ ...terminal, COLORFGBG: "12;8" }, undefined)).toBe("dark");
    expect(themeNameFor({ ...terminal, COLORFGBG: "nonsense" }, undefined)).toBe("neutral");
    expect(themeNameFor(terminal, undefined)).toBe("neutral");
  });

  test("a poor terminal gets few colours or none", () => {
    expect(themeNameFor({ TERM: "linux" }, "dark")).toBe("sixteen");
    expect(themeNameFor({ TERM: "dumb" }, "dark")).toBe("none");
    expect(themeNameFor({ TERM: "xterm", COLORTERM: "truecolor" }, "dark")).toBe("dark");
  });
});
