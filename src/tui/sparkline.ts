/** The last minutes of a rate: a ring of samples, and its drawing in block characters. Pure, of bounded size. */

/** Ten minutes at one sample a second: more than the widest graph shows. */
const SAMPLES_MAX = 600;

/** The latest samples, newest last. Immutable where it is read: `push` returns nothing and `last` copies. */
export class RateHistory {
  readonly #ring = new Float64Array(SAMPLES_MAX);
  #next = 0;
  #count = 0;

  push(bytesPerSecond: number): void {
    this.#ring[this.#next] = Math.max(0, bytesPerSecond);
    this.#next = (this.#next + 1) % SAMPLES_MAX;
    this.#count = Math.min(this.#count + 1, SAMPLES_MAX);
  }

  /** At most `count` samples, the newest last. */
  last(count: number): number[] {
    const length = Math.min(count, this.#count);
    const samples: number[] = [];
    for (let index = length; index > 0; index -= 1) {
      samples.push(this.#ring[(this.#next - index + SAMPLES_MAX) % SAMPLES_MAX] ?? 0);
    }
    return samples;
  }
}

const EIGHTHS = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"] as const;

/**
 * Rows of a graph, the top one first, each `width` cells. The newest sample stands at the right; where there is no
 * sample yet there is a space, and nothing measured is a line at the bottom, so that zero and unknown differ.
 */
export function sparkRows(samples: readonly number[], width: number, height: number): string[] {
  const shown = samples.slice(-width);
  const peak = Math.max(...shown, 0);
  const levels = height * EIGHTHS.length;
  const rows = Array.from({ length: height }, () => " ".repeat(width - shown.length));
  for (const sample of shown) {
    const level = peak === 0 ? 0 : Math.ceil((sample / peak) * levels);
    for (let row = 0; row < height; row += 1) {
      const bottom = (height - 1 - row) * EIGHTHS.length;
      rows[row] += blockOf(level - bottom, bottom === 0);
    }
  }
  return rows;
}

function blockOf(level: number, isLowest: boolean): string {
  if (level <= 0) return isLowest ? "▁" : " ";
  return EIGHTHS[Math.min(level, EIGHTHS.length) - 1] ?? "█";
}
