/** Which page is shown, by the part of the address after `#`: it works without any help of the server, and back goes back. */
import { signal, type ReadonlySignal } from "@preact/signals";
import { parseRoute, type Route } from "./routes.ts";

const current = signal<Route>({ parts: [] });

export const route: ReadonlySignal<Route> = current;

/** Follows the address from now on. */
export function startRouter(): void {
  const read = (): void => {
    current.value = parseRoute(location.hash);
  };
  addEventListener("hashchange", read);
  read();
}
