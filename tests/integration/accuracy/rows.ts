/** What `wb monitor` told, read from its JSON document or its stream of lines: rows of connections, and what was lost. */

export interface ToldRow {
  readonly id: string;
  readonly pid: number | null;
  readonly owners: readonly number[];
  readonly processStartedAtMs: number | null;
  readonly attribution: string;
  readonly protocol: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly bytesSent: number | null;
  readonly bytesReceived: number | null;
  readonly bytesMeaning: string;
  readonly uncertaintyBytes: number | null;
  readonly closed: boolean;
}

export interface ToldLoss {
  readonly cause: string;
  readonly count: number;
  readonly bytes: number | null;
}

export interface Told {
  readonly method: string;
  readonly rows: readonly ToldRow[];
  readonly loss: readonly ToldLoss[];
}

interface Document {
  readonly capture: { readonly method: string };
  readonly loss: readonly ToldLoss[];
  readonly rows: readonly ToldRow[];
}

/** Of `--json`. */
export function readDocument(text: string): Told {
  const { capture, loss, rows } = JSON.parse(text) as Document;
  return { method: capture.method, loss, rows };
}

interface StreamLine extends Partial<ToldRow> {
  readonly type: string;
  readonly capture?: { readonly method: string };
  readonly cause?: string;
  readonly count?: number;
  readonly bytes?: number | null;
}

/** Of `--jsonl`, line by line: closed connections as they were told last, living ones as the last sample had them. */
export class ToldStream {
  readonly #closed = new Map<string, ToldRow>();
  #living = new Map<string, ToldRow>();
  #sampling = false;
  readonly #loss = new Map<string, ToldLoss>();
  method = "";
  /** Complete samples so far. */
  samples = 0;
  ended = false;

  static parse(text: string): ToldStream {
    const stream = new ToldStream();
    for (const line of text.split("\n")) if (line.startsWith("{")) stream.add(line);
    return stream;
  }

  add(text: string): void {
    const line = JSON.parse(text) as StreamLine;
    if (line.capture !== undefined) this.method = line.capture.method;
    if (line.type === "sample") {
      if (!this.#sampling) this.#living = new Map();
      this.#sampling = true;
      this.#living.set(line.id ?? "", line as ToldRow);
    } else if (line.type === "closed") this.#closed.set(line.id ?? "", line as ToldRow);
    else if (line.type === "loss" && line.cause !== undefined) {
      this.#loss.set(line.cause, { cause: line.cause, count: line.count ?? 0, bytes: line.bytes ?? null });
    } else if (line.type === "totals") {
      if (!this.#sampling) this.#living = new Map();
      this.#sampling = false;
      this.samples += 1;
    } else if (line.type === "end") this.ended = true;
  }

  told(): Told {
    const living = [...this.#living.values()].filter(({ id }) => !this.#closed.has(id));
    return {
      method: this.method,
      rows: [...this.#closed.values(), ...living],
      loss: [...this.#loss.values()],
    };
  }
}

/** The parts of a row's id: `<protocol>:<cookie>[#<revision>][%<namespace>][@<process key>][><peer>]`. */
export interface RowName {
  readonly cookie: string;
  /** Of the process that the row is of, where it is not the socket's first one. */
  readonly actor: { readonly pid: number; readonly startTicks: number } | undefined;
  /** Whether the row is of one remote end of a socket that is not connected. */
  readonly isOfPeer: boolean;
}

export function nameOfRow(id: string): RowName {
  const cookie = /^[a-z]+:([^#%@>]+)/.exec(id)?.[1] ?? "";
  const actor = /@[^>@]*:(\d+):(\d+)(?:>|$)/.exec(id);
  return {
    cookie,
    actor: actor === null ? undefined : { pid: Number(actor[1]), startTicks: Number(actor[2]) },
    isOfPeer: id.includes(">"),
  };
}
