/**
 * Live events as a text/event-stream body (WHATWG HTML, section 9.2.6). It makes a chunk only when the connection takes one, so
 * that a client that does not read costs its bounded queue and nothing more; one that has not read for long is let go.
 */
import type { PublishedEvent } from "../context.ts";

/** How long the browser waits before it connects again. */
const RECONNECT_MS = 2000;

export interface EventStreamOptions {
  readonly events: AsyncIterator<PublishedEvent>;
  /** Who has seen nothing yet can go on after this one. Undefined: it goes on after one that it named. */
  readonly startId: number | undefined;
  /** Of the newest event at this moment. */
  readonly lastId: () => number;
  readonly keepAliveMs: number;
  /** A chunk that is not taken for so long ends the stream. */
  readonly stallMs: number;
  /** Milliseconds, of a clock that never goes back. */
  readonly now: () => number;
  /** Asked at each keep-alive, and before an event that comes this long after it was asked last; false ends the stream. */
  readonly recheckMs: number;
  readonly mayGoOn: () => Promise<boolean>;
  /** Called once, however it ends. */
  readonly ended: () => void;
}

export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const writer = new EventStreamWriter(options);
  return new ReadableStream(
    {
      start: (controller) => writer.watch(controller),
      pull: async (controller) => {
        const text = await writer.next();
        if (text === undefined) return controller.close();
        controller.enqueue(encoder.encode(text));
        writer.sent();
      },
      cancel: () => writer.end(),
    },
    { highWaterMark: 0 },
  );
}

const encoder = new TextEncoder();

class EventStreamWriter {
  readonly #options: EventStreamOptions;
  #pending: Promise<IteratorResult<PublishedEvent>> | undefined;
  #stall: ReturnType<typeof setTimeout> | undefined;
  #controller: ReadableStreamDefaultController<Uint8Array> | undefined;
  #isFirst = true;
  #checkedAtMs: number;
  #isEnded = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#checkedAtMs = options.now();
  }

  watch(controller: ReadableStreamDefaultController<Uint8Array>): void {
    this.#controller = controller;
    this.sent();
  }

  /** The next piece of text; undefined at the end, after `end()`. */
  async next(): Promise<string | undefined> {
    clearTimeout(this.#stall);
    try {
      const text = this.#isEnded ? undefined : await this.#next();
      if (text === undefined) this.end();
      return this.#isEnded ? undefined : text;
    } catch (error) {
      this.end();
      throw error;
    }
  }

  async #next(): Promise<string | undefined> {
    if (this.#isFirst) {
      this.#isFirst = false;
      const { startId } = this.#options;
      return `retry: ${RECONNECT_MS}\n${startId === undefined ? "" : `id: ${startId}\n`}\n`;
    }
    this.#pending ??= this.#options.events.next();
    const winner = await this.#nextOrQuiet(this.#pending);
    if (typeof winner === "number") {
      // The id tells who was told nothing, because the filter let nothing through, up to where that is so.
      return (await this.#mayGoOn()) ? `: quiet\nid: ${winner}\n\n` : undefined;
    }
    this.#pending = undefined;
    const isDue = this.#options.now() - this.#checkedAtMs >= this.#options.recheckMs;
    if (isDue && !(await this.#mayGoOn())) return undefined;
    return winner.done === true ? undefined : eventText(winner.value);
  }

  #mayGoOn(): Promise<boolean> {
    this.#checkedAtMs = this.#options.now();
    return this.#options.mayGoOn();
  }

  /** The chunk is on its way: the next is asked for when the connection has room. */
  sent(): void {
    clearTimeout(this.#stall);
    this.#stall = setTimeout(() => this.#giveUp(), this.#options.stallMs);
  }

  end(): void {
    if (this.#isEnded) return;
    this.#isEnded = true;
    clearTimeout(this.#stall);
    this.#options.ended();
  }

  #giveUp(): void {
    if (this.#isEnded) return;
    this.end();
    this.#controller?.error(new Error("the subscriber does not read"));
  }

  /** The event, or, where none comes in time, the newest id at that moment: nothing up to it is waiting to be told. */
  #nextOrQuiet(
    pending: Promise<IteratorResult<PublishedEvent>>,
  ): Promise<IteratorResult<PublishedEvent> | number> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise<number>((resolve) => {
      timer = setTimeout(() => resolve(this.#options.lastId()), this.#options.keepAliveMs);
    });
    return Promise.race([pending, quiet]).finally(() => clearTimeout(timer));
  }
}

/** JSON has no line break of its own, so that `data` is one line. */
function eventText({ id, event }: PublishedEvent): string {
  return `id: ${id}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
