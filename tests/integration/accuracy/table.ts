/**
 * The table scenario × method × result: one line per scenario, over its families and connections, and where it is kept
 * in docs/accuracy.md.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Finding } from "./compare.ts";
import { excuse } from "./expectations.ts";
import type { Account } from "./truth.ts";

const PAGE = join(import.meta.dir, "../../../docs/accuracy.md");
const BEGIN = "<!-- scenarios: written by tests/integration/accuracy with UPDATE_DOCS=1 -->";
const END = "<!-- end of scenarios -->";

export class ResultTable {
  readonly #cells = new Map<string, Map<string, string>>();
  readonly #columns: string[] = [];
  readonly #reasons = new Map<string, string>();

  /** What one run found, under the name of its method. */
  add(method: string, account: Account, findings: readonly Finding[]): void {
    this.#columns.push(method);
    const found = Map.groupBy(findings, ({ scenario }) => scenario);
    const names = new Set([...account.milliseconds.keys()].map((name) => name.split(" ")[0] ?? ""));
    for (const name of names) {
      const line = this.#cells.get(name) ?? new Map<string, string>();
      this.#cells.set(name, line);
      line.set(method, cellOf(name, account, found.get(name) ?? []));
    }
    for (const finding of findings) {
      const reason = excuse(method, finding);
      if (reason !== undefined && reason !== "") {
        this.#reasons.set(
          `${method} ${finding.outcome} ${reason}`,
          `${method}: *${finding.outcome}*: ${reason}.`,
        );
      }
    }
  }

  toMarkdown(): string {
    const lines = [...this.#cells].map(
      ([scenario, line]) =>
        `| ${scenario} | ${this.#columns.map((column) => line.get(column) ?? "").join(" | ")} |`,
    );
    const reasons = [...this.#reasons.values()].map((reason) => `- ${reason}`);
    return [
      `| scenario | ${this.#columns.join(" | ")} |`,
      `|${"---|".repeat(this.#columns.length + 1)}`,
      ...lines,
      ...(reasons.length === 0 ? [] : ["", ...reasons]),
    ].join("\n");
  }

  /**
   * Replaces what is between the two marks of the page.
   * @throws Error where the page has no marks
   */
  write(page = PAGE): void {
    const text = readFileSync(page, "utf8");
    const begin = text.indexOf(BEGIN);
    const end = text.indexOf(END);
    if (begin < 0 || end < begin) throw new Error(`${page} needs the lines ${BEGIN} and ${END}`);
    writeFileSync(page, `${text.slice(0, begin + BEGIN.length)}\n${this.toMarkdown()}\n${text.slice(end)}`);
  }
}

/** `exact (12)`, or every outcome with its number; `refused here` where the kernel can't do it. */
function cellOf(scenario: string, account: Account, findings: readonly Finding[]): string {
  const refused = [...account.unsupported].find(([name]) => name.startsWith(`${scenario} `));
  if (findings.length === 0) return refused === undefined ? "nothing to tell" : `refused here: ${refused[1]}`;
  const counts = new Map<string, number>();
  for (const { outcome, text } of findings) {
    const name = outcome === "bounded" ? (/±\d+$/.exec(text)?.[0] ?? outcome) : outcome;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].map(([outcome, count]) => `${outcome} (${count})`).join(", ");
}
