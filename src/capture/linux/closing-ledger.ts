/**
 * The closings of this run: each destroyed connection is told once, and once more where its counters became better
 * known. Bounded: the oldest is forgotten first.
 */
import type { Cookie, DiagRecord } from "../../decode/sock-diag.ts";
import type { MirrorEvidence } from "../../decode/tcp-payload.ts";
import type { SocketIdentity } from "../../model/flow.ts";
import { Closing, type Minisocket } from "./closing.ts";

const CLOSINGS_MAX = 65_536;
const ERASED_MAX = 4096;
/** A closing waits so many samples for its other end. */
const WAIT_SAMPLES_MAX = 5;

/** A connection that was never seen in a dump and whose notice has lost its addresses: only its own port is left. */
interface ErasedStranger {
  readonly record: { readonly localPort: number };
  readonly make: (identity: SocketIdentity) => Closing;
}

export class ClosingLedger {
  readonly #byCookie = new Map<Cookie, Closing>();
  readonly #byTuple = new Map<string, Closing>();
  #fresh: Closing[] = [];
  #waiting: Closing[] = [];
  #strangers: ErasedStranger[] = [];
  #tell = new Set<Closing>();
  /** Connections whose counters were erased and could not be had from elsewhere, since the last `take`. */
  erasedCount = 0;
  forgottenUntold = 0;

  add(closing: Closing): void {
    this.#fresh.push(closing);
    this.#tell.add(closing);
    this.#byCookie.set(closing.cookie, closing);
    if (closing.isConnection) this.#pair(closing);
    if (this.#byCookie.size > CLOSINGS_MAX) this.#forgetOldest();
  }

  /** A notice without addresses of a socket that no dump had; `make` gives it the ends that its mirror tells. */
  addStranger(record: DiagRecord, make: (identity: SocketIdentity) => Closing): void {
    if (this.#strangers.length >= ERASED_MAX) this.#strangers.shift();
    this.#strangers.push({ record: { localPort: record.localPort }, make });
  }

  byCookie(cookie: Cookie): Closing | undefined {
    return this.#byCookie.get(cookie);
  }

  byTuple(tuple: string): Closing | undefined {
    return this.#byTuple.get(tuple);
  }

  get hasFresh(): boolean {
    return this.#fresh.length > 0 || this.#waiting.length > 0;
  }

  /**
   * Decides what can be decided now. `live` tells of the other end of a connection where that still lives.
   * `isLocal` tells whether an address is this machine's.
   */
  settle(
    live: (reverseTuple: string) => MirrorEvidence | undefined,
    isLocal: (address: string) => boolean,
  ): void {
    this.#adoptStrangers(isLocal);
    const open = this.#waiting.concat(this.#fresh);
    const fresh = new Set(this.#fresh);
    this.#waiting = [];
    this.#fresh = [];
    // An erased closing follows from its mirror's counters, so those come first.
    for (const closing of open) if (!closing.erased) this.#settleOne(closing, live);
    for (const closing of open) {
      if (!closing.erased) continue;
      this.#settleOne(closing, live);
      if (fresh.has(closing) && closing.counters.uncertaintyBytes === undefined) this.erasedCount += 1;
    }
    for (const closing of open) {
      closing.waited += 1;
      const mayImprove = !closing.settled && isLocal(closing.identity.remoteAddress);
      if (mayImprove && closing.waited < WAIT_SAMPLES_MAX) this.#waiting.push(closing);
    }
    this.erasedCount += this.#strangers.length;
    this.#strangers = [];
  }

  /** A minisocket belongs to a connection that was told as closed. */
  leftBehind(closing: Closing, minisocket: Minisocket): void {
    const known = closing.minisocket;
    if (known !== undefined && known.state === minisocket.state) return;
    closing.minisocket = minisocket;
    this.#tell.add(closing);
    if (!closing.settled && !this.#fresh.includes(closing) && !this.#waiting.includes(closing)) {
      this.#waiting.push(closing);
    }
  }

  /** The closings to be told now. */
  take(): Closing[] {
    const told = [...this.#tell];
    this.#tell = new Set();
    return told;
  }

  #settleOne(closing: Closing, live: (reverseTuple: string) => MirrorEvidence | undefined): void {
    const evidence = closing.mirror === undefined ? live(closing.reverseTuple) : undefined;
    if (closing.settle(evidence)) this.#tell.add(closing);
  }

  #pair(closing: Closing): void {
    const other = this.#byTuple.get(closing.reverseTuple);
    this.#byTuple.set(closing.tuple, closing);
    if (other === undefined || other.mirror !== undefined || !closing.canMirror(other)) return;
    closing.mirror = other;
    other.mirror = closing;
    if (other.settled || this.#fresh.includes(other) || this.#waiting.includes(other)) return;
    this.#waiting.push(other);
  }

  /** Gives addresses to those that lost them: a connection of this machine that was reset and has no other end. */
  #adoptStrangers(isLocal: (address: string) => boolean): void {
    if (this.#strangers.length === 0) return;
    for (const closing of [...this.#fresh]) {
      if (!closing.isConnection || closing.erased || closing.mirror !== undefined) continue;
      if (closing.minisocket !== undefined || !isLocal(closing.identity.remoteAddress)) continue;
      const { identity } = closing;
      const index = this.#strangers.findIndex((stranger) => stranger.record.localPort === identity.remotePort);
      const stranger = this.#strangers[index];
      if (stranger === undefined) continue;
      this.#strangers.splice(index, 1);
      this.add(
        stranger.make({
          ...identity,
          localAddress: identity.remoteAddress,
          localPort: identity.remotePort,
          remoteAddress: identity.localAddress,
          remotePort: identity.localPort,
        }),
      );
    }
  }

  #forgetOldest(): void {
    const oldest = this.#byCookie.values().next().value;
    if (oldest === undefined) return;
    this.#byCookie.delete(oldest.cookie);
    if (this.#byTuple.get(oldest.tuple) === oldest) this.#byTuple.delete(oldest.tuple);
  }
}
