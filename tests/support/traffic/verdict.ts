/**
 * The contract of a row, and what a table says of many: a told count is off by no more than the row's uncertainty, an
 * uncertainty of 0 is exact, and none at all is a lower bound.
 */
import type { Counted } from "./sockets.ts";

export interface ToldRow {
  readonly local: string;
  readonly remote: string;
  readonly sent: number | undefined;
  readonly received: number | undefined;
  readonly uncertaintyBytes: number | undefined;
}

/** What breaks the contract, in words; undefined where nothing does. */
export function breach(row: ToldRow, truth: Counted): string | undefined {
  const { sent, received, uncertaintyBytes } = row;
  const told = `${truth.local} ${truth.remote}: told ${sent}/${received} ±${uncertaintyBytes}, truth ${truth.sent}/${truth.received}`;
  if (sent === undefined || received === undefined) return `${told}: not counted`;
  if (uncertaintyBytes === undefined) {
    return sent <= truth.sent && received <= truth.received ? undefined : `${told}: more than the truth`;
  }
  const off = Math.abs(sent - truth.sent) + Math.abs(received - truth.received);
  return off <= uncertaintyBytes ? undefined : `${told}: off by ${off}`;
}

/** What is known of one scenario at one end, over all its rows. */
export class Verdict {
  rows = 0;
  exact = 0;
  doubtful = 0;
  largest = 0;
  rightGuesses = 0;
  lowerBounds = 0;
  /** Connections without a row: counted as loss. */
  unseen = 0;
  readonly breaches: string[] = [];

  add(row: ToldRow | undefined, truth: Counted): void {
    this.rows += 1;
    if (row === undefined) {
      this.unseen += 1;
      return;
    }
    const broken = breach(row, truth);
    if (broken !== undefined) this.breaches.push(broken);
    if (row.uncertaintyBytes === undefined) this.lowerBounds += 1;
    else if (row.uncertaintyBytes === 0) this.exact += 1;
    else {
      this.doubtful += 1;
      this.largest = Math.max(this.largest, row.uncertaintyBytes);
      if (row.sent === truth.sent && row.received === truth.received) this.rightGuesses += 1;
    }
  }

  toString(): string {
    if (this.rows === 0) return "";
    const parts: string[] = [];
    if (this.breaches.length > 0) parts.push(`WRONG ${this.breaches.length}`);
    if (this.exact === this.rows) parts.push("exact");
    if (this.doubtful > 0) {
      const wrong = this.doubtful - this.rightGuesses;
      const guesses = wrong === 0 ? "" : `, ${wrong} guessed wrong`;
      parts.push(`±${this.largest} (${this.doubtful} of ${this.rows}${guesses})`);
    }
    if (this.lowerBounds > 0) parts.push(`lower bound (${this.lowerBounds} of ${this.rows})`);
    if (this.unseen > 0) parts.push(`no row, counted as loss (${this.unseen} of ${this.rows})`);
    return parts.join(", ");
  }
}

/** One line per scenario, one column per place of watching. */
export class VerdictTable {
  readonly #verdicts = new Map<string, Map<string, Verdict>>();
  readonly #columns = new Set<string>();

  at(scenario: string, column: string): Verdict {
    this.#columns.add(column);
    const line = this.#verdicts.get(scenario) ?? new Map<string, Verdict>();
    this.#verdicts.set(scenario, line);
    const verdict = line.get(column) ?? new Verdict();
    line.set(column, verdict);
    return verdict;
  }

  breaches(): string[] {
    return [...this.#verdicts].flatMap(([scenario, line]) =>
      [...line].flatMap(([column, verdict]) =>
        verdict.breaches.map((text) => `${scenario}, ${column}: ${text}`),
      ),
    );
  }

  toMarkdown(): string {
    const columns = [...this.#columns];
    const lines = [...this.#verdicts].map(
      ([scenario, line]) =>
        `| ${scenario} | ${columns.map((column) => String(line.get(column) ?? "")).join(" | ")} |`,
    );
    return [`| scenario | ${columns.join(" | ")} |`, `|${"---|".repeat(columns.length + 1)}`, ...lines].join(
      "\n",
    );
  }
}
