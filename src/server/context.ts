/**
 * What every part of the parent is handed: no part makes these itself, so that a test can. Routes are registered on one app by
 * functions `register…(app, context)`, one file per subject.
 */
import type { OpenAPIHono } from "@hono/zod-openapi";
import type { ClassificationEntry, LiveEvent, Role } from "../model/fleet.ts";
import type { ClassificationRequest } from "../protocol/fleet/classification.ts";
import type { Signer } from "../protocol/fleet/identity.ts";
import type { Command } from "../protocol/fleet/messages.ts";
import type { AgentRecord, FleetStore } from "../store/fleet/contract.ts";

/** Wall and monotonic time, injected. */
export interface ServerClock {
  now(): number;
  monotonicMs(): number;
}

/** One line per thing that a person should know of; on stderr, or JSON. */
export interface ServerLog {
  info(message: string, fields?: Record<string, unknown>): void;
  warn(message: string, fields?: Record<string, unknown>): void;
  error(message: string, fields?: Record<string, unknown>): void;
}

/** Counters and gauges for /metrics, by name and labels. */
export interface Metrics {
  add(name: string, labels: Readonly<Record<string, string>>, by?: number): void;
  set(name: string, labels: Readonly<Record<string, string>>, value: number): void;
  /** Seconds. */
  observe(name: string, labels: Readonly<Record<string, string>>, seconds: number): void;
}

/** One live event with its id: ids rise, so that a subscriber can go on after the last that it saw. */
export interface PublishedEvent {
  readonly id: number;
  readonly event: LiveEvent;
}

export interface LiveBus {
  publish(event: LiveEvent): void;
  /**
   * Events after `afterId` (undefined: from now on) that the filter lets through, until the signal aborts. What a slow
   * subscriber's bounded queue can't hold becomes one `gap` event.
   */
  subscribe(
    options: { afterId?: number; filter: (event: LiveEvent) => boolean; queueMax?: number },
    signal: AbortSignal,
  ): AsyncIterable<PublishedEvent>;
  readonly subscribers: number;
  /** Of the newest event, also where none was told yet: who has seen all so far can go on after it. */
  readonly lastId: number;
}

/** The parent's word to agents. */
export interface CommandDesk {
  /** Stores and signs it, and wakes the agent's long-poll if one waits. */
  send(
    agentId: string,
    kind: Command["kind"],
    payload: unknown,
    options: { lifetimeMs: number; coalesceKey?: string },
  ): Promise<Command>;
  /** The agent has carried out commands up to here: numbers go on above it. The highest number then. */
  raise(agentId: string, above: number): Promise<number>;
  /** Resolves when there is something above the cursor, or after `waitMs`. */
  wait(agentId: string, cursor: number, waitMs: number, signal: AbortSignal): Promise<Command[]>;
  /** The agent is active no more, as is stored already: who waits for it goes on at once, without a command. */
  release(agentId: string): void;
}

export interface ClassificationDesk {
  /** By a person: stored, told to all agents that have seen it, published. Undefined where it was never seen. */
  override(
    fingerprintHash: string,
    category: ClassificationEntry["category"],
    reason: string | null,
    actor: { name: string; address: string | null },
  ): Promise<ClassificationEntry | undefined>;
  /** Called with fingerprints that came in and have no classification yet: built-in list, then upstream in the background. */
  seen(fingerprints: readonly ClassificationRequest[]): void;
}

/** Who asks. */
export type Caller =
  | { readonly kind: "user"; readonly id: string; readonly name: string; readonly role: Role }
  | { readonly kind: "key"; readonly id: string; readonly name: string; readonly role: Role };

/** What Hono carries per request. */
export interface RequestVariables {
  caller: Caller;
  agent: AgentRecord;
  /** The body as it came, within its limit. */
  rawBody: Uint8Array;
  address: string;
}

export type App = OpenAPIHono<{ Variables: RequestVariables }>;

export interface ServerLimits {
  /** Of a request's body, where a route says nothing else. */
  readonly bodyBytesMax: number;
  /** A body must be complete within this time. */
  readonly bodyMs: number;
  readonly requestsPerAgentPerMinute: number;
  readonly requestsPerCallerPerMinute: number;
  readonly heartbeatIntervalMs: number;
  readonly longPollMs: number;
  /** Bytes of batches that wait to be stored: beyond, agents are told to wait. */
  readonly ingestQueueBytesMax: number;
}

export interface ServerContext {
  readonly store: FleetStore;
  readonly clock: ServerClock;
  readonly log: ServerLog;
  readonly metrics: Metrics;
  readonly bus: LiveBus;
  readonly commands: CommandDesk;
  readonly classifications: ClassificationDesk;
  /** The key that signs commands; its id is the parent's id. */
  readonly identity: Signer;
  readonly name: string;
  /** SHA-256 of the TLS key's SubjectPublicKeyInfo, base64url. */
  readonly pin: string;
  /** `host:port` that agents can reach it at, the best first. */
  readonly addresses: () => readonly string[];
  readonly limits: ServerLimits;
  /** Aborts when the server ends. */
  readonly stopping: AbortSignal;
}
