/**
 * Finds a machine that was copied while its agent ran: both copies are the same instance. Each heartbeat gets a lease, and the
 * next one carries the last that came. An agent sends one heartbeat after the other, so that a lease that it passed over (it
 * showed an older one later) was lost on the way and can never be shown. Where it is shown all the same, two agents are alive.
 */

/** Leases that are remembered; one that is not proves nothing. */
const LEASES_MAX = 16;

interface Lease {
  readonly lease: string;
  readonly isPassedOver: boolean;
}

export class LeaseTrack {
  /** In the order in which they were given. */
  #leases: readonly Lease[] = [];
  #highestCounter = 0;

  /** True where this proves that two are alive. What comes late, with a lower counter, proves nothing. */
  isOfAnother(shown: string | null, counter: number): boolean {
    if (counter <= this.#highestCounter) return false;
    this.#highestCounter = counter;
    const at = this.#leases.findIndex(({ lease }) => lease === shown);
    if (shown !== null && at < 0) return false; // from before the parent started, or long ago
    if (this.#leases[at]?.isPassedOver === true) return true;
    this.#leases = this.#leases.map((given, index) =>
      index > at ? { lease: given.lease, isPassedOver: true } : given,
    );
    return false;
  }

  give(lease: string): void {
    this.#leases = [...this.#leases, { lease, isPassedOver: false }].slice(-LEASES_MAX);
  }

  /** Another instance begins without a lease. */
  clear(): void {
    this.#leases = [];
  }
}
