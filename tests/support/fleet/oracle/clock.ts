/** The wall clock of one agent, which may be wrong, and what it said when: so that its times can be compared with the truth. */
import { openSync, writeSync } from "node:fs";

interface Setting {
  /** Of this process's clock. */
  readonly sinceMs: number;
  readonly offsetMs: number;
}

export class WrongClock {
  readonly #path: string;
  readonly #file: number;
  readonly #settings: Setting[] = [{ sinceMs: Date.now(), offsetMs: 0 }];

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, "w");
    this.#write(0);
  }

  get offsetMs(): number {
    return this.#settings.at(-1)?.offsetMs ?? 0;
  }

  /** What a program needs to live by it. */
  environment(library: string): Record<string, string> {
    return { LD_PRELOAD: library, WB_ORACLE_CLOCK: this.#path };
  }

  /** From now on it is wrong by so much. */
  set(offsetMs: number): void {
    this.#write(offsetMs);
    this.#settings.push({ sinceMs: Date.now(), offsetMs });
  }

  #write(offsetMs: number): void {
    // In place: whoever reads it has mapped it.
    writeSync(this.#file, new BigInt64Array([BigInt(offsetMs)]), 0, 8, 0);
  }

  /** The true times at which it may have said so, within `slackMs` of a change of it. */
  truthOf(saidMs: number, slackMs = 1000): number[] {
    return this.#settings.flatMap(({ sinceMs, offsetMs }, index) => {
      const trueMs = saidMs - offsetMs;
      const untilMs = this.#settings[index + 1]?.sinceMs ?? Date.now();
      return trueMs >= sinceMs - slackMs && trueMs <= untilMs + slackMs ? [trueMs] : [];
    });
  }
}
