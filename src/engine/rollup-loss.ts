/** Turns the loss since the start, as snapshots tell it, into loss per hour since the last commit. Pure, bounded by hours × causes. */
import type { LossIncrement } from "../model/history.ts";
import type { Loss } from "../model/loss.ts";

interface Sum {
  readonly hourStartMs: number;
  readonly cause: Loss["cause"];
  count: number;
  bytes: number | undefined;
}

export class LossRollup {
  readonly #seen = new Map<Loss["cause"], Loss>();
  readonly #sums = new Map<string, Sum>();
  #countsFirst: boolean;

  /** @param countsFirst whether the loss told by the first snapshot is new, or only where counting begins */
  constructor(countsFirst: boolean) {
    this.#countsFirst = countsFirst;
  }

  /** @param loss cumulative, one entry per cause */
  observe(hourStartMs: number, loss: readonly Loss[]): void {
    for (const now of loss) {
      const before = this.#seen.get(now.cause);
      this.#seen.set(now.cause, now);
      const count = now.count - (before?.count ?? 0);
      if (count <= 0 || !this.#countsFirst) continue;
      const bytesBefore = before === undefined ? 0 : before.bytes;
      const known = now.bytes !== undefined && bytesBefore !== undefined;
      this.add(hourStartMs, { cause: now.cause, count, bytes: known ? now.bytes - bytesBefore : undefined });
    }
    this.#countsFirst = true;
  }

  add(hourStartMs: number, loss: Loss): void {
    const key = `${hourStartMs} ${loss.cause}`;
    const sum = this.#sums.get(key);
    if (sum === undefined) {
      this.#sums.set(key, { hourStartMs, ...loss });
      return;
    }
    sum.count += loss.count;
    sum.bytes = sum.bytes === undefined || loss.bytes === undefined ? undefined : sum.bytes + loss.bytes;
  }

  pending(): readonly LossIncrement[] {
    return Array.from(this.#sums.values(), (sum) => ({ ...sum }));
  }

  committed(): void {
    this.#sums.clear();
  }
}
