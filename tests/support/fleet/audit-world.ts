/**
 * For tests of the process auditor: an outbox that keeps what it is told, the auditor over the real machine, and the rules that
 * everything it tells must keep: each payload as its schema says, each process started once and stopped once, and each event's
 * base hash that of the set of processes before it.
 */
import { createProcessAuditor, type LocalProcessAuditor } from "../../../src/agent/audit/auditor.ts";
import type { AuditorOptions } from "../../../src/agent/audit/options.ts";
import type {
  ClassificationRequest,
  ClassificationUpdate,
} from "../../../src/protocol/fleet/classification.ts";
import {
  EMPTY_SET_HASH,
  ObservationGap,
  ProcessSnapshot,
  ProcessStarted,
  ProcessStopped,
} from "../../../src/protocol/fleet/payloads.ts";
import { addToSet, formatSetHash, removeFromSet } from "../../../src/protocol/fleet/set-hash.ts";
import type { NewEvent, Outbox } from "../../../src/telemetry/contract.ts";

export interface Told {
  readonly event: NewEvent;
  readonly toldAtMs: number;
  readonly payload: ProcessStarted | ProcessStopped | ProcessSnapshot | ObservationGap;
}

/** Keeps all events; nothing is ever sent. */
export class KeptOutbox implements Outbox {
  readonly told: Told[] = [];
  readonly #producedBefore: number;

  /** `producedBefore`: so many events of processes were told by earlier runs. */
  constructor(producedBefore = 0) {
    this.#producedBefore = producedBefore;
  }

  append(stream: string, event: NewEvent): void {
    if (stream !== "process") throw new Error(`an event of processes in the stream ${stream}`);
    this.told.push({ event, toldAtMs: Date.now(), payload: payloadOf(event) });
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  status(): ReturnType<Outbox["status"]> {
    const account = { acked: 0, pending: this.#producedBefore, lost: 0, unknownTails: 0, pendingBytes: 0 };
    const streams =
      this.#producedBefore === 0
        ? []
        : [{ stream: "process" as const, epoch: "", produced: this.#producedBefore, ...account }];
    return { epochs: [], streams, ringEvents: 0, ringBytes: 0, storageProblem: null, setAside: [] };
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  declareLoss(): never {
    throw new Error("the auditor declares no loss");
  }

  nextBatch(): undefined {
    return undefined;
  }

  waitForPending(): Promise<void> {
    return Promise.resolve();
  }

  acknowledge(): void {
    // Nothing was sent.
  }

  rewindTo(): void {
    // Nothing was sent.
  }

  beginEpoch(): void {
    // There is but one.
  }

  giveUp(): boolean {
    return false; // nothing was sent
  }
}

export function payloadOf({ type, payload }: Pick<NewEvent, "type" | "payload">): Told["payload"] {
  const value: unknown = JSON.parse(payload);
  if (type === "process_started" || type === "process_changed") return ProcessStarted.parse(value);
  if (type === "process_stopped") return ProcessStopped.parse(value);
  if (type === "process_snapshot") return ProcessSnapshot.parse(value);
  if (type === "observation_gap") return ObservationGap.parse(value);
  throw new Error(`an event of the type ${type}`);
}

export interface AuditWorld extends AsyncDisposable {
  readonly auditor: LocalProcessAuditor;
  readonly outbox: KeptOutbox;
  readonly log: readonly string[];
  readonly asked: readonly ClassificationRequest[];
  starts(): ProcessStarted[];
  changes(): ProcessStarted[];
  stops(): ProcessStopped[];
  gaps(): ObservationGap[];
  snapshots(): ProcessSnapshot[];
}

export interface AuditWorldOptions extends Partial<AuditorOptions> {
  readonly directory: string;
  readonly producedBefore?: number;
  readonly answers?: (requests: readonly ClassificationRequest[]) => readonly ClassificationUpdate[];
}

/** Runs until it is disposed of. What is in the directory is gone on with. */
export function startAudit(options: AuditWorldOptions): AuditWorld {
  const { directory, producedBefore, answers = () => [] } = options;
  const outbox = new KeptOutbox(producedBefore);
  const log: string[] = [];
  const asked: ClassificationRequest[] = [];
  const say = (message: string): void => void log.push(message);
  const auditor = createProcessAuditor({
    outbox,
    clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
    log: { info: say, warn: say, error: say },
    registryPath: `${directory}/processes.db`,
    state: stateIn(directory),
    asker: {
      ask: (requests) => {
        asked.push(...requests);
        return Promise.resolve(answers(requests));
      },
    },
    helper: undefined,
    scanMs: { first: 300, min: 200, max: 500 },
    ...options,
  });
  const stop = new AbortController();
  const run = auditor.run(stop.signal);
  const all = <T extends Told["payload"]["eventType"]>(type: T) =>
    outbox.told.map(({ payload }) => payload).filter((each) => each.eventType === type) as Extract<
      Told["payload"],
      { eventType: T }
    >[];
  return {
    auditor,
    outbox,
    log,
    asked,
    starts: () => all("started"),
    changes: () => all("changed"),
    stops: () => all("stopped"),
    gaps: () => all("gap"),
    snapshots: () => all("snapshot"),
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await run;
    },
  };
}

/** Kept for as long as this process lives, by directory: what an agent's state would keep. */
const states = new Map<string, Map<string, string>>();

function stateIn(directory: string): AuditorOptions["state"] {
  const state = states.get(directory) ?? new Map<string, string>();
  states.set(directory, state);
  return { get: (name) => state.get(name), set: (name, value) => void state.set(name, value) };
}

/** What is wrong with what was told, for a person; nothing where all is as it must be. */
export function problemsOf(told: readonly Told["payload"][]): string[] {
  const problems: string[] = [];
  const running = new Set<string>();
  const ended = new Set<string>();
  let set = 0n;
  for (const [index, payload] of told.entries()) {
    if (payload.eventType === "gap") continue;
    const hash = set === 0n ? EMPTY_SET_HASH : formatSetHash(set);
    if (payload.eventType === "snapshot") {
      if (payload.setHash !== hash) problems.push(`${index}: the hash of the snapshot`);
      continue;
    }
    const { eventType, processId, baseHash } = payload;
    const name = `${index}: ${processId} ${eventType}`;
    if (baseHash !== hash) problems.push(`${name} on another set`);
    if (ended.has(processId)) problems.push(`${name} after its end`);
    if (eventType === "started" ? running.has(processId) : !running.has(processId)) problems.push(name);
    if (eventType === "started") {
      running.add(processId);
      set = addToSet(set, processId);
    } else if (eventType === "stopped") {
      running.delete(processId);
      ended.add(processId);
      set = removeFromSet(set, processId);
    }
  }
  return problems;
}
