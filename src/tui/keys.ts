/** Which key means what, by what is open. The help overlay (help.ts) is the same table in words. */
import type { Action, FilterEdit, State } from "./state.ts";
import { VIEWS } from "./views.ts";

/** A key as the terminal tells it. */
export interface Key {
  /** `up`, `return`, `escape`, `a`, … */
  readonly name: string;
  /** The bytes that it sent; a printable character for a printable key. */
  readonly sequence: string;
  readonly ctrl: boolean;
  readonly shift: boolean;
  readonly meta: boolean;
}

/** The action of a key; undefined where it has none. */
export function actionOf(key: Key, state: State): Action | undefined {
  if (key.ctrl && key.name === "c") return { type: "quit" };
  if (state.filter.draft !== undefined) return promptAction(key);
  if (key.meta) return undefined;
  if (key.ctrl) return controlAction(key.name);
  const named = namedAction(key, state);
  if (named !== undefined) return named;
  return characterAction(key.sequence, state);
}

const PROMPT_EDITS: Readonly<Record<string, FilterEdit>> = {
  backspace: "backspace",
  delete: "delete",
  left: "left",
  right: "right",
  home: "home",
  end: "end",
};

const PROMPT_CONTROLS: Readonly<Record<string, FilterEdit>> = {
  a: "home",
  e: "end",
  u: "clear",
  w: "delete-word",
  h: "backspace",
};

function promptAction(key: Key): Action | undefined {
  if (key.name === "return" || key.name === "enter" || key.name === "linefeed")
    return { type: "filter-accept" };
  if (key.name === "escape") return { type: "filter-cancel" };
  // The table stays reachable while a filter is typed.
  if (key.name === "up") return { type: "move", rows: -1 };
  if (key.name === "down") return { type: "move", rows: 1 };
  if (key.name === "pageup") return { type: "page", pages: -1 };
  if (key.name === "pagedown") return { type: "page", pages: 1 };
  const edit = key.ctrl ? PROMPT_CONTROLS[key.name] : PROMPT_EDITS[key.name];
  if (edit !== undefined) return { type: "filter-edit", edit };
  if (key.ctrl || key.meta) return undefined;
  return isText(key.sequence) ? { type: "filter-insert", text: key.sequence } : undefined;
}

/** Whether the bytes of a key are text: anything without a control character. */
function isText(sequence: string): boolean {
  // eslint-disable-next-line no-control-regex -- control characters are what this is about
  return sequence !== "" && !/[\u0000-\u001f\u007f-\u009f]/.test(sequence);
}

function controlAction(name: string): Action | undefined {
  if (name === "f") return { type: "page", pages: 1 };
  if (name === "b") return { type: "page", pages: -1 };
  return undefined;
}

function namedAction(key: Key, state: State): Action | undefined {
  switch (key.name) {
    case "up":
      return key.shift ? { type: "scroll", lines: -1 } : { type: "move", rows: -1 };
    case "down":
      return key.shift ? { type: "scroll", lines: 1 } : { type: "move", rows: 1 };
    case "pageup":
      return { type: "page", pages: -1 };
    case "pagedown":
      return { type: "page", pages: 1 };
    case "home":
      return { type: "first" };
    case "end":
      return { type: "last" };
    case "left":
      return { type: "fold" };
    case "right":
      return { type: "unfold" };
    case "return":
    case "enter":
    case "linefeed":
      return { type: "enter" };
    case "escape":
      return { type: "back" };
    case "tab":
      return { type: key.shift ? "previous-view" : "next-view" };
    case "space":
      return { type: "pause" };
    default:
      return state.overlay !== "none" && key.sequence === "q" ? { type: "back" } : undefined;
  }
}

const CHARACTERS: Readonly<Record<string, Action>> = {
  j: { type: "move", rows: 1 },
  k: { type: "move", rows: -1 },
  J: { type: "scroll", lines: 1 },
  K: { type: "scroll", lines: -1 },
  G: { type: "last" },
  "<": { type: "sort-previous" },
  ">": { type: "sort-next" },
  r: { type: "sort-reverse" },
  "/": { type: "filter-open" },
  g: { type: "tree-next" },
  h: { type: "fold" },
  p: { type: "pause" },
  " ": { type: "pause" },
  f: { type: "freeze" },
  c: { type: "closed" },
  l: { type: "listening" },
  n: { type: "names" },
  d: { type: "enter" },
  "?": { type: "help" },
  "!": { type: "problems" },
  x: { type: "dismiss" },
  q: { type: "quit" },
};

function characterAction(sequence: string, state: State): Action | undefined {
  const view = VIEWS.find((candidate) => candidate.key === sequence);
  if (view !== undefined) return { type: "view", view: view.name };
  const action = Object.hasOwn(CHARACTERS, sequence) ? CHARACTERS[sequence] : undefined;
  // Under an overlay only what moves or closes it has a meaning: nothing changes behind it unseen.
  if (state.overlay === "none" || action === undefined) return action;
  const allowed = ["move", "scroll", "last", "help", "problems", "quit"];
  return allowed.includes(action.type) ? action : undefined;
}
