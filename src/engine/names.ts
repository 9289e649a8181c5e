/**
 * The names of addresses, learned in the background. `nameOf` answers at once with what is known and never waits; how
 * often a name server is asked is bounded in every direction (queue, look-ups at a time, one per address, retries), and a
 * dead one is left in peace. No timer and no I/O of its own: the questions themselves drive it, a resolver is handed in.
 */
import { LRUCache } from "lru-cache";

import type { Clock } from "../lib/clock.ts";
import { hostName } from "../lib/host-name.ts";
import type { HostsLookup, NameAnswer, NameCacheStats, StoredName } from "../model/names.ts";
import type { HostName } from "../model/snapshot.ts";
import { addressScope, isLookedUp } from "./address-scope.ts";

export interface NameCacheOptions {
  readonly clock: Clock;
  /** Undefined: nobody is ever asked; only the hosts file and what is observed give names. */
  readonly lookup: ((address: string) => Promise<NameAnswer>) | undefined;
  readonly hosts?: HostsLookup;
  readonly entriesMax?: number;
  /** Look-ups at a time. */
  readonly concurrencyMax?: number;
  readonly queueMax?: number;
  /** Whether look-ups wait until `start()` is called, so that stored names can be restored first. */
  readonly startsHeld?: boolean;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** The bounds and times of the cache, in milliseconds. */
export const NAME_TIMES = {
  /** A name is kept at least so long and at most so long, whatever its TTL says. */
  nameMinMs: MINUTE,
  nameMaxMs: 24 * HOUR,
  /** RFC 2308 section 5: one to three hours is sensible for an absence; 15 minutes where the server names no time. */
  absenceMinMs: MINUTE,
  absenceMaxMs: HOUR,
  absenceDefaultMs: 15 * MINUTE,
  /** RFC 2308 section 7.1: a server's failure must not be remembered for more than five minutes. */
  serverFailureMs: 5 * MINUTE,
  unreachableMs: 30 * SECOND,
  /** A connection outlives the record that led to it, so an observed name holds for at least this long. */
  observedMinMs: HOUR,
  /** An expired name is shown for so long while a newer one is looked for (the idea of RFC 8767). */
  staleMs: HOUR,
  /** After so many look-ups in a row that nobody answered, the server seems dead... */
  unreachableInRow: 5,
  /** ...and one look-up at a time is tried, first after this pause, doubled up to the other. */
  pauseMinMs: 5 * SECOND,
  pauseMaxMs: MINUTE,
} as const;

interface Entry {
  readonly host: HostName | undefined;
  /** By the monotonic clock: until then the entry is an answer. */
  readonly freshUntilMs: number;
  /** By the monotonic clock: until then its name is shown while a look-up is under way. */
  readonly shownUntilMs: number;
  /** Whether it is worth keeping on disk: an answer, not a failure. */
  readonly answered: boolean;
}

export class NameCache {
  readonly #clock: Clock;
  readonly #lookup: ((address: string) => Promise<NameAnswer>) | undefined;
  readonly #hosts: HostsLookup | undefined;
  readonly #concurrencyMax: number;
  readonly #queueMax: number;
  readonly #entries: LRUCache<string, Entry>;
  /** Oldest first; taken from the end, because what is asked now is on a screen now. */
  readonly #queue: string[] = [];
  /** The same addresses as in `#queue`. */
  readonly #queued = new Set<string>();
  readonly #inFlight = new Set<string>();
  /** Addresses whose entries changed since `takeChanges`; a part of those in `#entries`. */
  readonly #changed = new Set<string>();
  #held: boolean;
  #stopped = false;
  #unreachableInRow = 0;
  #pausedUntilMs = 0;
  readonly #counts = { hits: 0, misses: 0, lookups: 0, failures: 0, unreachable: 0, dropped: 0, evicted: 0 };

  constructor(options: NameCacheOptions) {
    this.#clock = options.clock;
    this.#lookup = options.lookup;
    this.#hosts = options.hosts;
    this.#concurrencyMax = options.concurrencyMax ?? 8;
    this.#queueMax = options.queueMax ?? 2048;
    this.#held = options.startsHeld ?? false;
    this.#entries = new LRUCache<string, Entry>({
      max: options.entriesMax ?? 10_000,
      dispose: (_entry, address, reason) => {
        if (reason !== "evict") return;
        this.#counts.evicted += 1;
        this.#changed.delete(address);
      },
    });
  }

  /**
   * The name as known now; undefined if there is none, or none yet. Never waits, never throws. What is not known, or
   * no longer certain, is looked up in the background, so that a later call can tell it.
   */
  nameOf(address: string): HostName | undefined {
    const fromHosts = this.#hosts?.(address);
    if (fromHosts !== undefined) {
      this.#counts.hits += 1;
      return fromHosts;
    }
    const nowMs = this.#clock.monotonicMs();
    const entry = this.#entries.get(address);
    if (entry !== undefined && nowMs < entry.freshUntilMs) {
      // A failed look-up is remembered, but it is no knowledge.
      if (entry.answered || entry.host !== undefined) this.#counts.hits += 1;
      else this.#counts.misses += 1;
      if (this.#queue.length > 0) this.#pump(nowMs);
      return entry.host;
    }
    if (entry === undefined && !isLookedUp(addressScope(address))) return undefined;
    this.#request(address, nowMs);
    const shown = entry !== undefined && nowMs < entry.shownUntilMs ? entry.host : undefined;
    if (shown === undefined) this.#counts.misses += 1;
    else this.#counts.hits += 1;
    return shown;
  }

  /**
   * A name under which this machine was seen to find the address: it goes ahead of the PTR record, which tells what the
   * address's owner calls it, not what was asked for. What one TLS client asked for goes behind an answer of a name
   * server, and is not stored. Ignored if it is no host name. `ttlMs` is the record's own.
   */
  observe(address: string, host: HostName, ttlMs: number): void {
    const name = hostName(host.name);
    const scope = addressScope(address);
    if (name === undefined || scope === "invalid" || scope === "unspecified") return;
    const known = this.#entries.peek(address);
    const holds = this.#clock.monotonicMs() < (known?.freshUntilMs ?? 0);
    if (host.source === "sni" && known?.host?.source === "dns" && holds) return;
    this.#unqueue(address);
    const checked = name === host.name ? host : { ...host, name };
    this.#keep(address, checked, clamp(ttlMs, NAME_TIMES.observedMinMs, NAME_TIMES.nameMaxMs));
  }

  /** Takes over names of an earlier run. What is known by now stays; what has expired is left out. */
  restore(stored: Iterable<StoredName>): number {
    let restored = 0;
    const nowMs = this.#clock.nowMs();
    for (const { address, name, source, expiresAtMs } of stored) {
      const leftMs = Math.min(expiresAtMs - nowMs, NAME_TIMES.nameMaxMs);
      const checked = name === undefined ? undefined : hostName(name);
      if (!(leftMs > 0) || this.#entries.has(address) || this.#inFlight.has(address)) continue;
      if (name !== undefined && checked === undefined) continue;
      if (!isLookedUp(addressScope(address))) continue;
      this.#keep(address, checked === undefined ? undefined : { name: checked, source }, leftMs);
      this.#changed.delete(address);
      this.#unqueue(address);
      restored += 1;
    }
    return restored;
  }

  /** Lets look-ups begin where they were held. */
  start(): void {
    this.#held = false;
    this.#pump(this.#clock.monotonicMs());
  }

  /** Ends it: no look-up begins any more, and late answers change nothing. What is known can still be asked and taken. */
  stop(): void {
    this.#stopped = true;
    this.#queue.length = 0;
    this.#queued.clear();
  }

  /** Answers learned since the last call, at most `limit`, to be stored. */
  takeChanges(limit: number): StoredName[] {
    const taken: StoredName[] = [];
    const wallMinusMonotonicMs = this.#clock.nowMs() - this.#clock.monotonicMs();
    for (const address of this.#changed) {
      if (taken.length >= limit) break;
      this.#changed.delete(address);
      const entry = this.#entries.peek(address);
      const source = entry?.host?.source ?? "ptr";
      if (entry === undefined || source === "hosts" || source === "sni") continue;
      taken.push({
        address,
        name: entry.host?.name,
        source,
        expiresAtMs: Math.round(entry.freshUntilMs + wallMinusMonotonicMs),
      });
    }
    return taken;
  }

  /** Gives back what could not be stored, so that the next `takeChanges` has it again. */
  returnChanges(changes: Iterable<StoredName>): void {
    for (const { address } of changes) {
      if (this.#entries.peek(address)?.answered === true) this.#changed.add(address);
    }
  }

  stats(): NameCacheStats {
    const { hits, misses } = this.#counts;
    return {
      ...this.#counts,
      entries: this.#entries.size,
      hitRate: hits + misses === 0 ? undefined : hits / (hits + misses),
      pending: this.#queue.length + this.#inFlight.size,
      suspended: this.#isSuspended(),
    };
  }

  #isSuspended(): boolean {
    return this.#unreachableInRow >= NAME_TIMES.unreachableInRow;
  }

  #request(address: string, nowMs: number): void {
    if (this.#lookup === undefined || this.#stopped) return;
    // Nothing is queued for a server that seems dead: who still wants the name asks again with the next frame.
    const isPaused = this.#isSuspended() && nowMs < this.#pausedUntilMs;
    if (isPaused) return;
    if (!this.#inFlight.has(address) && !this.#queued.has(address)) {
      this.#queue.push(address);
      this.#queued.add(address);
      if (this.#queue.length > this.#queueMax) {
        this.#queued.delete(this.#queue.shift() ?? "");
        this.#counts.dropped += 1;
      }
    }
    this.#pump(nowMs);
  }

  #unqueue(address: string): void {
    if (this.#queued.delete(address)) this.#queue.splice(this.#queue.indexOf(address), 1);
  }

  /** Begins as many look-ups as may be under way: all, or one if the server seems dead and its pause is over. */
  #pump(nowMs: number): void {
    if (this.#held || this.#stopped) return;
    const isSuspended = this.#isSuspended();
    if (isSuspended && nowMs < this.#pausedUntilMs) return;
    const room = isSuspended ? 1 : this.#concurrencyMax;
    while (this.#inFlight.size < room) {
      const newest = this.#queue.pop();
      if (newest === undefined) return;
      this.#queued.delete(newest);
      void this.#look(newest);
    }
  }

  async #look(address: string): Promise<void> {
    if (this.#lookup === undefined) return;
    this.#inFlight.add(address);
    this.#counts.lookups += 1;
    let answer: NameAnswer;
    try {
      answer = await this.#lookup(address);
    } catch {
      answer = { kind: "failed", reason: "server" }; // a resolver that breaks its promise is counted as a failure
    }
    this.#inFlight.delete(address);
    if (this.#stopped) return;
    this.#settle(address, answer);
    this.#pump(this.#clock.monotonicMs());
  }

  #settle(address: string, answer: NameAnswer): void {
    if (answer.kind === "failed") {
      this.#fail(address, answer.reason);
      return;
    }
    this.#unreachableInRow = 0;
    // What was observed while the look-up was under way goes ahead of its answer.
    const known = this.#entries.peek(address);
    const isObserved = known?.host?.source === "dns" || known?.host?.source === "sni";
    if (isObserved && this.#clock.monotonicMs() < known.freshUntilMs) return;
    const name = answer.kind === "name" ? hostName(answer.name) : undefined;
    if (name === undefined) {
      const ttlMs = (answer.kind === "absent" ? answer.ttlMs : undefined) ?? NAME_TIMES.absenceDefaultMs;
      this.#keep(address, undefined, clamp(ttlMs, NAME_TIMES.absenceMinMs, NAME_TIMES.absenceMaxMs));
    } else {
      const ttlMs = answer.kind === "name" ? answer.ttlMs : 0;
      this.#keep(address, { name, source: "ptr" }, clamp(ttlMs, NAME_TIMES.nameMinMs, NAME_TIMES.nameMaxMs));
    }
  }

  /** A failure is remembered for a while too, under the name that was known before. */
  #fail(address: string, reason: "unreachable" | "server" | "stopped"): void {
    if (reason === "stopped") return;
    const nowMs = this.#clock.monotonicMs();
    this.#counts.failures += 1;
    if (reason === "server") {
      this.#unreachableInRow = 0; // it lives, it only can't tell
    } else {
      this.#counts.unreachable += 1;
      this.#suspect(nowMs);
    }
    const known = this.#entries.peek(address);
    if (known !== undefined && nowMs < known.freshUntilMs) return;
    const waitMs = reason === "server" ? NAME_TIMES.serverFailureMs : NAME_TIMES.unreachableMs;
    const isShown = known !== undefined && nowMs < known.shownUntilMs;
    this.#entries.set(address, {
      host: isShown ? known.host : undefined,
      // A name is not shown for longer because its server fails.
      freshUntilMs: isShown && known.host ? Math.min(nowMs + waitMs, known.shownUntilMs) : nowMs + waitMs,
      shownUntilMs: isShown ? known.shownUntilMs : 0,
      answered: false,
    });
    this.#changed.delete(address);
  }

  /** Nobody answered. Look-ups that were under way when the pause began don't make the next one longer. */
  #suspect(nowMs: number): void {
    if (this.#isSuspended() && nowMs < this.#pausedUntilMs) return;
    this.#unreachableInRow += 1;
    const over = this.#unreachableInRow - NAME_TIMES.unreachableInRow;
    if (over < 0) return;
    this.#pausedUntilMs = nowMs + Math.min(NAME_TIMES.pauseMinMs * 2 ** over, NAME_TIMES.pauseMaxMs);
  }

  #keep(address: string, host: HostName | undefined, ttlMs: number): void {
    const freshUntilMs = this.#clock.monotonicMs() + ttlMs;
    const shownUntilMs = freshUntilMs + (host === undefined ? 0 : NAME_TIMES.staleMs);
    this.#entries.set(address, { host, freshUntilMs, shownUntilMs, answered: true });
    this.#changed.add(address);
  }
}

/** Not-a-number counts as the least. */
function clamp(value: number, least: number, most: number): number {
  return value >= least ? Math.min(value, most) : least;
}
