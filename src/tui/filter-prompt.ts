/**
 * The line in which a filter is typed. It is in force while it is typed; where the text is no filter, the last good one
 * stays in force and the reason is shown.
 */
import type { Action, Filter, FilterEdit } from "./state.ts";
import { safe } from "./text.ts";

/** A message for the person where the text is no filter. */
export type FilterCheck = (text: string) => string | undefined;

/** A filter longer than this is cut: nobody types it, and a paste must not cost a frame. */
const FILTER_LENGTH_MAX = 500;

type PromptAction = Extract<
  Action,
  { readonly type: "filter-accept" | "filter-cancel" | "filter-insert" | "filter-edit" }
>;

export function openFilter(filter: Filter): Filter {
  return { ...filter, draft: filter.applied, cursor: filter.applied.length, error: undefined };
}

export function editFilter(filter: Filter, action: PromptAction, check: FilterCheck): Filter {
  const draft = filter.draft ?? "";
  switch (action.type) {
    case "filter-accept":
      // Closing on an error keeps what is in force, which is what the screen shows.
      return { ...filter, draft: undefined, cursor: 0, error: undefined };
    case "filter-cancel":
      return { applied: "", draft: undefined, cursor: 0, error: undefined };
    case "filter-insert": {
      const text = safe(action.text.replaceAll(/[\r\n\t]+/g, " "));
      const grown = draft.slice(0, filter.cursor) + text + draft.slice(filter.cursor);
      return withDraft(filter, grown, filter.cursor + text.length, check);
    }
    case "filter-edit":
    default:
      return edited(filter, draft, action.edit, check);
  }
}

function edited(filter: Filter, draft: string, edit: FilterEdit, check: FilterCheck): Filter {
  const before = draft.slice(0, filter.cursor);
  const after = draft.slice(filter.cursor);
  switch (edit) {
    case "backspace": {
      const kept = before.slice(0, before.length - lastLength(before));
      return withDraft(filter, kept + after, kept.length, check);
    }
    case "delete":
      return withDraft(filter, before + after.slice(firstLength(after)), filter.cursor, check);
    case "delete-word": {
      const kept = before.replace(/\S*\s*$/, "");
      return withDraft(filter, kept + after, kept.length, check);
    }
    case "clear":
      return withDraft(filter, "", 0, check);
    case "left":
      return { ...filter, cursor: filter.cursor - lastLength(before) };
    case "right":
      return { ...filter, cursor: filter.cursor + firstLength(after) };
    case "home":
      return { ...filter, cursor: 0 };
    case "end":
    default:
      return { ...filter, cursor: draft.length };
  }
}

function withDraft(filter: Filter, text: string, cursor: number, check: FilterCheck): Filter {
  const draft = text.slice(0, FILTER_LENGTH_MAX);
  const error = check(draft);
  return {
    applied: error === undefined ? draft.trim() : filter.applied,
    draft,
    cursor: Math.min(cursor, draft.length),
    error,
  };
}

const graphemes = new Intl.Segmenter("en", { granularity: "grapheme" });

function firstLength(text: string): number {
  for (const { segment } of graphemes.segment(text)) return segment.length;
  return 0;
}

function lastLength(text: string): number {
  let length = 0;
  for (const { segment } of graphemes.segment(text)) length = segment.length;
  return length;
}
