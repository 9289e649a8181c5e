/** Lists of a page: asked for when the page opens or its question changes, asked again when a live event says so. */
import { useEffect, useMemo, useRef } from "preact/hooks";
import type { LiveEvent } from "../../model/fleet.ts";
import { listen, type PageEvent } from "./live.ts";
import { PagedList, throttled, type Fetcher } from "./pages.ts";
import { tellGap } from "./toasts.ts";

const RELOAD_MS = 1500;
/** What happened between the first answer and the first event, only another answer tells. */
const SETTLED_MS = 1000;

/** The list for a question; `question` names it, so that the same question is not asked twice. */
export function useList<T>(question: string, fetch: Fetcher<T>): PagedList<T> {
  const list = useMemo(() => new PagedList<T>(fetch), []);
  useEffect(() => {
    void list.ask(fetch);
  }, [list, question]);
  useEffect(() => () => list.stop(), [list]);
  return list;
}

/**
 * Calls `reload` (at most every 1.5 s) when an event of these types comes that `isOfInterest`, after a gap of the live stream,
 * and every `everyMs`, because that something went silent is no event.
 */
export function useLiveReload(options: {
  readonly agent?: string;
  readonly types: readonly Exclude<LiveEvent["type"], "gap">[];
  readonly reload: () => void;
  readonly isOfInterest?: (event: LiveEvent) => boolean;
  readonly onEvent?: (event: PageEvent) => void;
  readonly everyMs?: number;
}): void {
  const latest = useRef(options);
  latest.current = options;
  useEffect(() => {
    const reload = throttled(() => latest.current.reload(), RELOAD_MS);
    let settled: ReturnType<typeof setTimeout> | undefined;
    const reloadSettled = (): void => {
      settled = undefined;
      reload();
    };
    const stop = listen(options.agent, options.types, (event) => {
      latest.current.onEvent?.(event);
      if (event.type === "gap") tellGap(event.missed);
      const isKnown = event.type === "gap" || event.type === "opened";
      if (!isKnown && !(latest.current.isOfInterest?.(event) ?? true)) return;
      if (event.type === "opened") settled ??= setTimeout(reloadSettled, SETTLED_MS);
      else reload();
    });
    const timer = options.everyMs === undefined ? undefined : setInterval(reload, options.everyMs);
    return () => {
      stop();
      reload.stop();
      clearInterval(timer);
      clearTimeout(settled);
    };
  }, [options.agent, options.types.join(","), options.everyMs]);
}
