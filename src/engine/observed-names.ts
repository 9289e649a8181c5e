/**
 * Names that this machine was seen to ask for, told apart by who asked: one address has many names where thousands of
 * sites share a server, and the right one is that of the connection, else of the process. Pure, bounded in every
 * direction, no I/O; nothing here waits for anything.
 *
 * An answer is believed only where a socket is known that has spoken with that name server: anybody can send a datagram
 * from port 53. A ClientHello is the machine's own.
 */
import { LRUCache } from "lru-cache";

import type { Clock } from "../lib/clock.ts";
import type { ClosedSocket, SocketSample } from "../model/flow.ts";
import type { AskedHost, NameObservation, ObservedAddress, ObservedLookup } from "../model/names.ts";
import type { ProcessKey } from "../model/process.ts";
import type { HostName } from "../model/snapshot.ts";
import { addressScope, isLookedUp, type AddressScope } from "./address-scope.ts";
import { NAME_TIMES } from "./names.ts";
import { isSameHost, socketOf } from "./remote-names.ts";

/**
 * Addresses, connections, and answers remembered of one address at most. What was observed longest ago gives way, whether
 * it is asked for or not: a flow keeps the name that it has been given.
 */
const ADDRESSES_MAX = 10_000;
const CONNECTIONS_MAX = 10_000;
const PROCESSES_MAX = 8;
const ANSWERS_MAX = 4;
/** Sockets that speak with name servers. */
const ASKERS_MAX = 4096;
/** Answers whose socket has not been told yet, and how long it is waited for. */
const WAITING_MAX = 1024;
const WAITING_MS = 30_000;
const NAME_SERVER_PORT = 53;
/** A flow is first seen, by its time, when the sample began, and can have begun while it was taken. */
const SAMPLE_MS = 50;

export interface ObservedNamesOptions {
  readonly clock: Clock;
  /** Inode of this program's own network namespace; undefined where it can't be known. */
  readonly networkNamespace: number | undefined;
  /** Told what may name the address for those who did not ask themselves. `ttlMs` is the record's own. */
  readonly share: (address: string, host: HostName, ttlMs: number) => void;
}

/** Somebody was answered with the address, or named it as a server. */
interface Answer {
  readonly host: HostName;
  /** Unix milliseconds: when it passed, and until when new flows are named by it. */
  readonly atMs: number;
  readonly expiresMs: number;
}

interface Waiting {
  readonly observation: NameObservation;
  readonly atMs: number;
  readonly untilMs: number;
}

export class ObservedNames implements ObservedLookup {
  readonly #options: ObservedNamesOptions;
  readonly #addresses = new LRUCache<string, AddressNames>({
    max: ADDRESSES_MAX,
    dispose: (_names, address) => this.#changed.delete(address),
  });
  /** A part of the addresses. */
  readonly #changed = new Set<string>();
  readonly #connections = new LRUCache<string, AskedConnection>({ max: CONNECTIONS_MAX });
  /** By socket and name server. */
  readonly #askers = new LRUCache<string, Asker>({ max: ASKERS_MAX });
  #waiting: Waiting[] = [];
  #revision = 0;
  #dns = 0;
  #sni = 0;
  #unconfirmed = 0;

  constructor(options: ObservedNamesOptions) {
    this.#options = options;
  }

  /** Counts since the start. */
  stats(): { readonly dns: number; readonly sni: number; readonly unconfirmed: number } {
    return { dns: this.#dns, sni: this.#sni, unconfirmed: this.#unconfirmed };
  }

  /** `bootTimeNs` is CLOCK_BOOTTIME now: a record can come later than the sample that has the connection it led to. */
  observe(observations: readonly NameObservation[], bootTimeNs: number): void {
    const nowMs = this.#options.clock.nowMs();
    const untilMs = this.#options.clock.monotonicMs() + WAITING_MS;
    for (const observation of observations) {
      const atMs = nowMs - Math.max(0, bootTimeNs - observation.timeNs) / 1e6;
      if (observation.source === "sni") {
        this.#takeClientHello(observation, atMs);
        continue;
      }
      const asker = this.#askers.get(askerKey(observation.socket, observation.server));
      if (asker !== undefined) this.#takeAnswer(observation, asker, atMs);
      else this.#wait({ observation, atMs, untilMs });
    }
  }

  learn(sockets: readonly SocketSample[], closed: readonly ClosedSocket[]): void {
    for (const sample of sockets)
      if (sample.identity.remotePort === NAME_SERVER_PORT) this.#learnAsker(sample);
    for (const sample of closed)
      if (sample.identity.remotePort === NAME_SERVER_PORT) this.#learnAsker(sample);
    if (this.#waiting.length > 0) this.#settle();
  }

  takeChanged(): readonly string[] {
    const changed = [...this.#changed];
    this.#changed.clear();
    return changed;
  }

  of(address: string): ObservedAddress | undefined {
    return this.#addresses.peek(address);
  }

  /** A socket that has sent nothing to a server has not asked it, whatever comes from there. */
  #learnAsker({ identity, counters, owners }: SocketSample): void {
    if (counters.bytesSent === 0) return;
    const key = askerKey(socketOf(identity.id), identity.remoteAddress);
    const process = owners[0];
    const isOwnNamespace = identity.networkNamespace === undefined;
    if (process !== undefined || !this.#askers.has(key)) this.#askers.set(key, { process, isOwnNamespace });
  }

  #wait(waiting: Waiting): void {
    this.#waiting.push(waiting);
    if (this.#waiting.length <= WAITING_MAX) return;
    this.#waiting.shift();
    this.#unconfirmed += 1;
  }

  /** Takes what has waited for the sockets that are known now, and lets go of what has waited for long enough. */
  #settle(): void {
    const nowMs = this.#options.clock.monotonicMs();
    this.#waiting = this.#waiting.filter(({ observation, atMs, untilMs }) => {
      const asker = this.#askers.get(askerKey(observation.socket, observation.server));
      if (asker !== undefined) this.#takeAnswer(observation, asker, atMs);
      else if (nowMs < untilMs) return true;
      else this.#unconfirmed += 1;
      return false;
    });
  }

  #takeAnswer(observation: NameObservation, asker: Asker, atMs: number): void {
    const { name, chain } = observation;
    const host: HostName = { name, source: "dns", ...(chain.length === 0 ? {} : { chain }) };
    let isUsed = false;
    for (const { address, ttlSeconds } of observation.addresses) {
      const scope = addressScope(address);
      if (!isOfOneHost(scope)) continue;
      isUsed = true;
      const ttlMs = ttlSeconds * 1000;
      const answer = answerOf(host, atMs, ttlMs);
      const names = this.#namesOf(address);
      if (asker.process !== undefined) names.addOf(asker.process, answer);
      if (!isShared(scope, asker.isOwnNamespace)) continue;
      names.addOfAnybody(answer);
      this.#options.share(address, host, ttlMs);
    }
    if (isUsed) this.#dns += 1;
  }

  #takeClientHello(observation: NameObservation, atMs: number): void {
    const host: HostName = { name: observation.name, source: "sni" };
    const isOwnNamespace = observation.networkNamespace === this.#options.networkNamespace;
    for (const { address } of observation.addresses) {
      const scope = addressScope(address);
      if (!isOfOneHost(scope)) continue;
      this.#sni += 1;
      this.#connections.set(observation.socket, { address, host });
      const names = this.#namesOf(address);
      if (!isShared(scope, isOwnNamespace)) continue;
      names.addOfAnybody(answerOf(host, atMs, 0));
      this.#options.share(address, host, 0);
    }
  }

  /** To be added to. */
  #namesOf(address: string): AddressNames {
    let names = this.#addresses.get(address);
    if (names === undefined) {
      names = new AddressNames(address, this.#connections);
      this.#addresses.set(address, names);
    }
    this.#changed.add(address);
    this.#revision += 1;
    names.revision = this.#revision;
    return names;
  }
}

interface Asker {
  /** Undefined: the socket has asked, and nobody knows for whom. */
  readonly process: ProcessKey | undefined;
  readonly isOwnNamespace: boolean;
}

interface AskedConnection {
  readonly address: string;
  readonly host: HostName;
}

const NO_ANSWERS: readonly Answer[] = [];

class AddressNames implements ObservedAddress {
  revision = 0;
  readonly #address: string;
  readonly #connections: LRUCache<string, AskedConnection>;
  /** Of each process the latest answers, oldest first; the process that was answered last is the last. */
  #answers: Map<ProcessKey, readonly Answer[]> | undefined;
  #anybodys: readonly Answer[] = NO_ANSWERS;

  constructor(address: string, connections: LRUCache<string, AskedConnection>) {
    this.#address = address;
    this.#connections = connections;
  }

  nameFor(socket: string, process: ProcessKey | undefined, firstSeenMs: number): AskedHost | undefined {
    const connection = this.#connections.peek(socket);
    if (connection?.address === this.#address) return { host: connection.host, by: "connection" };
    const answers = process === undefined ? undefined : this.#answers?.get(process);
    const own = answers === undefined ? undefined : chooseAnswer(answers, firstSeenMs);
    if (own !== undefined) return { host: own.host, by: "process" };
    const shared = chooseAnswer(this.#anybodys, firstSeenMs);
    return shared === undefined ? undefined : { host: shared.host, by: "anybody" };
  }

  addOfAnybody(answer: Answer): void {
    this.#anybodys = withAnswer(this.#anybodys, answer);
  }

  addOf(process: ProcessKey, answer: Answer): void {
    const known = (this.#answers ??= new Map<ProcessKey, readonly Answer[]>());
    const answers = withAnswer(known.get(process) ?? NO_ANSWERS, answer);
    known.delete(process);
    known.set(process, answers);
    if (known.size <= PROCESSES_MAX) return;
    const [oldest] = known.keys();
    if (oldest !== undefined) known.delete(oldest);
  }
}

function answerOf(host: HostName, atMs: number, ttlMs: number): Answer {
  const heldMs = Math.min(Math.max(ttlMs, NAME_TIMES.observedMinMs), NAME_TIMES.nameMaxMs);
  return { host, atMs, expiresMs: atMs + heldMs };
}

/** In the order of their times. The same answer again holds from when it was first given. */
function withAnswer(answers: readonly Answer[], answer: Answer): readonly Answer[] {
  const last = answers.at(-1);
  if (last !== undefined && isSameHost(last.host, answer.host)) {
    return [...answers.slice(0, -1), { ...last, expiresMs: Math.max(last.expiresMs, answer.expiresMs) }];
  }
  const later = answers.filter(({ atMs }) => atMs > answer.atMs);
  return [...answers.slice(0, answers.length - later.length), answer, ...later].slice(-ANSWERS_MAX);
}

/**
 * The latest answer before the flow began, if it held then; for a flow that is older than all of them, the first.
 * A process that asks for another name of the same address later doesn't rename what it has connected before.
 */
function chooseAnswer(answers: readonly Answer[], firstSeenMs: number): Answer | undefined {
  const before = answers.findLast(({ atMs }) => atMs <= firstSeenMs + SAMPLE_MS);
  if (before === undefined) return answers[0];
  return before.expiresMs > firstSeenMs ? before : undefined;
}

/** A private address means another host in another network namespace, and a loopback address another in every one. */
function isShared(scope: AddressScope, isOwnNamespace: boolean): boolean {
  return scope === "public" || (isLookedUp(scope) && isOwnNamespace);
}

/** Whether a name of it can mean one host. A blocker's answer, 0.0.0.0, means none. */
function isOfOneHost(scope: AddressScope): boolean {
  return isLookedUp(scope) || scope === "loopback" || scope === "link_local";
}

function askerKey(socket: string, server: string): string {
  return `${socket} ${server}`;
}
