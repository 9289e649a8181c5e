/**
 * A world in which sockets carry bytes while the helper comes and goes, for the property that counts stay true. It knows
 * what really happened; the rows of the helper, and the samples of the other capture, are made from that.
 */
import type { Observation } from "../../src/capture/helper/told-count.ts";
import { Interim } from "../../src/capture/helper/interim.ts";
import { ProcessRegistry } from "../../src/capture/helper/process-registry.ts";
import { RowTable } from "../../src/capture/helper/row-table.ts";
import { SOCKET_FLAGS } from "../../src/decode/ebpf-records.ts";
import { FlowTable } from "../../src/engine/flow-table.ts";
import { ManualClock } from "../../src/lib/clock.ts";
import type { CaptureStatus } from "../../src/model/capture-status.ts";
import type { ClosedSocket, SocketSample } from "../../src/model/flow.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";
import { batchAt, closedAt, counted, socket, START_MS, STATUS } from "./batches.ts";
import {
  bytesRows,
  type BytesRow,
  OWN_NAMESPACE,
  rowsOf,
  socketRows,
  STATES,
  TCP,
  TICK_NS,
  UDP,
  type SocketRow,
} from "./helper-rows.ts";

export const ACTORS = 3;

/** Bytes of one direction: what processes moved, and what of it the network has seen. */
interface Way {
  /** Per process, since the socket began. */
  readonly moved: number[];
  /** On the wire of what is sent (less or equal), arrived of what is received (more or equal). */
  wire: number;
  /** Per process, at the beginning of the helper's present run; undefined: the socket is younger. */
  atStart: number[] | undefined;
}

export interface RealSocket {
  readonly cookie: number;
  readonly protocol: "tcp" | "udp";
  readonly sent: Way;
  readonly received: Way;
  /** When it was first told: what it had carried by then is not observed. */
  observedFrom: { readonly sent: number; readonly received: number };
  state: "open" | "closed";
}

export type Step =
  | {
      readonly kind: "send" | "receive";
      readonly who: number;
      readonly actor: number;
      readonly bytes: number;
    }
  | { readonly kind: "wire"; readonly who: number; readonly bytes: number }
  | { readonly kind: "open"; readonly who: number }
  | { readonly kind: "close"; readonly who: number }
  | { readonly kind: "lose" | "back" | "restart" | "sample" };

export function sum(values: readonly number[]): number {
  return values.reduce((all, each) => all + each, 0);
}

function way(): Way {
  return { moved: Array.from({ length: ACTORS }, () => 0), wire: 0, atStart: undefined };
}

export class InterruptedWorld {
  readonly sockets: RealSocket[] = [];
  readonly snapshots: Snapshot[] = [];
  readonly #rows = new RowTable(new ProcessRegistry("boot", 100), OWN_NAMESPACE);
  readonly #flows = new FlowTable({
    clock: new ManualClock(START_MS),
    closedRetentionMs: Number.POSITIVE_INFINITY,
  });
  #interim: Interim | undefined;
  #isThere = true;
  #seconds = 0;
  #hasBegun = false;
  /** Closed, and not told by the helper, or by the other capture, yet. */
  #helperClosed: RealSocket[] = [];
  #otherClosed: RealSocket[] = [];
  #isWhole = true;
  #observation: Observation = "now";

  /** With sockets that were there before anybody looked. */
  constructor() {
    this.#open("tcp");
    this.#open("udp");
    for (const { sent, received } of this.sockets) {
      sent.moved[0] = 1000;
      sent.wire = 1000;
      received.moved[1] = 50;
      received.wire = 50;
    }
    this.sample();
  }

  take(step: Step): void {
    switch (step.kind) {
      case "send":
      case "receive":
        this.#move(step);
        break;
      case "wire":
        this.#flow(step.who, step.bytes);
        break;
      case "open":
        this.#open(step.who % 3 === 0 ? "udp" : "tcp");
        break;
      case "close":
        this.#close(step.who);
        break;
      case "lose":
        this.#isThere = false;
        break;
      case "back":
      case "restart":
        this.#comeBack(step.kind);
        break;
      case "sample":
      default:
        this.sample();
    }
  }

  /** Everything that was written is on the wire, everything that arrived is taken, and the helper is there. */
  settle(): Snapshot {
    for (const real of this.#living()) {
      real.sent.wire = sum(real.sent.moved);
      real.received.moved[0] = (real.received.moved[0] ?? 0) + real.received.wire - sum(real.received.moved);
    }
    this.#comeBack("back");
    // What is missed is waited for, and then said to be gone.
    this.sample();
    this.sample();
    return this.sample();
  }

  sample(): Snapshot {
    this.#seconds += 1;
    const snapshot = this.#isThere ? this.#sampleByHelper() : this.#sampleByOther();
    this.snapshots.push(snapshot);
    return snapshot;
  }

  #living(): RealSocket[] {
    return this.sockets.filter(({ state }) => state === "open");
  }

  #pick(who: number): RealSocket | undefined {
    const living = this.#living();
    return living[who % Math.max(1, living.length)];
  }

  #move({
    kind,
    who,
    actor,
    bytes,
  }: {
    kind: "send" | "receive";
    who: number;
    actor: number;
    bytes: number;
  }): void {
    const real = this.#pick(who);
    if (real === undefined) return;
    if (kind === "send") {
      real.sent.moved[actor] = (real.sent.moved[actor] ?? 0) + bytes;
      return;
    }
    real.received.moved[actor] = (real.received.moved[actor] ?? 0) + bytes;
    real.received.wire = Math.max(real.received.wire, sum(real.received.moved));
  }

  #flow(who: number, bytes: number): void {
    const real = this.#pick(who);
    if (real === undefined) return;
    real.sent.wire = Math.min(sum(real.sent.moved), real.sent.wire + bytes);
    real.received.wire += bytes;
  }

  #open(protocol: "tcp" | "udp"): void {
    const observedFrom = { sent: 0, received: 0 };
    const cookie = this.sockets.length + 1;
    this.sockets.push({ cookie, protocol, sent: way(), received: way(), observedFrom, state: "open" });
  }

  /** The kernel sends what was written before it lets a connection go; what nobody has taken has arrived all the same. */
  #close(who: number): void {
    const real = this.#pick(who);
    if (real === undefined) return;
    real.sent.wire = sum(real.sent.moved);
    real.state = "closed";
    // The other capture is kept up to date, so it tells only of what closes while the helper is away.
    if (this.#isThere) this.#helperClosed.push(real);
    else this.#otherClosed.push(real);
  }

  #comeBack(how: "back" | "restart"): void {
    if (how === "restart") {
      // A helper that ends takes what it had not told with it; the other capture has seen the ends of TCP connections.
      this.#otherClosed.push(...this.#helperClosed.splice(0));
      if (this.#isThere) this.sample();
      for (const real of this.sockets) {
        real.sent.atStart = [...real.sent.moved];
        real.received.atStart = [...real.received.moved];
      }
    }
    if (!this.#isThere && this.#otherClosed.length > 0) this.sample();
    this.#interim?.end();
    this.#rows.seeds = this.#interim?.told ?? this.#rows.seeds;
    this.#interim = undefined;
    if (how === "restart") {
      this.#rows.beginInstance();
      this.#observation = "beginning";
    }
    this.#isThere = true;
    this.#isWhole = true;
  }

  #sampleByHelper(): Snapshot {
    const closing = this.#helperClosed.splice(0);
    const { closed } = this.#rows.take(
      rowsOf({
        sockets: socketRows(...this.#living().map((real) => socketRow(real))),
        bytes: bytesRows(...this.#living().flatMap(actorRows)),
        closedSockets: socketRows(...closing.map((real) => ({ ...socketRow(real), closedNs: 1 }))),
        closedBytes: bytesRows(...closing.flatMap(actorRows)),
      }),
      { isWhole: this.#isWhole, observation: this.#observation, nowMs: START_MS },
    );
    this.#rows.seeds = undefined;
    this.#isWhole = false;
    this.#observation = "before";
    if (!this.#hasBegun) for (const real of this.sockets) observe(real);
    this.#hasBegun = true;
    return this.#ingest(this.#rows.samples(), closed, { ...STATUS, method: "ebpf_tracepoint" });
  }

  #sampleByOther(): Snapshot {
    this.#interim ??= new Interim(this.#rows, this.#hasBegun);
    this.#otherClosed.push(...this.#helperClosed.splice(0));
    const sockets = this.#interim.live(this.#living().map(diagSample));
    const ended = this.#otherClosed.splice(0).map((real) => closedAt(this.#seconds, diagSample(real)));
    const closed = this.#interim.closed(ended);
    return this.#ingest(sockets, closed, STATUS);
  }

  #ingest(
    sockets: readonly SocketSample[],
    closed: readonly ClosedSocket[],
    status: CaptureStatus,
  ): Snapshot {
    return this.#flows.ingest(batchAt(this.#seconds, { sockets, closed }), status);
  }
}

function observe(real: RealSocket): void {
  real.observedFrom = { sent: sum(real.sent.moved), received: sum(real.received.moved) };
}

/** As the kernel programs have it: what a TCP socket had carried when they began is its base. */
function socketRow(real: RealSocket): SocketRow {
  const { sent, received } = real;
  const existed = sent.atStart !== undefined;
  return {
    cookie: real.cookie,
    protocol: real.protocol === "tcp" ? TCP : UDP,
    state: STATES.established,
    flags: existed ? SOCKET_FLAGS.existed : 0,
    base: real.protocol === "tcp" ? [sum(sent.atStart ?? []), sum(received.atStart ?? [])] : [0, 0],
  };
}

function actorRows(real: RealSocket): BytesRow[] {
  return real.sent.moved.flatMap((moved, actor) => {
    const sent = moved - (real.sent.atStart?.[actor] ?? 0);
    const received = (real.received.moved[actor] ?? 0) - (real.received.atStart?.[actor] ?? 0);
    if (sent === 0 && received === 0) return [];
    return [{ cookie: real.cookie, actor: [actor + 1, (actor + 1) * TICK_NS] as const, sent, received }];
  });
}

/** sock_diag counts TCP on the wire, and UDP not at all. */
function diagSample(real: RealSocket): SocketSample {
  const isTcp = real.protocol === "tcp";
  return socket(`${real.protocol}:${real.cookie}`, undefined, undefined, {
    counters: isTcp ? counted(real.sent.wire, real.received.wire) : counted(undefined, undefined),
    state: isTcp ? "established" : "connected",
    identity: { protocol: real.protocol, remoteAddress: "198.51.100.7" },
  });
}
