/**
 * Whether TCP connections were begun since the last question: one read of a small file that stays open, whatever the
 * number of sockets.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { parseTcpOpens } from "../../decode/proc-snmp.ts";

/** The lines of TCP are within the first kilobyte and a half. */
const BUFFER_BYTES = 4096;

export class NewConnections implements Disposable {
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);
  #fd: number | undefined;
  #opens: number | undefined;

  constructor(procRoot: string) {
    try {
      this.#fd = openSync(`${procRoot}/net/snmp`, "r");
    } catch {
      this.#fd = undefined; // no proc file system, or one without this file
    }
    this.#opens = this.#read();
  }

  /** False where nobody can tell: then there is nothing to be gained by looking more often. */
  any(): boolean {
    const before = this.#opens;
    this.#opens = this.#read();
    return this.#opens !== undefined && this.#opens !== before;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  #read(): number | undefined {
    if (this.#fd === undefined) return undefined;
    try {
      const length = readSync(this.#fd, this.#buffer, 0, BUFFER_BYTES, 0);
      return parseTcpOpens(this.#buffer.toString("latin1", 0, length));
    } catch {
      return undefined; // the file system was unmounted: nobody can tell
    }
  }
}
