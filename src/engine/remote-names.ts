/** Asks for the name of each remote address once per snapshot, however many flows share it. */
import type { HostName } from "../model/snapshot.ts";

export interface RemoteName {
  readonly address: string;
  host: HostName | undefined;
  references: number;
  askedSequence: number;
}

export class RemoteNames {
  readonly #entries = new Map<string, RemoteName>();
  readonly #nameOf: ((address: string) => HostName | undefined) | undefined;

  constructor(nameOf: ((address: string) => HostName | undefined) | undefined) {
    this.#nameOf = nameOf;
  }

  /** Every call needs one of `release`. */
  reference(address: string): RemoteName {
    let entry = this.#entries.get(address);
    if (entry === undefined) {
      entry = { address, host: undefined, references: 0, askedSequence: -1 };
      this.#entries.set(address, entry);
    }
    entry.references += 1;
    return entry;
  }

  release(entry: RemoteName): void {
    entry.references -= 1;
    if (entry.references === 0) this.#entries.delete(entry.address);
  }

  /** The name as known in this snapshot. A name that stays the same stays the same object. */
  hostOf(entry: RemoteName, sequence: number): HostName | undefined {
    if (entry.askedSequence === sequence || this.#nameOf === undefined) return entry.host;
    entry.askedSequence = sequence;
    const told = this.#nameOf(entry.address);
    const before = entry.host;
    const isSame = told !== undefined && before?.name === told.name && before.source === told.source;
    if (!isSame) entry.host = told;
    return entry.host;
  }
}
