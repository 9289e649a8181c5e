/** The connections of an agent in a window of time that ends now: asked for once, then kept up by live events. */
import { useSignal, type ReadonlySignal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import type { ConnectionRecord } from "../../model/fleet.ts";
import { api, parentNowMs, type ApiError } from "../api.ts";
import { ConnectionWindow, RECORDS_MAX, type ConnectionSum } from "./connection-sums.ts";
import type { Subscribe } from "./live.ts";
import { asApiError, throttled } from "./pages.ts";

const PAGE_RECORDS = 1000;
const SHOW_MS = 250;
const EXPIRE_MS = 5000;

export interface LiveConnections {
  readonly sums: readonly ConnectionSum[];
  /** Something of the window is not in the sums: they are lower bounds. */
  readonly isTruncated: boolean;
  readonly loading: boolean;
  readonly error: ApiError | undefined;
}

export function useConnections(options: {
  readonly agentId: string;
  /** The agent's clock minus the parent's: intervals are of the agent's. */
  readonly offsetMs: number;
  readonly windowMs: number;
  readonly search: string;
  readonly subscribe: Subscribe;
}): { readonly state: ReadonlySignal<LiveConnections>; readonly reload: ReadonlySignal<() => void> } {
  const state = useSignal<LiveConnections>({ sums: [], isTruncated: false, loading: true, error: undefined });
  const reload = useSignal<() => void>(() => undefined);
  const { agentId, windowMs, search } = options;
  useEffect(() => {
    const held = new ConnectionWindow();
    let asking = new AbortController();
    const sinceMs = (): number => parentNowMs() + options.offsetMs - windowMs;
    const show = throttled(() => {
      held.expire(sinceMs());
      state.value = { sums: held.sums(), isTruncated: held.isTruncated, loading: false, error: undefined };
    }, SHOW_MS);
    const load = async (): Promise<void> => {
      asking.abort();
      asking = new AbortController();
      const { signal } = asking;
      try {
        held.clear();
        await fill(held, { agent: agentId, since: sinceMs(), search }, signal);
        if (!signal.aborted) show();
      } catch (error) {
        if (!signal.aborted) state.value = { ...state.peek(), loading: false, error: asApiError(error) };
      }
    };
    const again = throttled(() => void load(), 1500);
    const stop = options.subscribe((event) => {
      if (event.type === "gap" || event.type === "opened") again();
      if (event.type !== "connections") return;
      held.add(event.connections.filter((record) => isFound(record, search)));
      show();
    });
    const timer = setInterval(show, EXPIRE_MS);
    reload.value = () => void load();
    state.value = { ...state.peek(), loading: true };
    void load();
    return () => {
      stop();
      again.stop();
      show.stop();
      clearInterval(timer);
      asking.abort();
    };
  }, [agentId, windowMs, search]);
  return { state, reload };
}

/**
 * The newest records of the window. The parent tells what arrived last first, and looks at many records for each page: behind a
 * page without a match all arrived long before the window.
 */
async function fill(
  held: ConnectionWindow,
  asked: { agent: string; since: number; search: string },
  signal: AbortSignal,
): Promise<void> {
  const since = Math.floor(asked.since);
  let told = 0;
  let cursor: string | undefined;
  while (told < RECORDS_MAX) {
    const page = await api.connections({ ...asked, since, limit: PAGE_RECORDS, cursor }, signal);
    if (signal.aborted) return;
    held.add(page.items);
    if (page.nextCursor === null || page.items.length === 0) return;
    told += page.items.length;
    cursor = page.nextCursor;
  }
  held.leaveOut();
}

/** As the parent searches: part of the program's name, of the address or of the host's name. */
function isFound(record: ConnectionRecord, search: string): boolean {
  if (search === "") return true;
  const words = search.toLowerCase();
  return [record.processName, record.remoteAddress, record.remoteHost ?? ""].some((text) =>
    text.toLowerCase().includes(words),
  );
}
