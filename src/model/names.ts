/** The nouns of naming: what a look-up answers, what is kept of it, and the contracts between cache, resolver and store. */
import type { ClosedSocket, SocketSample } from "./flow.ts";
import type { ProcessKey } from "./process.ts";
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

/** The name of the hosts file is read anew by each run, and what one TLS client asked for is no fact about the address. */
export type StoredNameSource = Exclude<NameSource, "hosts" | "sni">;

/** A cached answer as stored between two runs. */
export interface StoredName {
  /** Canonical text. */
  readonly address: string;
  /** Undefined: it is known that there is none. */
  readonly name: string | undefined;
  readonly source: StoredNameSource;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** Counts of the cache since some beginning. */
export interface LookupCounters {
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

/** Counts since some beginning: of this process, or of a day in the store. */
export interface NameCounters extends LookupCounters {
  /** Answers of name servers that the machine was seen to receive and that gave an address its name. */
  readonly observedDns: number;
  /** TLS clients that were seen to ask for a name. */
  readonly observedSni: number;
}

export interface NameCacheStats extends LookupCounters {
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

export interface NameStats extends NameCacheStats, NameCounters {
  readonly enabled: boolean;
  readonly observations: ObservationCounts;
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

/** One answer of a name server, or one TLS ClientHello, as it was seen to pass a socket of this machine. */
export interface NameObservation {
  readonly source: "dns" | "sni";
  /** What was asked for. */
  readonly name: string;
  /** What the name stands for by CNAME records, in order; the last one owns the addresses. Empty of a ClientHello. */
  readonly chain: readonly string[];
  /** Of a ClientHello: the one to which it went, without a TTL. */
  readonly addresses: readonly { readonly address: string; readonly ttlSeconds: number }[];
  /** The socket that asked, as the `id` of its identity begins: `<protocol>:<cookie>`. */
  readonly socket: string;
  /** Inode of the network namespace; 0 where the kernel program could not know it. */
  readonly networkNamespace: number;
  /** CLOCK_BOOTTIME nanoseconds. */
  readonly timeNs: number;
  /** The name server, or the server of the TLS connection: canonical address and port. */
  readonly server: string;
  readonly serverPort: number;
}

/** A name with who asked for it: the flow's own connection, its process, or anybody else of this machine. */
export interface AskedHost {
  readonly host: HostName;
  readonly by: "connection" | "process" | "anybody";
}

/** What was observed of one address, told apart by who asked. */
export interface ObservedAddress {
  /** Changes with everything newly observed of the address, and is never used again. */
  readonly revision: number;
  /**
   * The name under which this connection, else this process, else anybody asked for the address before the flow began
   * (`firstSeenMs`, Unix milliseconds); undefined where nobody did. `socket` as in NameObservation.
   */
  nameFor(socket: string, process: ProcessKey | undefined, firstSeenMs: number): AskedHost | undefined;
}

/** Names that belong to single flows. Everything answers at once. */
export interface ObservedLookup {
  /** Takes note of who speaks with name servers: before the names of a sample are asked for. */
  learn(sockets: readonly SocketSample[], closed: readonly ClosedSocket[]): void;
  /** Addresses of which something was observed since the last call. */
  takeChanged(): readonly string[];
  /** Undefined: nobody was seen to ask for the address. */
  of(address: string): ObservedAddress | undefined;
}

/** What became of the observations since the start. */
export interface ObservationCounts {
  /** Records that mean nothing. */
  readonly malformed: number;
  /** Names that were cut, go on in another segment, or are in no known format. */
  readonly undecoded: number;
  /** Answers of which no socket is known that asked that server: they are not believed. */
  readonly unconfirmed: number;
}
