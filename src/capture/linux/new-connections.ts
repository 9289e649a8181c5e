/** Whether TCP connections were begun since the last question: one small file to read, whatever the number of sockets. */
import { readFileSync } from "node:fs";
import { parseTcpOpens } from "../../decode/proc-snmp.ts";

export class NewConnections {
  readonly #path: string;
  #opens: number | undefined;

  constructor(procRoot: string) {
    this.#path = `${procRoot}/net/snmp`;
    this.#opens = this.#read();
  }

  /** False where nobody can tell: then there is nothing to be gained by looking more often. */
  any(): boolean {
    const before = this.#opens;
    this.#opens = this.#read();
    return this.#opens !== undefined && this.#opens !== before;
  }

  #read(): number | undefined {
    try {
      return parseTcpOpens(readFileSync(this.#path, "utf8"));
    } catch {
      return undefined; // no proc file system, or one without this file
    }
  }
}
