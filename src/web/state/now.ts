/** The parent's time, once a second while somebody looks: what relative times are told against. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { parentNowMs } from "../api.ts";

const current = signal(parentNowMs());

export const now: ReadonlySignal<number> = current;

/** Begins to tick. */
export function startClock(): void {
  const tick = (): void => {
    if (!document.hidden) current.value = parentNowMs();
  };
  setInterval(tick, 1000);
  document.addEventListener("visibilitychange", tick);
}
