/** Short messages about what just happened; read aloud, and gone after a while. At most four at a time. */
import { signal, type ReadonlySignal } from "@preact/signals";

export interface Toast {
  readonly id: number;
  readonly text: string;
}

const SHOWN_MS = 6000;
const TOASTS_MAX = 4;
const current = signal<readonly Toast[]>([]);
let nextId = 1;

export const toasts: ReadonlySignal<readonly Toast[]> = current;

export function tell(text: string): void {
  const id = nextId++;
  current.value = [...current.value, { id, text }].slice(-TOASTS_MAX);
  setTimeout(() => dismiss(id), SHOWN_MS);
}

export function dismiss(id: number): void {
  current.value = current.value.filter((toast) => toast.id !== id);
}

/** What to say after a gap of the live stream: how many were missed, where that is known. */
export function tellGap(missed: number): void {
  const what = missed > 0 ? `${missed.toLocaleString("en")} live updates were` : "Live updates were";
  tell(`${what} missed. Everything shown has been loaded anew.`);
}
