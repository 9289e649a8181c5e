/** The last line: the keys that matter where one is, or the prompt of the filter with its error. Keys can be clicked. */
import type { Part } from "./header.ts";
import { SIDE_BY_SIDE_WIDTH } from "./layout.ts";
import { LineBuilder, spansWidth, type Span, type Zone } from "./line.ts";
import type { Screen } from "./screen.ts";
import type { Action, State } from "./state.ts";
import { currentView } from "./state.ts";
import { cut, safe, take, takeLast, widthOf } from "./text.ts";

interface Hint {
  readonly key: string;
  readonly words: string;
  readonly action: Action;
}

export interface Footer extends Part {
  readonly cursorX: number | undefined;
}

export function footer(screen: Screen): Footer {
  if (screen.state.filter.draft !== undefined) return prompt(screen);
  const line = new LineBuilder(screen.width);
  const zones: Zone[] = [];
  for (const hint of hintsFor(screen)) {
    const width = widthOf(hint.key) + widthOf(hint.words) + 3;
    if (width > line.room) break;
    const x = line.x;
    line.add(" ").add(hint.key, "accent").add(` ${hint.words} `, "dim");
    zones.push({ x, y: 0, width, height: 1, action: hint.action });
  }
  const position = positionText(screen);
  if (widthOf(position) < line.room) line.right([{ text: position, role: "dim" }]);
  return { lines: [line.build("bar")], zones, cursorX: undefined };
}

/** The most useful first: what does not fit is left out from the end. */
function hintsFor({ state, data, width }: Screen): Hint[] {
  const help: Hint = { key: "?", words: "help", action: { type: "help" } };
  const quit: Hint = { key: "q", words: "quit", action: { type: "quit" } };
  if (state.overlay !== "none") {
    return [
      { key: "Esc", words: "close", action: { type: "back" } },
      { key: "↑↓", words: "scroll", action: { type: "scroll", lines: 1 } },
      quit,
    ];
  }
  const pause: Hint = { key: "p", words: state.paused ? "go on" : "pause", action: { type: "pause" } };
  if (state.detail) {
    return [
      { key: "Esc", words: "close", action: { type: "back" } },
      {
        key: width >= SIDE_BY_SIDE_WIDTH ? "J K" : "↑↓",
        words: "scroll",
        action: { type: "scroll", lines: 1 },
      },
      pause,
      help,
      quit,
    ];
  }
  const clear: Hint = { key: "Esc", words: "clear filter", action: { type: "back" } };
  return [
    help,
    quit,
    ...(state.filter.applied === "" ? [] : [clear]),
    { key: "/", words: "filter", action: { type: "filter-open" } },
    ...(data.rows.length === 0 ? [] : [{ key: "↵", words: "detail", action: { type: "enter" } } as const]),
    { key: "<>", words: sortWords(state), action: { type: "sort-next" } },
    pause,
    { key: "g", words: treeWords(state), action: { type: "tree-next" } },
    { key: "c", words: state.showClosed ? "hide closed" : "show closed", action: { type: "closed" } },
    {
      key: "l",
      words: state.showListening ? "hide listening" : "show listening",
      action: { type: "listening" },
    },
    { key: "n", words: state.showNames ? "addresses" : "names", action: { type: "names" } },
    { key: "f", words: state.frozen ? "unfreeze" : "freeze order", action: { type: "freeze" } },
    { key: "r", words: "reverse", action: { type: "sort-reverse" } },
    { key: "!", words: "capture & loss", action: { type: "problems" } },
  ];
}

function sortWords(state: State): string {
  return currentView(state).sort === undefined ? "busiest" : "sort";
}

function treeWords(state: State): string {
  return state.view === "connections" && state.tree !== undefined ? `by ${state.tree}` : "group";
}

function positionText({ data, selected }: Screen): string {
  if (data.rows.length === 0) return "";
  return `${selected + 1}/${data.rows.length} `;
}

/** Cells of the text that stay in view beside a long error. */
const DRAFT_WIDTH_MIN = 14;

/** The filter as it is typed; the cursor stays in view, and an error stands to the right of the text. */
function prompt(screen: Screen): Footer {
  const { filter } = screen.state;
  const draft = filter.draft ?? "";
  const line = new LineBuilder(screen.width).add(" / ", "accent");
  // The place of an error is told in it: its first words would only say that it is the filter's.
  const error = filter.error === undefined ? undefined : safe(filter.error).replace(/^filter, /, "");
  const draftRoom =
    error === undefined
      ? Math.floor(screen.width * 0.6)
      : Math.max(DRAFT_WIDTH_MIN, line.room - widthOf(error) - 3);
  const before = takeLast(safe(draft.slice(0, filter.cursor)), draftRoom - 1);
  const cursorX = line.x + widthOf(before);
  line
    .add(before, "strong")
    .add(take(safe(draft.slice(filter.cursor)), draftRoom - widthOf(before)), "strong");
  if (error !== undefined) {
    line.add("  ").add(cut(error, line.room - 1), "error");
  } else {
    const keys: Span[] = [
      { text: "↵", role: "accent" },
      { text: " keep  ", role: "dim" },
      { text: "Esc", role: "accent" },
      { text: " clear ", role: "dim" },
    ];
    const room = line.room - spansWidth(keys) - 2;
    if (draft === "") line.add(` ${cut("process:curl port:443 host:*.org state:listen", room)}`, "dim");
    line.right(keys);
  }
  return { lines: [line.build("bar")], zones: [], cursorX };
}
