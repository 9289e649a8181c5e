/**
 * The parent's live events for whoever is on the page. The browser resumes a connection after the last event it saw; where
 * events were missed all the same, subscribers are told so by a `gap` event, and load anew. A page that nobody sees has no
 * connection: a browser keeps six to one host for all of its tabs.
 */
import { computed, signal } from "@preact/signals";
import type { LiveEvent } from "../../model/fleet.ts";
import { livePath } from "../api.ts";

export type LiveState = "off" | "connecting" | "live" | "reconnecting";

/** `opened`: from now on events come; what happened before has to be asked for. */
export type PageEvent = LiveEvent | { readonly type: "opened" };

export type LiveListener = (event: PageEvent) => void;

/** Live events that somebody else listens to; returns how to end. */
export type Subscribe = (listener: LiveListener) => () => void;

const REOPEN_MS_MIN = 1000;
const REOPEN_MS_MAX = 30_000;
/** The parent ends each connection from time to time; a new one that is there so soon is nothing that a person should see. */
const UNSEEN_MS = 4000;

const connections = signal<readonly LiveConnection[]>([]);

/** Of the worst of all connections. */
export const liveState = computed<LiveState>(() => {
  const states = connections.value.map((connection) => connection.state.value);
  if (states.length === 0) return "off";
  if (states.includes("reconnecting")) return "reconnecting";
  return states.includes("connecting") ? "connecting" : "live";
});

/**
 * Events of these types (of one agent, where it is named) until the returned function is called. A `gap` event comes through
 * whatever was asked for: also one of this page's own making, where the connection had to be begun anew.
 */
export function listen(
  agent: string | undefined,
  types: readonly Exclude<LiveEvent["type"], "gap">[],
  listener: LiveListener,
): () => void {
  const connection = new LiveConnection(livePath(agent, types), [...types, "gap"], listener);
  connections.value = [...connections.peek(), connection];
  const look = (): void => (document.visibilityState === "hidden" ? connection.close() : connection.open());
  document.addEventListener("visibilitychange", look);
  look();
  return () => {
    document.removeEventListener("visibilitychange", look);
    connection.close();
    connections.value = connections.peek().filter((each) => each !== connection);
  };
}

class LiveConnection {
  readonly state = signal<LiveState>("connecting");
  readonly #path: string;
  readonly #types: readonly LiveEvent["type"][];
  readonly #listener: LiveListener;
  #source: EventSource | undefined;
  #reopening: ReturnType<typeof setTimeout> | undefined;
  #showing: ReturnType<typeof setTimeout> | undefined;
  #waitMs = REOPEN_MS_MIN;
  #wasOpen = false;
  #isBegunAnew = false;

  constructor(path: string, types: readonly LiveEvent["type"][], listener: LiveListener) {
    this.#path = path;
    this.#types = types;
    this.#listener = listener;
  }

  open(): void {
    if (this.#source !== undefined && this.#source.readyState !== EventSource.CLOSED) return;
    this.#source = new EventSource(this.#path);
    this.#source.addEventListener("open", () => this.#opened());
    this.#source.addEventListener("error", () => this.#failed());
    for (const type of this.#types) {
      this.#source.addEventListener(type, (message: MessageEvent<string>) => {
        const event = eventOf(message.data);
        if (event !== undefined) this.#listener(event);
      });
    }
  }

  close(): void {
    clearTimeout(this.#reopening);
    clearTimeout(this.#showing);
    this.#showing = undefined;
    this.#source?.close();
  }

  #opened(): void {
    clearTimeout(this.#showing);
    this.#showing = undefined;
    // A new connection can't be told after which event to go on, so what came in between is not known.
    if (this.#isBegunAnew) this.#listener({ type: "gap", missed: -1 });
    this.#isBegunAnew = false;
    this.#wasOpen = true;
    this.#waitMs = REOPEN_MS_MIN;
    this.state.value = "live";
    this.#listener({ type: "opened" });
  }

  #failed(): void {
    if (this.#wasOpen) {
      this.#showing ??= setTimeout(() => {
        this.state.value = "reconnecting";
      }, UNSEEN_MS);
    }
    if (this.#source?.readyState !== EventSource.CLOSED) return; // the browser tries again by itself, and resumes
    this.#isBegunAnew = this.#wasOpen;
    this.#reopening = setTimeout(() => this.open(), this.#waitMs);
    this.#waitMs = Math.min(REOPEN_MS_MAX, this.#waitMs * 2);
  }
}

/** What came is the parent's own JSON; what is not is no event. */
function eventOf(data: string): LiveEvent | undefined {
  try {
    const value: unknown = JSON.parse(data);
    return typeof value === "object" && value !== null && "type" in value ? (value as LiveEvent) : undefined;
  } catch {
    return undefined; // not JSON: nothing that this page could show
  }
}
