/**
 * The rows of closed sockets, kept until every session has been told them or the memory for them is used up. Each session
 * reads with a cursor of its own; what was thrown away before it came by is counted, exactly.
 */
import { BYTES_ROW_BYTES, SOCKET_ROW_BYTES, trafficOf } from "../capture/linux/kernel-rows.ts";
import { joinBytes } from "../lib/bytes.ts";

/** Pieces are no longer, so that little is thrown away at once: 288 KiB, whole rows of either kind. */
const PIECE_BYTES_MAX = 2048 * SOCKET_ROW_BYTES;

type RowsOf = "sockets" | "bytes";

interface Piece {
  readonly of: RowsOf;
  readonly rows: Uint8Array;
  /** Rows and traffic before this piece, since the beginning. */
  readonly before: Totals;
}

interface Totals {
  readonly rows: number;
  readonly traffic: number;
}

/** How far a session has read. */
export interface ClosedCursor {
  /** Number of the next piece. */
  readonly next: number;
  readonly totals: Totals;
}

export interface ClosedRows {
  readonly sockets: Uint8Array;
  readonly bytes: Uint8Array;
  /** Rows of both kinds that were thrown away before this reading and after the last, and the bytes that they counted. */
  readonly missedRows: number;
  readonly missedBytes: number;
  /** Where to read on. */
  readonly cursor: ClosedCursor;
}

export class ClosedLog {
  readonly #bytesMax: number;
  readonly #pieces: Piece[] = [];
  /** Number of the first piece that is still there. */
  #first = 0;
  #size = 0;
  #totals: Totals = { rows: 0, traffic: 0 };

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** For who begins to read now: nothing of before. */
  get end(): ClosedCursor {
    return { next: this.#first + this.#pieces.length, totals: this.#totals };
  }

  /** Takes rows as `Collection` has them; whole rows only. Keeps views of them. */
  append(sockets: Uint8Array, bytes: Uint8Array): void {
    this.#appendRows("sockets", sockets, SOCKET_ROW_BYTES);
    this.#appendRows("bytes", bytes, BYTES_ROW_BYTES);
    while (this.#size > this.#bytesMax) this.#dropFirst();
  }

  /** Everything from the cursor on. */
  read({ next, totals }: ClosedCursor): ClosedRows {
    const first = this.#pieces[0];
    const wasDropped = next < this.#first;
    const oldest = first === undefined ? this.#totals : first.before;
    const pieces = this.#pieces.slice(Math.max(0, next - this.#first));
    const rowsOf = (of: RowsOf): Uint8Array[] =>
      pieces.filter((piece) => piece.of === of).map((piece) => piece.rows);
    return {
      sockets: joinBytes(rowsOf("sockets")),
      bytes: joinBytes(rowsOf("bytes")),
      missedRows: wasDropped ? oldest.rows - totals.rows : 0,
      missedBytes: wasDropped ? oldest.traffic - totals.traffic : 0,
      cursor: this.end,
    };
  }

  /** Forgets what nobody will read: all before the least of the cursors; everything where there are none. */
  trim(cursors: readonly ClosedCursor[]): void {
    const least = Math.min(this.end.next, ...cursors.map(({ next }) => next));
    while (this.#first < least) this.#dropFirst();
  }

  #appendRows(of: RowsOf, rows: Uint8Array, rowBytes: number): void {
    for (let start = 0; start < rows.length; start += PIECE_BYTES_MAX) {
      const part = rows.subarray(start, start + PIECE_BYTES_MAX);
      this.#pieces.push({ of, rows: part, before: this.#totals });
      this.#size += part.length;
      this.#totals = {
        rows: this.#totals.rows + part.length / rowBytes,
        traffic: this.#totals.traffic + (of === "bytes" ? trafficOf(part) : 0),
      };
    }
  }

  #dropFirst(): void {
    this.#size -= this.#pieces.shift()?.rows.length ?? 0;
    this.#first += 1;
  }
}
