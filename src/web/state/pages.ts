/**
 * A list that the parent tells page by page: one page is held and shown at a time, so that a list of any length costs the same.
 * A newer question overtakes an older one; an answer that comes too late is dropped.
 */
import { signal, type ReadonlySignal } from "@preact/signals";
import type { Page } from "../../model/fleet.ts";
import { ApiError } from "../api.ts";

export interface PagedState<T> {
  readonly items: readonly T[];
  /** The page that is shown, from 1. */
  readonly page: number;
  readonly hasNext: boolean;
  /** `first`: nothing has been told yet; `again`: what is shown may be old. */
  readonly loading: "first" | "again" | undefined;
  readonly error: ApiError | undefined;
}

/** Live events come in batches, a few each second: more than these while one answer is awaited, and it was not worth it. */
const EDITS_MAX = 100;

export type Fetcher<T> = (cursor: string | undefined, signal: AbortSignal) => Promise<Page<T>>;

export class PagedList<T> {
  readonly #state = signal<PagedState<T>>({
    items: [],
    page: 1,
    hasNext: false,
    loading: "first",
    error: undefined,
  });
  #fetch: Fetcher<T>;
  /** Of the pages up to the one shown: `undefined` begins the first. */
  #cursors: (string | undefined)[] = [undefined];
  #nextCursor: string | null = null;
  #asking: AbortController | undefined;
  /** Changes since the answer that is awaited was asked for: it may be older than they are. */
  #editsSince: ((items: readonly T[]) => readonly T[])[] = [];

  constructor(fetch: Fetcher<T>) {
    this.#fetch = fetch;
  }

  get state(): ReadonlySignal<PagedState<T>> {
    return this.#state;
  }

  /** Another question: from its first page. */
  async ask(fetch: Fetcher<T>): Promise<void> {
    this.#fetch = fetch;
    await this.#load([undefined]);
  }

  /** The same page again. */
  async reload(): Promise<void> {
    await this.#load(this.#cursors);
  }

  async next(): Promise<void> {
    if (this.#nextCursor !== null) await this.#load([...this.#cursors, this.#nextCursor]);
  }

  async previous(): Promise<void> {
    if (this.#cursors.length > 1) await this.#load(this.#cursors.slice(0, -1));
  }

  /** Changes what is shown, as a live event says. Done twice it must do no more than done once. */
  edit(change: (items: readonly T[]) => readonly T[]): void {
    const state = this.#state.peek();
    if (state.loading !== undefined && this.#editsSince.length < EDITS_MAX) this.#editsSince.push(change);
    const items = change(state.items);
    if (items !== state.items) this.#state.value = { ...state, items };
  }

  /** No answer is wanted any more. */
  stop(): void {
    this.#asking?.abort();
  }

  async #load(cursors: (string | undefined)[]): Promise<void> {
    this.#asking?.abort();
    const asking = new AbortController();
    this.#asking = asking;
    this.#editsSince = [];
    const before = this.#state.peek();
    this.#state.value = { ...before, loading: before.loading === "first" ? "first" : "again" };
    try {
      let cursor = cursors.at(-1);
      let page = await this.#fetch(cursor, asking.signal);
      // Where few match, the parent tells how far it has looked: there may be more behind an empty page.
      while (page.items.length === 0 && page.nextCursor !== null && !asking.signal.aborted) {
        cursor = page.nextCursor;
        page = await this.#fetch(cursor, asking.signal);
      }
      if (asking.signal.aborted) return;
      this.#cursors = [...cursors.slice(0, -1), cursor];
      this.#nextCursor = page.nextCursor;
      this.#state.value = {
        items: this.#editsSince.reduce((items, change) => change(items), page.items),
        page: cursors.length,
        hasNext: page.nextCursor !== null,
        loading: undefined,
        error: undefined,
      };
    } catch (error) {
      if (asking.signal.aborted) return;
      this.#state.value = { ...this.#state.peek(), loading: undefined, error: asApiError(error) };
    }
  }
}

/** Any failure as one with words for a person. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new ApiError(0, "page", `This page could not read the answer: ${words}`, "Reload the page.");
}

/** Runs `work` at once and then not more often than every `intervalMs`; what was asked for in between runs once, at its end. */
export function throttled(work: () => void, intervalMs: number): { (): void; stop(): void } {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isWanted = false;
  const run = (): void => {
    if (timer !== undefined) {
      isWanted = true;
      return;
    }
    timer = setTimeout(() => {
      timer = undefined;
      if (!isWanted) return;
      isWanted = false;
      run();
    }, intervalMs);
    work();
  };
  run.stop = (): void => clearTimeout(timer);
  return run;
}
