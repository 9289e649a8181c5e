/**
 * `--jsonl`: a stream, one object per line, each with a `type`: `start` once; per interval a `sample` per row and one
 * `totals`; `closed` once for each connection that went away, with its final counts; `capture` and `loss` where they
 * changed; `end` once, so that a reader can tell a complete stream from one that was cut off.
 */
import type { QueryFunction } from "../../model/contracts.ts";
import type { QueryResult, SnapshotQuery } from "../../model/query.ts";
import type { Flow, Snapshot } from "../../model/snapshot.ts";
import { VERSION } from "../../model/version.ts";
import type { Output } from "../output.ts";
import { CONNECTION_FIELDS } from "./connection-fields.ts";
import {
  captureObject,
  fieldContext,
  JSON_VERSION,
  lossObject,
  queryObject,
  reconciliationObject,
  timingsObject,
  totalsObject,
} from "./document.ts";
import { jsonText, rowWriter } from "./json-text.ts";
import { resultTexts } from "./result-rows.ts";

export interface StreamFrame {
  readonly host: string;
  readonly query: SnapshotQuery;
  /** The interval that was asked for. */
  readonly intervalMs: number;
}

export type StreamEnd = "duration" | "once" | "signal";

function line(type: string, members: Record<string, unknown>): string {
  return `${jsonText({ type, ...members })}\n`;
}

/** The beginning of lines whose other members are those of a row, which is text already. */
function rowStart(type: string, members: Record<string, unknown>): string {
  return `${jsonText({ type, ...members }).slice(0, -1)},`;
}

/** Closed rows are told apart from live ones; a limit is for the live ones. */
function liveRows(result: QueryResult, limit: number | undefined): QueryResult {
  if (result.by !== "connection") return result;
  const live = result.rows.filter((flow) => !flow.closed);
  return { by: "connection", rows: live.slice(0, limit), matched: live.length };
}

/** Turns snapshots into the lines of one stream. Remembers only what is still in the snapshots. */
export class SampleStream {
  readonly #output: Output;
  readonly #ask: QueryFunction;
  readonly #frame: StreamFrame;
  /** Ids of closed connections that were told: as long as the flow table keeps them. */
  #told = new Set<string>();
  /** Closed ones whose counts may still become better known: they wait for one more sample. */
  #waiting = new Map<string, Flow>();
  #capture = "";
  #loss = new Map<string, number>();
  #samples = 0;

  constructor(output: Output, ask: QueryFunction, frame: StreamFrame) {
    this.#output = output;
    this.#ask = ask;
    this.#frame = frame;
  }

  async #start(snapshot: Snapshot): Promise<void> {
    this.#capture = jsonText(captureObject(snapshot.capture));
    await this.#output.write(
      line("start", {
        version: JSON_VERSION,
        wbVersion: VERSION,
        host: this.#frame.host,
        capture: captureObject(snapshot.capture),
        startedAtMs: Math.round(snapshot.startedAtMs),
        intervalMs: this.#frame.intervalMs,
        query: queryObject(this.#frame.query),
      }),
    );
  }

  async #changes(snapshot: Snapshot): Promise<void> {
    const sampledAtMs = Math.round(snapshot.sampledAtMs);
    const capture = jsonText(captureObject(snapshot.capture));
    if (capture !== this.#capture) {
      this.#capture = capture;
      await this.#output.write(line("capture", { sampledAtMs, capture: captureObject(snapshot.capture) }));
    }
    for (const loss of snapshot.loss) {
      if (this.#loss.get(loss.cause) === loss.count) continue;
      this.#loss.set(loss.cause, loss.count);
      await this.#output.write(line("loss", { sampledAtMs, ...lossObject(loss) }));
    }
  }

  #takeClosed(flows: readonly Flow[], all: boolean): Flow[] {
    const present = new Set(flows.filter((flow) => flow.closed).map((flow) => flow.id));
    // The flow table lets go of closed flows after a while; after a long pause one may be gone that waits here.
    const ready = [...this.#waiting.values()].filter((flow) => !present.has(flow.id));
    const waiting = new Map<string, Flow>();
    for (const flow of flows) {
      if (!flow.closed || this.#told.has(flow.id)) continue;
      const final = flow.uncertaintyBytes === 0 || flow.bytesMeaning === "none" || this.#waiting.has(flow.id);
      if (final || all) ready.push(flow);
      else waiting.set(flow.id, flow);
    }
    this.#waiting = waiting;
    const told = [...this.#told, ...ready.map((flow) => flow.id)];
    this.#told = new Set(told.filter((id) => present.has(id)));
    return ready;
  }

  async #tellClosed(snapshot: Snapshot, all: boolean): Promise<void> {
    const { filter } = this.#frame.query;
    const found = this.#ask(snapshot, { by: "connection", filter, sort: undefined, limit: undefined });
    if (found.by !== "connection") return;
    const write = rowWriter(CONNECTION_FIELDS, fieldContext(snapshot));
    const start = rowStart("closed", { sampledAtMs: Math.round(snapshot.sampledAtMs) });
    for (const flow of this.#takeClosed(found.rows, all)) {
      await this.#output.write(`${start}${write(flow).slice(1)}\n`);
    }
  }

  /** Writes all that one snapshot tells. */
  async sample(snapshot: Snapshot): Promise<void> {
    if (this.#samples === 0) await this.#start(snapshot);
    this.#samples += 1;
    const sampledAtMs = Math.round(snapshot.sampledAtMs);
    const { query } = this.#frame;
    const context = fieldContext(snapshot);
    await this.#changes(snapshot);
    // A limit would count closed connections too, which are not samples: those are taken out first.
    const limit = query.by === "connection" ? undefined : query.limit;
    const result = liveRows(this.#ask(snapshot, { ...query, limit }), query.limit);
    const start = rowStart("sample", { sampledAtMs });
    for (const row of resultTexts(result, context)) {
      await this.#output.write(`${start}${row.slice(1)}\n`);
    }
    await this.#tellClosed(snapshot, false);
    await this.#output.write(
      line("totals", {
        sampledAtMs,
        sequence: snapshot.sequence,
        intervalMs: snapshot.intervalMs === undefined ? null : Math.round(snapshot.intervalMs),
        matched: result.matched,
        totals: totalsObject(snapshot.totals, context),
        reconciliation: reconciliationObject(snapshot),
        timings: timingsObject(snapshot),
      }),
    );
  }

  /** Tells the closed connections that were still waiting, and that the stream is complete. */
  async end(last: Snapshot, reason: StreamEnd): Promise<void> {
    await this.#tellClosed(last, true);
    await this.#output.write(
      line("end", { sampledAtMs: Math.round(last.sampledAtMs), samples: this.#samples, reason }),
    );
  }
}
