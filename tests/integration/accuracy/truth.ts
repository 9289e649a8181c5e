/**
 * What the traffic program counted, read from its lines: per process and socket (and remote end, where a socket is not
 * connected to it) the sum of what its calls returned.
 */
import type { Family } from "../../support/traffic/scenarios.ts";

/** One line of the program; which fields are there says what it is. */
export interface Line {
  readonly scenario?: string;
  readonly family?: Family;
  readonly role?: string;
  readonly pid?: number;
  readonly startTicks?: number;
  readonly protocol?: string;
  readonly local?: string;
  readonly localPort?: number;
  readonly remote?: string;
  readonly remotePort?: number;
  readonly peer?: string;
  readonly peerPort?: number;
  /** SO_COOKIE as decimal text: an unsigned number of 64 bits. */
  readonly cookie?: string;
  readonly netns?: number;
  readonly sent?: number;
  readonly received?: number;
  readonly kernelSent?: number;
  readonly kernelReceived?: number;
  readonly uncounted?: string;
  readonly unsupported?: string;
  readonly failed?: string;
  readonly abandoned?: string;
  readonly phase?: string;
  readonly bootedAtMs?: number;
  readonly stage?: string;
  readonly milliseconds?: number;
  readonly done?: boolean;
}

export interface Truth {
  readonly scenario: string;
  readonly family: Family;
  readonly role: string;
  readonly pid: number;
  /** Clock ticks since boot. */
  readonly startTicks: number;
  readonly protocol: string;
  readonly local: string;
  readonly localPort: number;
  readonly remote: string;
  readonly remotePort: number;
  /** The remote end that these bytes were exchanged with, where the socket was not connected to it. */
  readonly peer: string | undefined;
  readonly peerPort: number | undefined;
  /** As the product writes it in a row's id. */
  readonly cookie: string;
  readonly netns: number;
  readonly sent: number;
  readonly received: number;
  /** The socket's own TCP_INFO when the line was made: payload sent once, and payload received plus 1 for a FIN. */
  readonly kernelSent: number | undefined;
  readonly kernelReceived: number | undefined;
}

/** A socket that is not the network's: nothing may be told of it. */
export interface Uncounted {
  readonly protocol: string;
  readonly cookie: string;
  readonly pid: number;
}

/** Everything that a run of the program said. */
export class Account {
  readonly #truths: Truth[] = [];
  readonly uncounted: Uncounted[] = [];
  /** Why, by `scenario family`. */
  readonly unsupported = new Map<string, string>();
  readonly failed: string[] = [];
  readonly milliseconds = new Map<string, number>();
  readonly phases = new Set<string>();
  /** Of scenarios that did not come to their end: their rows are nobody's business. */
  readonly abandonedPids = new Set<number>();
  /** Unix milliseconds. */
  bootedAtMs = 0;
  done = false;

  static parse(text: string): Account {
    const account = new Account();
    for (const line of text.split("\n")) {
      if (line.startsWith("{")) account.add(JSON.parse(line) as Line);
    }
    return account;
  }

  add(line: Line): void {
    if (line.done === true) this.done = true;
    if (line.phase !== undefined) this.phases.add(line.phase);
    if (line.bootedAtMs !== undefined) this.bootedAtMs = line.bootedAtMs;
    if (line.stage !== undefined) {
      this.milliseconds.set(`${line.stage} ${line.family}`, line.milliseconds ?? 0);
    }
    if (line.scenario === undefined || line.pid === undefined) return;
    const name = `${line.scenario} ${line.family}`;
    if (line.unsupported !== undefined) this.unsupported.set(name, line.unsupported);
    if (line.unsupported !== undefined || line.abandoned !== undefined) this.abandonedPids.add(line.pid);
    if (line.failed !== undefined) this.failed.push(`${name}, ${line.role}: ${line.failed}`);
    if (line.uncounted !== undefined) {
      this.uncounted.push({ protocol: line.uncounted, cookie: cookieText(line.cookie), pid: line.pid });
    } else if (line.sent !== undefined) this.#truths.push(truthOf(line));
  }

  /** Of the scenarios that came to their end. */
  get truths(): readonly Truth[] {
    if (this.unsupported.size === 0) return this.#truths;
    return this.#truths.filter((truth) => !this.unsupported.has(`${truth.scenario} ${truth.family}`));
  }

  /** Every process that told something, also of scenarios that can't be judged. */
  get pids(): ReadonlySet<number> {
    return new Set([...this.#truths, ...this.uncounted].map(({ pid }) => pid));
  }

  /** Whether rows of this process can be judged. */
  isJudged(pid: number): boolean {
    return !this.abandonedPids.has(pid);
  }
}

function truthOf(line: Line): Truth {
  return {
    scenario: line.scenario ?? "",
    family: line.family ?? "ipv4",
    role: line.role ?? "",
    pid: line.pid ?? 0,
    startTicks: line.startTicks ?? 0,
    protocol: line.protocol ?? "",
    local: line.local ?? "",
    localPort: line.localPort ?? 0,
    remote: line.remote ?? "",
    remotePort: line.remotePort ?? 0,
    peer: line.peer,
    peerPort: line.peerPort,
    cookie: cookieText(line.cookie),
    netns: line.netns ?? 0,
    sent: line.sent ?? 0,
    received: line.received ?? 0,
    kernelSent: line.kernelSent,
    kernelReceived: line.kernelReceived,
  };
}

/** Below 2^53 as a number, else the two words: src/decode/sock-diag.ts. */
function cookieText(decimal = "0"): string {
  const cookie = BigInt(decimal);
  return cookie < 1n << 53n ? String(cookie) : `${cookie >> 32n}:${cookie & 0xffff_ffffn}`;
}

/** Lines of equal key, summed: what all of them sent and received. */
export function sumBy<T>(
  items: Iterable<T>,
  keyOf: (item: T) => string,
  countsOf: (item: T) => { readonly sent: number; readonly received: number },
): Map<string, { sent: number; received: number }> {
  const sums = new Map<string, { sent: number; received: number }>();
  for (const item of items) {
    const key = keyOf(item);
    const sum = sums.get(key) ?? { sent: 0, received: 0 };
    sums.set(key, sum);
    const { sent, received } = countsOf(item);
    sum.sent += sent;
    sum.received += received;
  }
  return sums;
}
