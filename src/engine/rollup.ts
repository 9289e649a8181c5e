/**
 * Turns successive snapshots into what the history adds up: per hour, process, peer, port and protocol. Pure.
 *
 * It promises that no byte is booked twice (corrected counters, flows that go and come back, a recorder that was killed
 * and another that goes on in its place), that what it books never exceeds what happened, and that its memory is bounded:
 * beyond the bound rows are folded into an `other` row and counted as loss of detail, never of bytes.
 */
import { baseOf } from "./rollup-base.ts";
import {
  AMOUNT_NAMES,
  type Booking,
  type FlowState,
  growthSince,
  markOf,
  mayHaveNewSubject,
  type MutableAmounts,
  noAmounts,
  uncertaintyOf,
} from "./rollup-flow.ts";
import {
  isBetterKnown,
  isListener,
  isRemnant,
  ListeningPorts,
  subjectKey,
  subjectOf,
} from "./rollup-subject.ts";
import { LossRollup } from "./rollup-loss.ts";
import {
  type Continuation,
  type FlowMark,
  type HistoryBatch,
  type HistoryIncrement,
  type HistorySubject,
  type SnapshotRollup,
  withoutPeer,
  withoutPeerAndProcess,
} from "../model/history.ts";
import type { Flow, Snapshot } from "../model/snapshot.ts";

export interface RollupOptions {
  /** The beginning of the hour of local time of a moment, both in Unix milliseconds. */
  readonly hourStartMs: (timeMs: number) => number;
  /**
   * What the first snapshot's observed bytes are: `counted` where nobody else can have recorded them (the recorder began
   * with the monitor), `baseline` where another monitor may have.
   */
  readonly first: "counted" | "baseline";
  /** Where the recorder before stopped; undefined where that is unknown or too long ago. */
  readonly continuation?: Continuation | undefined;
  /** Rows that wait to be written before peers are folded together; twice as many before processes are. */
  readonly rowsMax?: number;
  /** Flows with a mark in the database, and absent flows that are remembered. */
  readonly flowsMax?: number;
}

/** How long a flow that is no longer told of is remembered: far longer than any look that failed. */
const ABSENT_MAX_MS = 120_000;

interface Row {
  readonly hourStartMs: number;
  readonly subject: HistorySubject;
  readonly amounts: MutableAmounts;
}

export class Rollup implements SnapshotRollup {
  readonly #options: RollupOptions;
  readonly #rowsMax: number;
  readonly #flowsMax: number;
  readonly #flows = new Map<string, FlowState>();
  /** Flows that were told of and no longer are, the longest absent first. */
  readonly #absent = new Map<string, FlowState>();
  readonly #rows = new Map<string, Row>();
  readonly #loss: LossRollup;
  readonly #changed = new Set<FlowState>();
  readonly #forgotten = new Set<string>();
  /** Marks of the recorder before that no flow has claimed yet; let go some time after the first look. */
  #unclaimed: Map<string, FlowMark>;
  #marked = 0;
  #marksComplete = true;
  #generation = 0;
  #hourStartMs = 0;
  #nowMs = 0;
  #firstSeenAtMs: number | undefined;

  constructor(options: RollupOptions) {
    this.#options = options;
    this.#rowsMax = options.rowsMax ?? 5000;
    this.#flowsMax = options.flowsMax ?? 20_000;
    this.#unclaimed = new Map(options.continuation?.marks);
    this.#loss = new LossRollup(options.first === "counted");
  }

  get pendingRows(): number {
    return this.#rows.size;
  }

  observe(snapshot: Snapshot): void {
    this.#generation += 1;
    this.#nowMs = snapshot.sampledAtMs;
    this.#hourStartMs = this.#options.hourStartMs(snapshot.sampledAtMs);
    let listeners: ListeningPorts | undefined;
    let present = 0;
    for (const flow of snapshot.flows) {
      let state = this.#flows.get(flow.id);
      if (state === undefined) {
        if (isListener(flow) || isRemnant(flow)) continue;
        listeners ??= new ListeningPorts(snapshot);
        state = this.#absent.has(flow.id) ? this.#return(flow) : this.#meet(flow, listeners);
      } else if (state.generation === this.#generation) {
        continue; // told twice in one snapshot: the first counts
      }
      state.generation = this.#generation;
      present += 1;
      if (state.seen === flow) continue; // an unchanged flow is the same object: most of them, most of the time
      state.seen = flow;
      this.#follow(state, flow);
    }
    if (present < this.#flows.size) this.#noticeAbsent();
    this.#forgetAbsent();
    this.#loss.observe(this.#hourStartMs, snapshot.loss);
    this.#firstSeenAtMs ??= this.#nowMs;
  }

  pending(): HistoryBatch {
    const increments: HistoryIncrement[] = [];
    for (const { hourStartMs, subject, amounts } of this.#rows.values()) {
      if (AMOUNT_NAMES.some((name) => amounts[name] !== 0))
        increments.push({ hourStartMs, subject, ...amounts });
    }
    return {
      increments,
      loss: this.#loss.pending(),
      marks: Array.from(this.#changed, (state) => markOf(state, this.#hourStartMs)),
      forgotten: [...this.#forgotten],
      marksComplete: this.#marksComplete,
    };
  }

  committed(): void {
    this.#rows.clear();
    this.#changed.clear();
    this.#forgotten.clear();
    this.#loss.committed();
  }

  markAll(): void {
    for (const flows of [this.#flows, this.#absent]) {
      for (const state of flows.values()) if (state.marked) this.#changed.add(state);
    }
  }

  /** A flow that was absent for a while, or was evicted from the flow table and taken in again. */
  #return(flow: Flow): FlowState {
    const state = this.#absent.get(flow.id) as FlowState; // the caller has looked
    this.#absent.delete(flow.id);
    this.#flows.set(flow.id, state);
    state.absentSinceMs = undefined;
    // Its observed bytes may have begun anew, so growth is what the socket's own counters say.
    const sent = growthSince(state.bytesSent, flow.bytesSent) ?? 0;
    const received = growthSince(state.bytesReceived, flow.bytesReceived) ?? 0;
    state.observedSent = flow.observedBytesSent - sent;
    state.observedReceived = flow.observedBytesReceived - received;
    return state;
  }

  #meet(flow: Flow, listeners: ListeningPorts): FlowState {
    const mark = this.#unclaimed.get(flow.id);
    this.#unclaimed.delete(flow.id);
    const { continuation, first } = this.#options;
    const isFirstLook = this.#firstSeenAtMs === undefined;
    const base = baseOf(flow, mark, { continuation, first, isFirstLook });
    const service = listeners.serviceOf(flow);
    const subject = subjectOf(flow, service);
    const state: FlowState = {
      id: flow.id,
      service,
      observedSent: base.observedSent,
      observedReceived: base.observedReceived,
      bytesSent: undefined,
      bytesReceived: undefined,
      uncertaintyBytes: base.uncertaintyBytes,
      lowerBoundConnections: base.lowerBoundConnections,
      process: flow.process,
      host: flow.remoteHost,
      userName: flow.userName,
      attribution: flow.attribution,
      meaning: flow.bytesMeaning,
      subject,
      subjectKey: subjectKey(subject),
      current: undefined,
      previous: undefined,
      seen: undefined,
      closed: false,
      generation: 0,
      marked: mark !== undefined,
      absentSinceMs: undefined,
    };
    if (mark !== undefined) {
      this.#marked += 1;
      state.current = this.#newBooking(mark.hourStartMs, state.subject, state.subjectKey);
    }
    this.#flows.set(flow.id, state);
    this.#add(state, "connections", base.connections);
    return state;
  }

  /** Books what has changed since the last look at this flow. */
  #follow(state: FlowState, flow: Flow): void {
    if (mayHaveNewSubject(state, flow)) this.#rename(state, flow);
    const [uncertaintyBytes, lowerBoundConnections] = uncertaintyOf(flow);
    this.#add(state, "bytesSent", flow.observedBytesSent - state.observedSent);
    this.#add(state, "bytesReceived", flow.observedBytesReceived - state.observedReceived);
    this.#add(state, "uncertaintyBytes", uncertaintyBytes - state.uncertaintyBytes);
    this.#add(state, "lowerBoundConnections", lowerBoundConnections - state.lowerBoundConnections);
    const counted = state.bytesSent !== flow.bytesSent || state.bytesReceived !== flow.bytesReceived;
    const judged =
      state.uncertaintyBytes !== uncertaintyBytes || state.lowerBoundConnections !== lowerBoundConnections;
    state.observedSent = flow.observedBytesSent;
    state.observedReceived = flow.observedBytesReceived;
    state.bytesSent = flow.bytesSent;
    state.bytesReceived = flow.bytesReceived;
    state.uncertaintyBytes = uncertaintyBytes;
    state.lowerBoundConnections = lowerBoundConnections;
    state.closed = flow.closed;
    // A socket whose end was really seen never comes back. One that only went missing may: its mark stays for a while.
    if (flow.closed && lowerBoundConnections === 0) this.#unmark(state);
    else if (counted || judged || !state.marked) this.#mark(state);
  }

  /** Takes what has become known of the flow, and moves what is booked in this hour along if it belongs there. */
  #rename(state: FlowState, flow: Flow): void {
    const earlier = state.subject;
    state.subject = subjectOf(flow, state.service, earlier);
    state.process = flow.process;
    state.host = flow.remoteHost;
    state.userName = flow.userName;
    state.attribution = flow.attribution;
    state.meaning = flow.bytesMeaning;
    const key = subjectKey(state.subject);
    if (key === state.subjectKey) return;
    state.subjectKey = key;
    const booked = state.current;
    if (booked?.hourStartMs !== this.#hourStartMs || !isBetterKnown(earlier, state.subject)) return;
    state.current = this.#newBooking(this.#hourStartMs, state.subject, key);
    for (const name of AMOUNT_NAMES) {
      const amount = booked.amounts[name];
      this.#addTo(booked, name, -amount);
      this.#addTo(state.current, name, amount);
    }
  }

  #add(state: FlowState, name: keyof MutableAmounts, amount: number): void {
    if (amount === 0) return;
    if (amount > 0) {
      this.#addTo(this.#currentBooking(state), name, amount);
      return;
    }
    // A correction comes off what this flow itself has put into a row, the latest first.
    let left = -amount;
    for (const booking of [state.current, state.previous]) {
      if (booking === undefined || left === 0) continue;
      const part = Math.min(left, booking.amounts[name]);
      if (part > 0) this.#addTo(booking, name, -part);
      left -= Math.max(part, 0);
    }
    if (left > 0) this.#addTo(state.current ?? this.#currentBooking(state), name, -left);
  }

  #currentBooking(state: FlowState): Booking {
    const current = state.current;
    const fits = current?.hourStartMs === this.#hourStartMs && current.forKey === state.subjectKey;
    if (fits && (this.#rows.has(current.key) || this.#rows.size < this.#rowsMax)) return current;
    const next = this.#newBooking(this.#hourStartMs, state.subject, state.subjectKey);
    if (fits && next.key === current.key) return current;
    state.previous = current;
    state.current = next;
    return next;
  }

  /** A row to book to: the subject's own while there is room, else one that it is folded into. */
  #newBooking(hourStartMs: number, subject: HistorySubject, key: string): Booking {
    const rowKey = `${hourStartMs} ${key}`;
    if (this.#rows.has(rowKey) || this.#rows.size < this.#rowsMax) {
      return { hourStartMs, subject, forKey: key, key: rowKey, amounts: noAmounts() };
    }
    const keepsProcess = this.#rows.size < 2 * this.#rowsMax;
    const folded = keepsProcess ? withoutPeer(subject) : withoutPeerAndProcess(subject);
    this.#loss.add(hourStartMs, { cause: "flow_merged", count: 1, bytes: 0 });
    return {
      hourStartMs,
      subject: folded,
      forKey: key,
      key: `${hourStartMs} ${subjectKey(folded)}`,
      amounts: noAmounts(),
    };
  }

  #addTo(booking: Booking, name: keyof MutableAmounts, amount: number): void {
    if (amount === 0) return;
    let row = this.#rows.get(booking.key);
    if (row === undefined) {
      row = { hourStartMs: booking.hourStartMs, subject: booking.subject, amounts: noAmounts() };
      this.#rows.set(booking.key, row);
    }
    row.amounts[name] += amount;
    booking.amounts[name] += amount;
  }

  #mark(state: FlowState): void {
    if (!state.marked) {
      if (this.#marked >= this.#flowsMax) {
        this.#marksComplete = false;
        return;
      }
      state.marked = true;
      this.#marked += 1;
    }
    this.#forgotten.delete(state.id);
    this.#changed.add(state);
  }

  #unmark(state: FlowState): void {
    if (!state.marked) return;
    state.marked = false;
    this.#marked -= 1;
    this.#changed.delete(state);
    this.#forgotten.add(state.id);
  }

  #noticeAbsent(): void {
    for (const [id, state] of this.#flows) {
      if (state.generation === this.#generation) continue;
      this.#flows.delete(id);
      this.#absent.set(id, state);
      state.absentSinceMs = this.#nowMs;
    }
  }

  #forgetAbsent(): void {
    for (const [id, state] of this.#absent) {
      const aged = this.#nowMs - (state.absentSinceMs ?? 0) > ABSENT_MAX_MS;
      if (!aged && this.#absent.size <= this.#flowsMax) break;
      this.#absent.delete(id);
      // It may still live and be seen by the next recorder, which must not take it for a new one.
      if (state.marked && (!state.closed || !aged)) this.#marksComplete = false;
      this.#unmark(state);
    }
    if (this.#unclaimed.size === 0 || this.#nowMs - (this.#firstSeenAtMs ?? this.#nowMs) <= ABSENT_MAX_MS)
      return;
    for (const id of this.#unclaimed.keys()) this.#forgotten.add(id);
    this.#unclaimed = new Map();
  }
}
