/**
 * Wires the naming of addresses together: cache, hosts file, resolver, store, and what the elevated helper's programs
 * observe. Nothing here delays a frame or the start: the resolver and SQLite are loaded after the first questions have been answered, look-ups begin when the stored
 * names are there, and `close` ends within `CLOSE_MS`.
 */
import { join } from "node:path";

import { decodeNames } from "../decode/observed-names.ts";
import { NameCache } from "../engine/names.ts";
import { ObservedNames } from "../engine/observed-names.ts";
import type { Clock } from "../lib/clock.ts";
import type { Loss } from "../model/loss.ts";
import type {
  NameAnswer,
  NameCounters,
  NamePersistence,
  NameResolver,
  NameStats,
  ObservedLookup,
} from "../model/names.ts";
import type { HostName } from "../model/snapshot.ts";
import { bootTimeNs } from "../platform/boot-time.ts";
import { HostsFile } from "../platform/hosts-file.ts";
import { cacheDirectory } from "../platform/paths.ts";
import { ownNetworkNamespace, sizeOf } from "../platform/system-facts.ts";
import type { ResolverSettings } from "../platform/resolv-conf.ts";
import type { NameReader, NameStore, NameStoreFailure } from "../store/names.ts";

export interface NamesOptions {
  /** False (`--no-dns`): only the hosts file gives names, and no packet leaves. */
  readonly enabled: boolean;
  readonly clock: Clock;
  /** Whether names are kept on disk between runs. */
  readonly persist: boolean;
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** False: names of earlier runs are shown once `load` is done, but no server is asked and nothing stored. Default true. */
  readonly asks?: boolean;
  /** For tests: other servers than the machine's, another hosts file, another file of names. */
  readonly resolver?: ResolverSettings;
  readonly hostsPath?: string;
  readonly storePath?: string;
}

export interface Names {
  /** What is known now, at once; see NameCache. */
  nameOf(address: string): HostName | undefined;
  /** Names that belong to single flows, for the flow table. */
  readonly observed: ObservedLookup;
  /**
   * Takes what the kernel programs have seen: records of struct wb_name (ebpf/records.h) one after the other, each `size`
   * bytes long. Nothing waits for it. Returns what of it meant nothing, to be told with the batch.
   */
  observeRecords(records: Uint8Array): readonly Loss[];
  stats(): NameStats;
  /**
   * Loads the stored names now instead of a moment after the first question; about 20 ms for 10,000 names. Who asks no
   * server has them read one by one when they are asked for, which is nearly free.
   */
  load(): Promise<void>;
  /** Ends look-ups and stores what was learned; within `CLOSE_MS`, whatever the name server does. */
  close(): Promise<void>;
}

/** The first frame is drawn by then. */
const LOAD_AFTER_MS = 100;
/** Addresses in memory, and at most loaded. */
const CACHE_ENTRIES = 10_000;
/** Rows at a time: two milliseconds, with restoring them. */
const LOAD_ROWS = 1000;
const SAVE_INTERVAL_MS = 30_000;
/** Rows per transaction: about a millisecond. */
const SAVE_ROWS = 500;
/** How much of the time of a frame, or of the end, storing may take. */
const SAVE_MS = 10;
export const CLOSE_MS = 200;
const CLOSE_SAVE_MS = 100;

export function startNames(options: NamesOptions): Names {
  return new NameService(options);
}

class NameService implements Names {
  readonly observed: ObservedNames;
  readonly #options: NamesOptions;
  readonly #cache: NameCache;
  readonly #keeper: NameKeeper | undefined;
  #malformed = 0;
  #undecoded = 0;
  #reader: NameReader | undefined;
  #resolver: Promise<NameResolver> | undefined;
  #loading: Promise<void> | undefined;
  #loadTimer: ReturnType<typeof setTimeout> | undefined;
  #saveTimer: ReturnType<typeof setInterval> | undefined;
  #closed = false;

  constructor(options: NamesOptions) {
    this.#options = options;
    const { clock, enabled, hostsPath, asks = true } = options;
    const hosts = new HostsFile({ clock, ...(hostsPath === undefined ? {} : { path: hostsPath }) });
    this.#cache = new NameCache({
      clock,
      entriesMax: CACHE_ENTRIES,
      hosts: (address) => hosts.nameOf(address),
      lookup: enabled && asks ? (address) => this.#lookup(address) : undefined,
      startsHeld: true,
    });
    this.observed = new ObservedNames({
      clock,
      networkNamespace: ownNetworkNamespace(),
      share: (address, host, ttlMs) => this.#cache.observe(address, host, ttlMs),
    });
    if (enabled && asks && options.persist) {
      this.#keeper = new NameKeeper(options, this.#cache, () => this.#counters());
    }
  }

  nameOf(address: string): HostName | undefined {
    if (this.#loadTimer === undefined && this.#options.enabled && !this.#closed) {
      this.#loadTimer = setTimeout(() => void this.load(), LOAD_AFTER_MS);
      this.#loadTimer.unref();
    }
    const known = this.#cache.nameOf(address);
    if (known !== undefined || this.#reader === undefined) return known;
    const stored = this.#reader.find(address, this.#options.clock.nowMs());
    return stored !== undefined && this.#cache.restore([stored]) > 0
      ? this.#cache.nameOf(address)
      : undefined;
  }

  observeRecords(records: Uint8Array): readonly Loss[] {
    const { observations, malformed, undecoded } = decodeNames(records);
    this.#malformed += malformed;
    this.#undecoded += undecoded;
    if (observations.length > 0) this.observed.observe(observations, bootTimeNs());
    return malformed === 0 ? [] : [{ cause: "malformed_record", count: malformed, bytes: undefined }];
  }

  stats(): NameStats {
    const { unconfirmed } = this.observed.stats();
    return {
      ...this.#cache.stats(),
      ...this.#counters(),
      enabled: this.#options.enabled,
      observations: { malformed: this.#malformed, undecoded: this.#undecoded, unconfirmed },
      persistence: this.#keeper?.state() ?? NOT_KEPT,
    };
  }

  load(): Promise<void> {
    this.#loading ??= this.#begin();
    return this.#loading;
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    clearTimeout(this.#loadTimer);
    clearInterval(this.#saveTimer);
    this.#cache.stop();
    const resolver = this.#resolver;
    if (resolver !== undefined) (await resolver).close();
    this.#keeper?.close();
    this.#reader?.close();
    this.#reader = undefined;
  }

  #counters(): NameCounters {
    const { hits, misses, lookups, failures, unreachable, dropped } = this.#cache.stats();
    const { dns, sni } = this.observed.stats();
    return { hits, misses, lookups, failures, unreachable, dropped, observedDns: dns, observedSni: sni };
  }

  async #begin(): Promise<void> {
    if (this.#closed || !this.#options.enabled) return;
    if (this.#options.asks === false && this.#options.persist) await this.#openReader();
    if (this.#keeper !== undefined) {
      await this.#keeper.open();
      if (this.#closed) return;
      this.#saveTimer = setInterval(() => this.#keeper?.save(SAVE_MS), SAVE_INTERVAL_MS);
      this.#saveTimer.unref();
    }
    if (!this.#closed) this.#cache.start();
  }

  async #openReader(): Promise<void> {
    const path = pathOf(this.#options);
    if (sizeOf(path) === undefined) return; // SQLite isn't even loaded
    const { NameReader } = await import("../store/names.ts");
    if (!this.#closed) this.#reader = NameReader.open(path);
  }

  async #lookup(address: string): Promise<NameAnswer> {
    this.#resolver ??= openSystemResolver(this.#options.resolver);
    const resolver = await this.#resolver;
    return this.#closed ? { kind: "failed", reason: "stopped" } : resolver.lookup(address);
  }
}

function pathOf({ storePath, env }: NamesOptions): string {
  return storePath ?? namesPath(env);
}

async function openSystemResolver(settings: ResolverSettings | undefined): Promise<NameResolver> {
  const [{ openResolver }, { ptrCodec }] = await Promise.all([
    import("../platform/resolver.ts"),
    import("../decode/dns.ts"),
  ]);
  return openResolver({ codec: ptrCodec, ...(settings === undefined ? {} : { settings }) });
}

/** Where the names are kept. */
export function namesPath(env: NamesOptions["env"] = process.env): string {
  return join(cacheDirectory(env), "names.db");
}

const NOT_KEPT: NamePersistence = { state: "off", path: undefined, loaded: 0, saved: 0, message: undefined };
const NO_COUNTS: NameCounters = {
  hits: 0,
  misses: 0,
  lookups: 0,
  failures: 0,
  unreachable: 0,
  dropped: 0,
  observedDns: 0,
  observedSni: 0,
};

/** Keeps the cache on disk. Nothing that goes wrong here is anybody's error: it is told in `state()`. */
class NameKeeper {
  readonly #options: NamesOptions;
  readonly #cache: NameCache;
  readonly #counters: () => NameCounters;
  #store: NameStore | undefined;
  #state: NamePersistence = { ...NOT_KEPT, state: "waiting" };
  /** What the counters in the store already hold of this process. */
  #stored: NameCounters = NO_COUNTS;
  #closed = false;

  constructor(options: NamesOptions, cache: NameCache, counters: () => NameCounters) {
    this.#options = options;
    this.#cache = cache;
    this.#counters = counters;
  }

  state(): NamePersistence {
    return this.#state;
  }

  async open(): Promise<void> {
    const { openNameStore } = await import("../store/names.ts");
    if (this.#closed) return;
    const path = pathOf(this.#options);
    const { store, wasSetAside, failure } = openNameStore(path);
    this.#state = { ...this.#state, path, state: wasSetAside ? "set_aside" : "on" };
    if (failure !== undefined) this.#fail(failure);
    if (store === undefined) return;
    this.#store = store;
    await this.#load();
  }

  /** Page by page, so that no frame waits for all of them. */
  async #load(): Promise<void> {
    for (let offset = 0; offset < CACHE_ENTRIES; offset += LOAD_ROWS) {
      const names = this.#store?.load(this.#options.clock.nowMs(), LOAD_ROWS, offset);
      if (names === undefined) return;
      if ("end" in names) {
        this.#fail(names);
        return;
      }
      const loaded = this.#state.loaded + this.#cache.restore(names);
      this.#state = { ...this.#state, loaded };
      if (names.length < LOAD_ROWS) return;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** Stores what changed, as far as `limitMs` goes; the rest the next time. */
  save(limitMs: number): void {
    const { clock } = this.#options;
    const endMs = clock.monotonicMs() + limitMs;
    for (;;) {
      if (this.#store === undefined) return;
      const counts = this.#newCounts();
      const changes = this.#cache.takeChanges(SAVE_ROWS);
      if (changes.length === 0 && !hasCounts(counts)) return;
      const failure = this.#store.save(changes, counts, clock.nowMs());
      if (failure !== undefined) {
        this.#cache.returnChanges(changes);
        this.#fail(failure);
        return;
      }
      this.#stored = addCounts(this.#stored, counts);
      const state = this.#state.state === "busy" ? "on" : this.#state.state;
      this.#state = { ...this.#state, state, saved: this.#state.saved + changes.length };
      if (changes.length < SAVE_ROWS || clock.monotonicMs() >= endMs) return;
    }
  }

  close(): void {
    this.#closed = true;
    this.save(CLOSE_SAVE_MS);
    this.#store?.trim(this.#options.clock.nowMs()); // a failure is left to the next run
    this.#store?.close();
    this.#store = undefined;
  }

  /** A busy file is tried again; any other is given up for this run, and a corrupt one found by the next when it opens it. */
  #fail(failure: NameStoreFailure): void {
    const state = failure.end === "busy" ? "busy" : "unwritable";
    this.#state = { ...this.#state, state, message: failure.message };
    if (state === "busy") return;
    this.#store?.close();
    this.#store = undefined;
  }

  #newCounts(): NameCounters {
    return addCounts(this.#counters(), this.#stored, -1);
  }
}

function addCounts(left: NameCounters, right: NameCounters, factor = 1): NameCounters {
  return {
    hits: left.hits + factor * right.hits,
    misses: left.misses + factor * right.misses,
    lookups: left.lookups + factor * right.lookups,
    failures: left.failures + factor * right.failures,
    unreachable: left.unreachable + factor * right.unreachable,
    dropped: left.dropped + factor * right.dropped,
    observedDns: left.observedDns + factor * right.observedDns,
    observedSni: left.observedSni + factor * right.observedSni,
  };
}

function hasCounts(counts: NameCounters): boolean {
  return Object.values(counts).some((count) => count !== 0);
}
