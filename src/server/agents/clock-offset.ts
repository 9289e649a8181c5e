/**
 * How far an agent's clock is ahead of ours, from its heartbeats. Each one arrives late by the way it took, so the highest of
 * the last few differences is the nearest to the truth. A clock that was set begins anew.
 */
import { LRUCache } from "lru-cache";
import type { AgentClock } from "../../protocol/fleet/envelope.ts";

const SAMPLES = 8;
/** A wall clock that moved against the monotonic one by more than this between two heartbeats was set. */
const STEP_MS = 1000;

interface Track {
  readonly bootId: string;
  /** Wall minus monotonic time of the agent: changes only when its clock is set, or slowly. */
  readonly wallBaseMs: number;
  readonly samples: readonly number[];
}

export class ClockOffsets {
  readonly #tracks: LRUCache<string, Track>;

  constructor(agentsMax: number) {
    this.#tracks = new LRUCache({ max: agentsMax });
  }

  /** Milliseconds that the agent's wall clock is ahead; negative where it is behind. */
  estimate(agentId: string, clock: AgentClock, receivedAtMs: number): number {
    const wallBaseMs = clock.wallMs - clock.monotonicMs;
    const known = this.#tracks.get(agentId);
    const goesOn =
      known !== undefined &&
      known.bootId === clock.bootId &&
      Math.abs(known.wallBaseMs - wallBaseMs) <= STEP_MS;
    const samples = [clock.wallMs - receivedAtMs, ...(goesOn ? known.samples : [])].slice(0, SAMPLES);
    this.#tracks.set(agentId, { bootId: clock.bootId, wallBaseMs, samples });
    return Math.round(Math.max(...samples));
  }
}
