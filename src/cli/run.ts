/**
 * From the words after `wb` to an exit code: finds the command, loads it and nothing else, and tells whatever goes
 * wrong in one form. Everything written to standard output is written when this returns.
 */
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";
import { type CommandEntry, visibleCommands } from "./command-entry.ts";
import { COMMANDS } from "./commands.ts";
import { overview } from "./overview.ts";
import { didYouMean } from "../lib/suggest.ts";

const HELP_WORDS = new Set(["help", "--help", "-h"]);

function findCommand(name: string): CommandEntry {
  const found = COMMANDS.find((command) => command.name === name);
  if (found !== undefined) return found;
  const kind = name.startsWith("-") ? "option" : "command";
  const names = visibleCommands(COMMANDS).map((command) => command.name);
  throw new WbError("usage", `there is no ${kind} ${JSON.stringify(printable(name))}`, {
    hint: didYouMean(name, names) ?? "`wb --help` lists the commands",
  });
}

async function dispatch(args: readonly string[]): Promise<void> {
  const [first, ...rest] = args;
  if (first === undefined || (HELP_WORDS.has(first) && rest.length === 0)) {
    const { standardOutput } = await import("./output.ts");
    await standardOutput.write(overview(COMMANDS));
    return;
  }
  // `wb help monitor` is `wb monitor --help`.
  const [name = "", ...words] = HELP_WORDS.has(first) ? [...rest, "--help"] : args;
  const entry = findCommand(name);
  const { runCommand } = await import("./run-command.ts");
  await runCommand(await entry.load(COMMANDS), words);
}

async function told(error: unknown): Promise<number> {
  const { reportError } = await import("./errors.ts");
  return reportError(error);
}

async function endWith(error: unknown): Promise<never> {
  const code = await told(error);
  process.exit(code === 0 ? 1 : code);
}

/** Runs one command; `args` are the words after `wb`. Resolves with the exit code and never rejects. */
export async function run(args: readonly string[]): Promise<number> {
  process.on("uncaughtException", (error) => {
    // While the screen is up it listens too, and must hand the terminal back before anything is told.
    if (process.listenerCount("uncaughtException") > 1) return;
    void endWith(error);
  });
  try {
    await dispatch(args);
    const { exitCode } = process;
    return typeof exitCode === "number" ? exitCode : 0;
  } catch (error) {
    return await told(error);
  }
}
