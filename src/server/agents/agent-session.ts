/**
 * What the parent keeps in memory of one agent while it hears of it: its key, the counters that were used, the instance that is
 * believed to be alive, the ones before it, and its rate. It decides about instances: a new one retires the one before; one
 * that was retired is asked for a proof of life. Nothing here reads or writes the store.
 */
import { randomBytes, type KeyObject } from "node:crypto";
import type { TokenBucket } from "../../lib/token-bucket.ts";
import type { AgentRecord } from "../../store/fleet/contract.ts";
import { CounterWindow } from "./counter-window.ts";
import { LeaseTrack } from "./lease-track.ts";

/** As many as the store keeps. */
const RETIRED_MAX = 16;
const CHALLENGE_MS = 60_000;
/** A challenge that lives for longer than this is told again, so that repeated old packets can't push it out. */
const CHALLENGE_REUSE_MS = 30_000;

interface Challenge {
  readonly value: string;
  readonly instance: string;
  readonly endsAtMs: number;
}

export type Standing =
  /** The one that is believed to be alive. */
  | "current"
  /** Never heard of: takes the place of the current one. */
  | "new"
  /** There has been another one after it. */
  | "retired";

export class AgentSession {
  readonly key: KeyObject;
  readonly counters: CounterWindow;
  readonly rate: TokenBucket;
  /** Of the current instance. */
  readonly leases = new LeaseTrack();
  /** While the store learns of a new instance: requests of it wait for that. */
  adopting: Promise<void> | undefined;
  #instance: string;
  #retired: readonly string[];
  #challenges: readonly Challenge[] = [];

  constructor(record: AgentRecord, key: KeyObject, rate: TokenBucket) {
    this.key = key;
    this.counters = new CounterWindow(record.counterFloor);
    this.rate = rate;
    this.#instance = record.instance ?? "";
    this.#retired = record.retiredInstances;
  }

  get instance(): string {
    return this.#instance;
  }

  get retired(): readonly string[] {
    return this.#retired;
  }

  standing(instance: string): Standing {
    if (instance === this.#instance) return "current";
    return this.#retired.includes(instance) ? "retired" : "new";
  }

  /** The returned function undoes it, for a store that could not write it down. */
  adopt(instance: string): () => void {
    const before = { instance: this.#instance, retired: this.#retired };
    if (this.#instance !== "") this.#retired = [this.#instance, ...this.#retired].slice(0, RETIRED_MAX);
    this.#instance = instance;
    this.leases.clear();
    return () => {
      if (this.#instance !== instance) return; // another one has come since
      this.#instance = before.instance;
      this.#retired = before.retired;
    };
  }

  /** Whoever comes next is the current one, and nobody is retired: after a quarantine only the one that lives comes back. */
  forgetInstances(): void {
    this.#instance = "";
    this.#retired = [];
    this.#challenges = [];
    this.leases.clear();
  }

  /** Random, for one retired instance, good once and for a minute. */
  challengeFor(instance: string, monotonicMs: number): string {
    const known = this.#challenges.find((challenge) => challenge.instance === instance);
    if (known !== undefined && known.endsAtMs - monotonicMs >= CHALLENGE_REUSE_MS) return known.value;
    const value = randomBytes(24).toString("base64url");
    const challenge = { value, instance, endsAtMs: monotonicMs + CHALLENGE_MS };
    const others = this.#challenges.filter((other) => other.instance !== instance);
    this.#challenges = [challenge, ...others].slice(0, RETIRED_MAX);
    return value;
  }

  /** Whether this instance, retired, answers what it was asked after its successor had appeared. Uses the challenge up. */
  isAlive(instance: string, answer: string, monotonicMs: number): boolean {
    const found = this.#challenges.find((challenge) => challenge.instance === instance);
    if (found === undefined || found.value !== answer) return false;
    this.#challenges = this.#challenges.filter((challenge) => challenge !== found);
    return found.endsAtMs > monotonicMs;
  }
}
