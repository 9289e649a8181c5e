/**
 * Asks for the name of each remote address once per snapshot, however many flows share it; what was observed of it is then
 * asked for each of its flows, because connections to one address can have been made under different names.
 */
import type { AskedHost, ObservedAddress, ObservedLookup } from "../model/names.ts";
import type { HostName } from "../model/snapshot.ts";

export interface RemoteName {
  readonly address: string;
  host: HostName | undefined;
  /** Undefined: nobody was seen to ask for the address, and nothing has to be asked per flow. */
  observed: ObservedAddress | undefined;
  references: number;
  askedSequence: number;
}

export class RemoteNames {
  readonly #entries = new Map<string, RemoteName>();
  readonly #nameOf: ((address: string) => HostName | undefined) | undefined;
  readonly #observed: ObservedLookup | undefined;

  constructor(nameOf: ((address: string) => HostName | undefined) | undefined, observed?: ObservedLookup) {
    this.#nameOf = nameOf;
    this.#observed = observed;
  }

  /** Every call needs one of `release`. */
  reference(address: string): RemoteName {
    let entry = this.#entries.get(address);
    if (entry === undefined) {
      const observed = this.#observed?.of(address);
      entry = { address, host: undefined, observed, references: 0, askedSequence: -1 };
      this.#entries.set(address, entry);
    }
    entry.references += 1;
    return entry;
  }

  release(entry: RemoteName): void {
    entry.references -= 1;
    if (entry.references === 0) this.#entries.delete(entry.address);
  }

  /** Takes what was observed since the last call. Costs as much as was observed, however many addresses there are. */
  refresh(): void {
    if (this.#observed === undefined) return;
    for (const address of this.#observed.takeChanged()) {
      const entry = this.#entries.get(address);
      if (entry !== undefined) entry.observed = this.#observed.of(address);
    }
  }

  /** The name as known in this snapshot. A name that stays the same stays the same object. */
  hostOf(entry: RemoteName, sequence: number): HostName | undefined {
    if (entry.askedSequence === sequence || this.#nameOf === undefined) return entry.host;
    entry.askedSequence = sequence;
    const told = this.#nameOf(entry.address);
    const before = entry.host;
    if (told === undefined || before === undefined || !isSameHost(before, told)) entry.host = told;
    return entry.host;
  }
}

/** Of two names of one flow the one to be shown: a name is replaced by another that is known as well or better. */
export function betterAsked(
  known: AskedHost | undefined,
  told: AskedHost | undefined,
): AskedHost | undefined {
  if (known === undefined || told === undefined) return known ?? told;
  return RANK[told.by] >= RANK[known.by] && !isSameHost(known.host, told.host) ? told : known;
}

const RANK: Readonly<Record<AskedHost["by"], number>> = { anybody: 0, process: 1, connection: 2 };

/**
 * The part of a socket's id that its cookie makes: another connection of the same socket, another namespace, further
 * actors and peers have more behind it. Kernels that have the programs give each cookie once per boot.
 */
export function socketOf(id: string): string {
  const end = id.search(/[#%@>]/);
  return end === -1 ? id : id.slice(0, end);
}

/** Whether two names say the same, the aliases on their way included. */
export function isSameHost(left: HostName, right: HostName): boolean {
  return (
    left.name === right.name &&
    left.source === right.source &&
    left.chain?.length === right.chain?.length &&
    (left.chain ?? []).every((alias, index) => alias === right.chain?.[index])
  );
}
