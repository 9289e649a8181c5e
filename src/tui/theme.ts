/**
 * Roles to colours. Colours are those of the 256-colour cube, which are the same on every terminal, chosen readable
 * (contrast checked by a test) on dark, light and unknown backgrounds; the background itself stays the terminal's own.
 * With NO_COLOR (https://no-color.org) there are only bold, dim, underlined and inverse letters.
 */
import type { Fill, Role } from "./line.ts";

export type ThemeName = "dark" | "light" | "neutral" | "sixteen" | "none";

/** Looks of one role: an index into the terminal's palette, undefined being its default; and attributes. */
export interface Look {
  readonly foreground: number | undefined;
  readonly background: number | undefined;
  readonly bold: boolean;
  readonly dim: boolean;
  readonly underline: boolean;
  readonly inverse: boolean;
}

export interface Theme {
  readonly name: ThemeName;
  readonly look: (role: Role, fill: Fill) => Look;
}

type Colours = Readonly<Record<Exclude<Role, "text" | "strong" | "current">, number>> & {
  /** Undefined: the chosen row and the bars are shown inverse or underlined instead. */
  readonly selected: number | undefined;
  readonly bar: number | undefined;
};

const PALETTES: Readonly<Record<Exclude<ThemeName, "none">, Colours>> = {
  dark: {
    dim: 246,
    accent: 80,
    send: 215,
    receive: 114,
    good: 114,
    warning: 221,
    error: 210,
    badge: 221,
    selected: 237,
    bar: 235,
  },
  light: {
    dim: 241,
    accent: 25,
    send: 94,
    receive: 22,
    good: 22,
    warning: 94,
    error: 124,
    badge: 94,
    selected: 195,
    bar: 255,
  },
  neutral: {
    dim: 244,
    accent: 32,
    send: 130,
    receive: 28,
    good: 28,
    warning: 130,
    error: 160,
    badge: 130,
    selected: undefined,
    bar: undefined,
  },
  sixteen: {
    dim: 7,
    accent: 6,
    send: 3,
    receive: 2,
    good: 2,
    warning: 3,
    error: 1,
    badge: 3,
    selected: undefined,
    bar: undefined,
  },
};

const PLAIN: Look = {
  foreground: undefined,
  background: undefined,
  bold: false,
  dim: false,
  underline: false,
  inverse: false,
};

export function themeOf(name: ThemeName): Theme {
  if (name === "none") return { name, look: lookWithoutColour };
  const colours = PALETTES[name];
  return { name, look: (role, fill) => lookWith(colours, role, fill) };
}

function lookWith(colours: Colours, role: Role, fill: Fill): Look {
  const background = fill === "selected" ? colours.selected : fill === "bar" ? colours.bar : undefined;
  const inverse = fill === "selected" && colours.selected === undefined;
  const base: Look = { ...PLAIN, background, inverse };
  // Inverse colours are hard to foresee: the chosen row is then in the terminal's own two.
  if (inverse) return { ...base, bold: role === "strong" };
  if (role === "text") return base;
  if (role === "strong") return { ...base, bold: true };
  // On the chosen row's background dim would be too faint.
  if (role === "dim" && fill === "selected") return base;
  if (role === "badge" || role === "current") {
    const foreground = role === "badge" ? colours.badge : colours.accent;
    return { ...base, foreground, background: undefined, bold: true, inverse: true };
  }
  return { ...base, foreground: colours[role] };
}

const BOLD_WITHOUT_COLOUR: ReadonlySet<Role> = new Set(["strong", "accent", "warning", "error"]);

function lookWithoutColour(role: Role, fill: Fill): Look {
  const inverse = fill === "selected" || role === "badge" || role === "current";
  return { ...PLAIN, bold: BOLD_WITHOUT_COLOUR.has(role), dim: role === "dim" && !inverse, inverse };
}

/**
 * The theme that an environment asks for. `mode` is what the terminal told of its background, undefined where it told
 * nothing; COLORFGBG (`15;0`: the last number is the background) stands in for it.
 */
export function themeNameFor(
  environment: Readonly<Record<string, string | undefined>>,
  mode: "dark" | "light" | undefined,
): ThemeName {
  if ((environment["NO_COLOR"] ?? "") !== "") return "none";
  const terminal = environment["TERM"] ?? "";
  if (terminal === "dumb" || terminal.startsWith("vt")) return "none";
  if (!hasManyColours(terminal, environment["COLORTERM"])) return "sixteen";
  return mode ?? modeOfColorFgBg(environment["COLORFGBG"]) ?? "neutral";
}

function hasManyColours(terminal: string, colorTerm: string | undefined): boolean {
  if (colorTerm === "truecolor" || colorTerm === "24bit") return true;
  return /256|direct|kitty|alacritty|ghostty|wezterm|foot|tmux|screen/.test(terminal);
}

function modeOfColorFgBg(value: string | undefined): "dark" | "light" | undefined {
  const background = Number(value?.split(";").at(-1) ?? Number.NaN);
  if (!Number.isInteger(background) || background < 0 || background > 15) return undefined;
  return background === 7 || background > 8 ? "light" : "dark";
}
