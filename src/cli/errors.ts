/** How an error reaches a person: one line that says what is wrong, one that says what to do, and the exit code. */
import { CommanderError } from "commander";
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { VERSION } from "../model/version.ts";
import { ClosedOutputError, sayLines } from "./output.ts";

/** What to print on standard error (each line already safe for a terminal) and the exit code to end with. */
export interface ErrorReport {
  readonly lines: readonly string[];
  readonly exitCode: number;
}

/** Commander's own error as one of ours: its message without the prefix, its suggestion as the hint. */
export function fromCommander(error: CommanderError, commandName: string): WbError {
  const lines = error.message.split("\n").filter((line) => line.trim() !== "");
  const suggestion = lines.find((line) => line.startsWith("(Did you mean"));
  const message = lines
    .filter((line) => line !== suggestion)
    .join(" ")
    .replace(/^error: /, "");
  const help = `\`${commandName} --help\` lists what it takes`;
  const hint = suggestion === undefined ? help : suggestion.slice(1, -1).replace(/^Did/, "did");
  return new WbError("usage", message.replace(/\.$/, ""), { hint, cause: error });
}

function causes(error: unknown): string[] {
  const stacks: string[] = [];
  for (let each = error; each instanceof Error && stacks.length < 5; each = each.cause) {
    stacks.push(each.stack ?? `${each.name}: ${each.message}`);
  }
  return stacks;
}

/** A closed standard output is no error; a WbError is told with its hint; all else is a defect of ours. */
export function reportOf(error: unknown, debug: boolean): ErrorReport {
  if (error instanceof ClosedOutputError) return { lines: [], exitCode: 0 };
  const stacks = debug ? causes(error).flatMap((stack) => stack.split("\n")) : [];
  if (error instanceof WbError && error.code !== "internal") {
    const hint = error.hint === undefined ? [] : [`hint: ${printable(error.hint)}`];
    return {
      lines: [`wb: ${printable(error.message)}`, ...hint, ...stacks.map(printable)],
      exitCode: error.exitCode,
    };
  }
  const message = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  const hint = debug
    ? `hint: please report it with the lines below and with the answer of \`wb doctor\` (wb ${VERSION})`
    : `hint: please report it with what you ran; WB_DEBUG=1 shows where it happened (wb ${VERSION})`;
  return {
    lines: [`wb: a defect of wb itself: ${printable(message)}`, hint, ...stacks.map(printable)],
    exitCode: 1,
  };
}

/** Tells the error on standard error and returns the exit code. */
export function reportError(error: unknown): number {
  const debug = (process.env["WB_DEBUG"] ?? "") !== "" && process.env["WB_DEBUG"] !== "0";
  const report = reportOf(error, debug);
  sayLines(report.lines);
  return report.exitCode;
}
