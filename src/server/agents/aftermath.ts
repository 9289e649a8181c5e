/**
 * What follows once a batch is stored: the live stream is told, programs that nobody has classified are handed on, and an agent
 * whose running processes do not agree with ours is asked for all of them. None of it delays or fails the answer.
 */
import { LRUCache } from "lru-cache";
import { z } from "zod";
import type { ClassificationRequest } from "../../protocol/fleet/classification.ts";
import { isLoss, type BatchHeader, type BatchItem } from "../../protocol/fleet/envelope.ts";
import { Fingerprint } from "../../protocol/fleet/payloads.ts";
import type { IngestOutcome } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";

type Stored = Extract<IngestOutcome, { kind: "stored" }>;

const SNAPSHOT_LIFETIME_MS = 600_000;
const AGENTS_MAX = 50_000;
/** A conflict is written down once per agent in this time. */
const CONFLICT_PAUSE_MS = 60_000;
/** Fingerprints that were handed on lately, and for how long that is remembered. */
const HANDED_ON_MAX = 50_000;
const HANDED_ON_MS = 3_600_000;
/** Connections of one live event. */
const CONNECTIONS_PER_EVENT = 200;

/** What of a payload says which program it was. */
const Told = z.object({ fingerprintHash: z.string(), fingerprint: Fingerprint });
const Started = z.object({ eventData: Told });
const Snapshot = z.object({ processes: z.array(Told) });

export class Aftermath {
  readonly #context: ServerContext;
  readonly #conflicts = new LRUCache<string, true>({ max: AGENTS_MAX, ttl: CONFLICT_PAUSE_MS });
  readonly #handedOn = new LRUCache<string, true>({ max: HANDED_ON_MAX, ttl: HANDED_ON_MS });
  readonly #running = new Set<Promise<void>>();

  constructor(context: ServerContext) {
    this.#context = context;
  }

  stored(header: BatchHeader, outcome: Stored): void {
    try {
      this.#publish(header, outcome);
      this.#handOnFingerprints(outcome);
    } catch (error) {
      // It is stored: whatever goes wrong here must not make the agent send it again.
      this.#context.log.error("a stored batch could not be told of", { error });
    }
    // The store says so once, and again after a while: an agent is not asked for each batch.
    if (outcome.needsSnapshot) {
      this.#inBackground("an agent could not be asked for a snapshot", () =>
        this.#askForSnapshot(header.agentId),
      );
    }
  }

  /** The same place with another content: told to the people who watch over this, at most once a minute per agent. */
  conflict(header: BatchHeader, atSeq: number, address: string): void {
    const { agentId, stream, epoch } = header;
    this.#context.metrics.add("wb_ingest_conflicts_total", { stream });
    if (this.#conflicts.has(agentId)) return;
    this.#conflicts.set(agentId, true);
    this.#context.bus.publish({ type: "agent", agentId, change: "conflict" });
    this.#inBackground("a conflict could not be written to the audit log", () =>
      this.#context.store.people.audit({
        actor: { name: `agent:${agentId}`, address },
        action: "agent.conflict",
        subject: agentId,
        details: { stream, epoch, atSeq },
        atMs: this.#context.clock.now(),
      }),
    );
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running);
  }

  #publish(header: BatchHeader, outcome: Stored): void {
    const { bus } = this.#context;
    const { agentId, stream, epoch } = header;
    for (const process of outcome.processes) {
      const type = process.stoppedAtMs === null ? "process_started" : "process_stopped";
      bus.publish({ type, agentId, process });
    }
    for (let at = 0; at < outcome.connections.length; at += CONNECTIONS_PER_EVENT) {
      const connections = outcome.connections.slice(at, at + CONNECTIONS_PER_EVENT);
      bus.publish({ type: "connections", agentId, connections });
    }
    for (const item of outcome.fresh) {
      if (!isLoss(item)) continue;
      const { firstSeq, lastSeq, bytes, reason, declaredAtMs } = item;
      const loss = { agentId, stream, epoch, firstSeq, lastSeq, bytes, reason, declaredAtMs };
      bus.publish({ type: "loss", agentId, loss });
    }
  }

  /** Only where a process came without a classification that was stored; each program once an hour. */
  #handOnFingerprints(outcome: Stored): void {
    const wanted = new Set<string>();
    for (const { categorySource, fingerprintHash } of outcome.processes) {
      if (categorySource === null && !this.#handedOn.has(fingerprintHash)) wanted.add(fingerprintHash);
    }
    if (wanted.size === 0) return;
    const found: ClassificationRequest[] = [];
    for (const told of outcome.fresh.flatMap(programsIn)) {
      if (!wanted.delete(told.fingerprintHash)) continue;
      this.#handedOn.set(told.fingerprintHash, true);
      const { commandLinePattern: _, ...fingerprint } = told.fingerprint;
      found.push({ fingerprintHash: told.fingerprintHash, ...fingerprint });
    }
    if (found.length > 0) this.#context.classifications.seen(found);
  }

  async #askForSnapshot(agentId: string): Promise<void> {
    const options = { lifetimeMs: SNAPSHOT_LIFETIME_MS, coalesceKey: "snapshot" };
    await this.#context.commands.send(agentId, "snapshot", {}, options);
    this.#context.metrics.add("wb_snapshots_asked_total", {});
  }

  #inBackground(failure: string, work: () => Promise<void>): void {
    const running = work().catch((error: unknown) => this.#context.log.warn(failure, { error }));
    this.#running.add(running);
    void running.finally(() => this.#running.delete(running));
  }
}

/** The store has checked each payload by its type; what is another type tells of no program. */
function programsIn(item: BatchItem): z.infer<typeof Told>[] {
  if (isLoss(item) || !item.type.startsWith("process_")) return [];
  const payload = JSON.parse(item.payload) as unknown;
  const started = Started.safeParse(payload);
  if (started.success) return [started.data.eventData];
  const snapshot = Snapshot.safeParse(payload);
  return snapshot.success ? snapshot.data.processes : [];
}
