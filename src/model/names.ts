/** The nouns of naming: what a look-up answers, what is kept of it, and the contracts between cache, resolver and store. */
import type { HostName, NameSource } from "./snapshot.ts";

/** The end of one look-up. A look-up never throws. */
export type NameAnswer =
  | { readonly kind: "name"; readonly name: string; readonly ttlMs: number }
  /** The server says with authority that there is none; `ttlMs` undefined where it doesn't say for how long. */
  | { readonly kind: "absent"; readonly ttlMs: number | undefined }
  /**
   * `unreachable`: nobody answered in time, or nobody is there. `server`: every server answered, and none could say.
   * `stopped`: the program ends; it says nothing about the server.
   */
  | { readonly kind: "failed"; readonly reason: "unreachable" | "server" | "stopped" };

/** Looks names up. It must not block, must end within a few seconds, and must not keep the process alive. */
export interface NameResolver {
  /** The name that the owner of the address has published (PTR). */
  lookup(address: string): Promise<NameAnswer>;
  /** Ends every look-up at once with `stopped`. */
  close(): void;
}

/** A cached answer as stored between two runs. */
export interface StoredName {
  /** Canonical text. */
  readonly address: string;
  /** Undefined: it is known that there is none. */
  readonly name: string | undefined;
  readonly source: Exclude<NameSource, "hosts">;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** Counts since some beginning: of this process, or of a day in the store. */
export interface NameCounters {
  /** Questions answered at once: by a name, or by the knowledge that there is none. */
  readonly hits: number;
  /** Questions that had to stay open. */
  readonly misses: number;
  /** Look-ups sent. */
  readonly lookups: number;
  /** Of these: ended without an answer, for any reason. */
  readonly failures: number;
  /** Of the failures: nobody answered in time, or nobody was there. */
  readonly unreachable: number;
  /** Addresses that left the full queue without having been looked up. They may be asked for again. */
  readonly dropped: number;
}

export interface NameCacheStats extends NameCounters {
  /** Addresses in the cache, absences included. */
  readonly entries: number;
  /** hits / (hits + misses); undefined before the first question. */
  readonly hitRate: number | undefined;
  /** Waiting and being looked up now. */
  readonly pending: number;
  /** Entries that gave way to newer ones because the cache was full. */
  readonly evicted: number;
  /** Whether look-ups are held back because the name server seems dead. */
  readonly suspended: boolean;
}

/** How the cache is kept on disk. */
export interface NamePersistence {
  /**
   * `off`: not wanted. `waiting`: not opened yet. `on`: working. `busy`: another process held it, tried again later.
   * `unwritable`: the file or its directory can't be used; the cache works without. `set_aside`: it was corrupt, was
   * renamed, and a new one is in use.
   */
  readonly state: "off" | "waiting" | "on" | "busy" | "unwritable" | "set_aside";
  readonly path: string | undefined;
  readonly loaded: number;
  readonly saved: number;
  /** What went wrong last, for a person. */
  readonly message: string | undefined;
}

export interface NameStats extends NameCacheStats {
  readonly enabled: boolean;
  readonly persistence: NamePersistence;
}

/** The question of a DNS message. */
export interface DnsQuestion {
  /** Escaped text without the final dot, lower case. */
  readonly name: string;
  readonly type: number;
}

/** What one DNS message says to one question. */
export type DnsReply =
  | { readonly kind: "name"; readonly name: string; readonly ttlSeconds: number }
  | { readonly kind: "absent"; readonly ttlSeconds: number | undefined }
  | { readonly kind: "truncated" }
  /** The server refuses or can't (SERVFAIL, REFUSED, NOTIMP, FORMERR), or what it says means nothing. */
  | { readonly kind: "unusable"; readonly code: number }
  /** Not the answer to this question: a wrong id, another question, not a reply, garbage. It must be ignored. */
  | { readonly kind: "foreign" };

/** The wire format that a resolver speaks: implemented by decode/dns.ts, handed to platform/resolver.ts. */
export interface PtrCodec {
  /** Undefined if the text is no address. */
  encodeQuery(id: number, address: string): Uint8Array | undefined;
  decodeReply(bytes: Uint8Array, id: number, address: string): DnsReply;
}

/** Names from the hosts file. Synchronous, and cheap enough for every frame. */
export type HostsLookup = (address: string) => HostName | undefined;
