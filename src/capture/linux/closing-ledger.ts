/**
 * The closings of this run: each destroyed connection is told once, and once more where its counters became better
 * known. Bounded: the oldest is forgotten first.
 */
import type { Cookie, DiagRecord } from "../../decode/sock-diag.ts";
import type { MirrorEvidence } from "../../decode/tcp-payload.ts";
import type { SocketIdentity } from "../../model/flow.ts";
import { Closing, NOTICE_LAG_MS } from "./closing.ts";
import type { Minisocket } from "./tracked-socket.ts";

/** How many closings are kept. */
export interface ClosingBounds {
  /** After they were told, to recognize what they leave behind. */
  readonly told: number;
  /** For the next sample. */
  readonly untold: number;
}

/** More than a busy machine makes in ten seconds. */
export const ALL_CLOSINGS: ClosingBounds = { told: 65_536, untold: 200_000 };
const ERASED_MAX = 4096;
/** A closing waits so many samples for its other end. */
const WAIT_SAMPLES_MAX = 5;

/** A connection that was never seen in a dump and whose notice has lost its addresses: only its own port is left. */
interface ErasedStranger {
  readonly adopt: (identity: SocketIdentity) => Closing;
  /** Whether it has waited for its other end since the sample before. */
  waited: boolean;
}

export class ClosingLedger {
  readonly #bounds: ClosingBounds;
  readonly #byCookie = new Map<Cookie, Closing>();
  readonly #byTuple = new Map<string, Closing>();
  #fresh: Closing[] = [];
  #waiting: Closing[] = [];
  /** By their own port. */
  readonly #strangers = new Map<number, ErasedStranger[]>();
  #strangerCount = 0;
  #tell = new Set<Closing>();
  /** When (monotonic milliseconds) the first closing can have been. */
  #firstNoticeMs = Number.POSITIVE_INFINITY;
  /** Connections whose counters were erased and could not be had from elsewhere, since the last `take`. */
  erasedCount = 0;
  /** Up to when (monotonic milliseconds) closings were told and are forgotten; undefined: none is forgotten. */
  #forgottenUntilMs: number | undefined;
  /** Closings that did not fit between two samples, since the last `take`. */
  droppedCount = 0;

  constructor(bounds: ClosingBounds) {
    this.#bounds = bounds;
  }

  add(closing: Closing): void {
    if (this.#fresh.length >= this.#bounds.untold) {
      this.droppedCount += 1;
      return;
    }
    this.#fresh.push(closing);
    this.#firstNoticeMs = Math.min(this.#firstNoticeMs, closing.noticed.fromMs);
    closing.queued = true;
    this.#tell.add(closing);
    this.#byCookie.set(closing.cookie, closing);
    if (closing.isConnection) this.#pair(closing);
    if (this.#byCookie.size > this.#bounds.told) this.#forgetOldest();
  }

  /** A notice without addresses of a socket that no dump had; `make` gives it the ends that its mirror tells. */
  addStranger(record: DiagRecord, make: (identity: SocketIdentity) => Closing): void {
    if (this.#strangerCount >= ERASED_MAX) {
      this.erasedCount += 1;
      return;
    }
    this.#strangerCount += 1;
    const same = this.#strangers.get(record.localPort);
    const stranger = { adopt: make, waited: false };
    if (same === undefined) this.#strangers.set(record.localPort, [stranger]);
    else same.push(stranger);
  }

  byCookie(cookie: Cookie): Closing | undefined {
    return this.#byCookie.get(cookie);
  }

  byTuple(tuple: string): Closing | undefined {
    return this.#byTuple.get(tuple);
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
    this.#waiting = [];
    this.#fresh = [];
    // An erased closing follows from its mirror's counters, so those come first.
    for (const closing of open) if (!closing.erased) this.#settleOne(closing, live);
    for (const closing of open) if (closing.erased) this.#settleOne(closing, live);
    for (const closing of open) {
      closing.waited += 1;
      // What is forgotten here may be forgotten by whoever was told of it too: it is not told again.
      const isKnown = this.#byCookie.get(closing.cookie) === closing;
      const mayImprove = isKnown && !closing.settled && isLocal(closing.identity.remoteAddress);
      closing.queued = mayImprove && closing.waited < WAIT_SAMPLES_MAX;
      if (closing.queued) this.#waiting.push(closing);
      // As long as it waits, its row says that it is a lower bound.
      else if (closing.erased && closing.counters.uncertaintyBytes === undefined) this.erasedCount += 1;
    }
    this.#giveUpStrangers();
  }

  /** A minisocket belongs to a connection that was told as closed. */
  leftBehind(closing: Closing, minisocket: Minisocket): void {
    if (!closing.leave(minisocket)) return;
    this.#tell.add(closing);
    this.#reconsider(closing);
  }

  /** Whether a minisocket that began then is of a closing that was told and is forgotten. */
  hasForgotten(beganMs: number): boolean {
    const until = this.#forgottenUntilMs;
    return until !== undefined && beganMs >= this.#firstNoticeMs - NOTICE_LAG_MS && beganMs <= until;
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
    this.#reconsider(other);
  }

  #reconsider(closing: Closing): void {
    if (closing.settled || closing.queued) return;
    closing.queued = true;
    this.#waiting.push(closing);
  }

  /** Gives addresses to those that lost them: a connection of this machine that was reset and has no other end. */
  #adoptStrangers(isLocal: (address: string) => boolean): void {
    if (this.#strangerCount === 0) return;
    for (const closing of this.#fresh.slice()) {
      if (!closing.isConnection || closing.erased || closing.mirror !== undefined) continue;
      if (closing.minisocket !== undefined || !isLocal(closing.identity.remoteAddress)) continue;
      const { identity } = closing;
      const stranger = this.#strangers.get(identity.remotePort)?.shift();
      if (stranger === undefined) continue;
      this.#strangerCount -= 1;
      this.add(
        stranger.adopt({
          ...identity,
          localAddress: identity.remoteAddress,
          localPort: identity.remotePort,
          remoteAddress: identity.localAddress,
          remotePort: identity.localPort,
        }),
      );
    }
  }

  /** One sample can fall between the closings of the two ends; who is alone in the next one too has no row. */
  #giveUpStrangers(): void {
    for (const [port, strangers] of this.#strangers) {
      const staying = strangers.filter((stranger) => !stranger.waited);
      const lost = strangers.length - staying.length;
      this.erasedCount += lost;
      this.#strangerCount -= lost;
      for (const stranger of staying) stranger.waited = true;
      if (staying.length === 0) this.#strangers.delete(port);
      else this.#strangers.set(port, staying);
    }
  }

  /** What was noticed before that moment (monotonic milliseconds) is told by somebody else. */
  forgetBefore(monotonicMs: number): void {
    const isKept = ({ noticed }: Closing): boolean => noticed.toMs >= monotonicMs;
    this.#fresh = this.#fresh.filter(isKept);
    this.#waiting = this.#waiting.filter(isKept);
    this.#tell = new Set([...this.#tell].filter(isKept));
    this.#strangers.clear();
    this.#strangerCount = 0;
    this.erasedCount = 0;
    this.droppedCount = 0;
    for (const closing of this.#byCookie.values()) {
      if (isKept(closing)) break; // they are in the order of their notices
      this.#forget(closing);
    }
  }

  #forgetOldest(): void {
    const oldest = this.#byCookie.values().next().value;
    if (oldest !== undefined) this.#forget(oldest);
  }

  #forget(closing: Closing): void {
    this.#byCookie.delete(closing.cookie);
    if (this.#byTuple.get(closing.tuple) === closing) this.#byTuple.delete(closing.tuple);
    this.#forgottenUntilMs = Math.max(this.#forgottenUntilMs ?? 0, closing.noticed.toMs);
  }
}
