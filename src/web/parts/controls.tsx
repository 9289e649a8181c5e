/** What a person acts with: search fields, choices, copying, dialogs and the buttons of a list's pages. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { CATEGORIES, type ProcessCategory } from "../../model/categories.ts";
import type { ApiError } from "../api.ts";
import { asApiError, type PagedList, type PagedState } from "../state/pages.ts";
import { tell } from "../state/toasts.ts";
import { categoryName } from "../words.ts";
import { ErrorBox } from "./basics.tsx";

const TYPING_PAUSE_MS = 250;

/** Tells what was typed once the typing pauses, and at once with Enter. */
export function SearchField(props: { label: string; value: string; onSearch: (text: string) => void }) {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  const tellNow = (text: string): void => {
    clearTimeout(timer.current);
    props.onSearch(text.trim());
  };
  return (
    <label class="field search">
      <span class="unseen">{props.label}</span>
      <input
        type="search"
        placeholder={props.label}
        defaultValue={props.value}
        maxLength={200}
        autoComplete="off"
        spellcheck={false}
        onInput={(event) => {
          const text = event.currentTarget.value;
          clearTimeout(timer.current);
          timer.current = setTimeout(() => tellNow(text), TYPING_PAUSE_MS);
        }}
        onKeyDown={(event) => {
          if (event.key === "Enter") tellNow(event.currentTarget.value);
        }}
      />
    </label>
  );
}

/** One of several values; the first is "all". */
export function Choice<T extends string>(props: {
  label: string;
  value: T | "";
  all?: string;
  options: readonly (readonly [T, string])[];
  onChoose: (value: T | "") => void;
}) {
  return (
    <label class="field choice">
      <span>{props.label}</span>
      <select value={props.value} onChange={(event) => props.onChoose(event.currentTarget.value as T | "")}>
        {props.all === undefined ? null : <option value="">{props.all}</option>}
        {props.options.map(([value, name]) => (
          <option key={value} value={value}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}

/** One category, or all of them. */
export function CategoryChoice(props: {
  value: ProcessCategory | "";
  onChoose: (value: ProcessCategory | "") => void;
}) {
  return (
    <Choice
      label="Category"
      value={props.value}
      all="All"
      options={CATEGORIES.map((each) => [each, categoryName(each)] as const)}
      onChoose={props.onChoose}
    />
  );
}

/** Puts a text on the clipboard, and says so. Where the browser refuses, it marks the text to be copied by hand. */
export function CopyButton({ text, what }: { text: string; what: string }) {
  const copy = async (button: HTMLButtonElement): Promise<void> => {
    try {
      await navigator.clipboard.writeText(text);
      tell(`${what} copied.`);
    } catch {
      // No right to the clipboard (no secure context, or refused): a person can still copy what is marked.
      const code = button.parentElement?.querySelector("code");
      if (code) getSelection()?.selectAllChildren(code);
      tell(`The browser refused to copy. ${what} is marked: copy it with the keyboard.`);
    }
  };
  return (
    <button type="button" class="button button-small" onClick={(event) => void copy(event.currentTarget)}>
      Copy<span class="unseen"> {what}</span>
    </button>
  );
}

/** A command to paste into a terminal. */
export function Command({ text, what }: { text: string; what: string }) {
  return (
    <div class="command">
      <code>{text}</code>
      <CopyButton text={text} what={what} />
    </div>
  );
}

/** A modal dialog, open as long as it is there; Escape closes it and the focus goes back where it was. */
export function Dialog(props: { title: string; onClose: () => void; children: ComponentChildren }) {
  const element = useRef<HTMLDialogElement>(null);
  const titleId = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    // The browser begins with the first of several choices, which is not the one that stands.
    dialog?.querySelector<HTMLInputElement>("input[type=radio]:checked")?.focus();
    return () => {
      dialog?.close();
      // A dialog that is gone from the page before it was closed gives the focus back to nobody.
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={titleId}
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
    >
      <h2 id={titleId}>{props.title}</h2>
      {props.children}
    </dialog>
  );
}

/** The end of every dialog and form that changes something: what failed, cancel, and the deed itself. */
export function DeedButtons(props: {
  deed: string;
  busy: boolean;
  disabled?: boolean;
  danger?: boolean;
  error: ApiError | undefined;
  onCancel: () => void;
}) {
  return (
    <>
      {props.error === undefined ? null : <ErrorBox error={props.error} />}
      <div class="buttons">
        <button type="button" class="button" onClick={props.onCancel}>
          Cancel
        </button>
        <button
          type="submit"
          class={`button button-main${props.danger ? " button-danger" : ""}`}
          disabled={props.busy || props.disabled}
        >
          {props.busy ? "One moment…" : props.deed}
        </button>
      </div>
    </>
  );
}

/** To the next page of a list and back. Not there where all is on one page. */
export function Pager<T>({ list, noun }: { list: PagedList<T>; noun: string }) {
  const { page, hasNext, items, loading } = list.state.value;
  if (page === 1 && !hasNext) return null;
  const busy = loading !== undefined;
  return (
    <nav class="pager" aria-label={`Pages of ${noun}`}>
      <button type="button" class="button" disabled={page === 1 || busy} onClick={() => void list.previous()}>
        ← Previous
      </button>
      <span class="number">
        Page {page} · {items.length} {noun}
      </span>
      <button type="button" class="button" disabled={!hasNext || busy} onClick={() => void list.next()}>
        Next →
      </button>
    </nav>
  );
}

/** A thin line that moves while what is shown is being asked for again. It takes no room. */
export function Busy<T>({ state }: { state: ReadonlySignal<PagedState<T>> }) {
  return <span class={state.value.loading === "again" ? "busy busy-on" : "busy"} aria-hidden="true" />;
}

/** Runs a deed of a person: `busy` while it runs, the refusal in `error`; true where it was done. */
export function useDeed() {
  const busy = useSignal(false);
  const error = useSignal<ApiError | undefined>(undefined);
  const run = async (deed: () => Promise<unknown>): Promise<boolean> => {
    if (busy.value) return false;
    busy.value = true;
    error.value = undefined;
    try {
      await deed();
      return true;
    } catch (refused) {
      error.value = asApiError(refused);
      return false;
    } finally {
      busy.value = false;
    }
  };
  return { busy, error, run };
}
