/**
 * The list of an agent's processes, live: what starts comes in and is marked as new for a while, what stops is marked and then
 * leaves. Events come in bursts, so they are put in together a few times a second.
 */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { ClassificationEntry, ProcessRecord } from "../../model/fleet.ts";
import { api } from "../api.ts";
import type { PageEvent, Subscribe } from "./live.ts";
import { throttled, type PagedList } from "./pages.ts";
import {
  matches,
  withCategory,
  withoutLongStopped,
  withProcesses,
  type ProcessFilter,
} from "./process-list.ts";
import { useList } from "./use-list.ts";

const PAGE_ROWS = 100;
/** As many rows as there ever are: beyond, the first page is asked for again. */
const ROWS_MAX = 300;
const FLUSH_MS = 200;
const MARKED_MS = 6000;
const RELOAD_MS = 1500;

export interface LiveProcesses {
  readonly list: PagedList<ProcessRecord>;
  /** Ids of those that just started. */
  readonly fresh: ReadonlySignal<ReadonlySet<string>>;
  /** Shows a person's decision at once. */
  readonly classified: (entry: ClassificationEntry) => void;
}

export function useProcesses(
  agentId: string,
  filter: ProcessFilter,
  search: string,
  subscribe: Subscribe,
): LiveProcesses {
  const list = useList(JSON.stringify([agentId, filter, search]), (cursor, signal) =>
    api.processes(
      {
        agent: agentId,
        running: filter.running === "all" ? undefined : filter.running === "running",
        category: filter.category === "" ? undefined : filter.category,
        search,
        limit: PAGE_ROWS,
        cursor,
      },
      signal,
    ),
  );
  const fresh = useSignal<ReadonlySet<string>>(new Set());
  const latest = useRef({ filter, search });
  latest.current = { filter, search };
  useEffect(() => {
    const merge = new ProcessMerge(list, fresh, () => latest.current);
    const stop = subscribe((event) => merge.receive(event));
    return () => {
      stop();
      merge.stop();
    };
  }, [list]);
  return { list, fresh, classified: (entry) => list.edit((items) => withCategory(items, entry)) };
}

class ProcessMerge {
  readonly #list: PagedList<ProcessRecord>;
  readonly #fresh: { value: ReadonlySet<string> };
  readonly #question: () => { filter: ProcessFilter; search: string };
  readonly #reload: { (): void; stop(): void };
  readonly #started = new Map<string, number>();
  readonly #stopped = new Map<string, number>();
  readonly #sweep: ReturnType<typeof setInterval>;
  #waiting: ProcessRecord[] = [];
  #timer: ReturnType<typeof setTimeout> | undefined;
  #cut: ReturnType<typeof setTimeout> | undefined;

  constructor(
    list: PagedList<ProcessRecord>,
    fresh: { value: ReadonlySet<string> },
    question: () => { filter: ProcessFilter; search: string },
  ) {
    this.#list = list;
    this.#fresh = fresh;
    this.#question = question;
    this.#reload = throttled(() => void list.reload(), RELOAD_MS);
    this.#sweep = setInterval(() => this.#forget(), 1000);
  }

  receive(event: PageEvent): void {
    if (event.type === "gap" || event.type === "opened") this.#reload();
    else if (event.type === "classification") {
      this.#list.edit((items) => withCategory(items, event.entry));
      if (this.#question().filter.category !== "") this.#reload();
    } else if (event.type === "process_started" || event.type === "process_stopped") {
      this.#waiting.push(event.process);
      this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS);
    }
  }

  stop(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#cut);
    clearInterval(this.#sweep);
    this.#reload.stop();
  }

  #flush(): void {
    this.#timer = undefined;
    const told = this.#waiting;
    this.#waiting = [];
    const { filter, search } = this.#question();
    const state = this.#list.state.peek();
    const nowMs = performance.now();
    const isKnown = new Set(state.items.map((item) => item.processId));
    for (const process of told) {
      if (process.stoppedAtMs !== null) this.#stopped.set(process.processId, nowMs);
      else if (!isKnown.has(process.processId)) this.#started.set(process.processId, nowMs);
    }
    this.#fresh.value = new Set(this.#started.keys());
    // What a search finds, only the parent knows; what is on a later page, too. A list that grew long begins anew.
    const isOurs = search === "" && state.page === 1;
    const known = isOurs ? told : told.filter((process) => isKnown.has(process.processId));
    this.#list.edit((items) => this.#bounded(withProcesses(items, known, filter)));
    const isUnsure = !isOurs && state.page === 1 && told.some((process) => matches(process, filter));
    if (isUnsure) this.#reload();
  }

  /** What is cut off is on the next page, once this one was asked for again. */
  #bounded(items: readonly ProcessRecord[]): readonly ProcessRecord[] {
    if (items.length <= ROWS_MAX) return items;
    clearTimeout(this.#cut);
    this.#cut = setTimeout(this.#reload, 0);
    return items.slice(0, ROWS_MAX);
  }

  #forget(): void {
    const beforeMs = performance.now() - MARKED_MS;
    const before = this.#started.size;
    for (const [id, atMs] of this.#started) if (atMs < beforeMs) this.#started.delete(id);
    if (this.#started.size !== before) this.#fresh.value = new Set(this.#started.keys());
    const { filter } = this.#question();
    this.#list.edit((items) => withoutLongStopped(items, filter, this.#stopped, beforeMs));
    for (const [id, atMs] of this.#stopped) if (atMs < beforeMs) this.#stopped.delete(id);
  }
}
