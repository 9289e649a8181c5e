/** Runs one commander command: its help in our form, its errors as ours, its output through our standard output. */
import { type Argument, Command, CommanderError } from "commander";
import { printable } from "../lib/format.ts";
import { didYouMean } from "../lib/suggest.ts";
import { WbError } from "../model/errors.ts";
import { helpTail } from "./documentation.ts";
import { fromCommander } from "./errors.ts";
import { standardOutput } from "./output.ts";

const HELP_WIDTH_MAX = 100;

function helpWidth(): number {
  return Math.min(HELP_WIDTH_MAX, process.stdout.columns || 80);
}

function colours(): boolean {
  return process.stdout.isTTY && (process.env["NO_COLOR"] ?? "") === "" && process.env["TERM"] !== "dumb";
}

function title(text: string): string {
  return `\u001b[1m${text}\u001b[22m`;
}

/** `wb` with this one command in it: what gives usage lines and error messages the full name. */
export function programWith(command: Command): Command {
  const program = new Command("wb").exitOverride().helpCommand(false);
  program.addCommand(command);
  return program;
}

/** Gives a command and all below it our help, and errors that are thrown instead of printed. */
function prepare(command: Command, write: (text: string) => void): void {
  command
    .exitOverride()
    .showHelpAfterError(false)
    .helpCommand(false)
    .helpOption("-h, --help", "show this help")
    .configureOutput({
      writeOut: write,
      writeErr: write,
      outputError: () => {
        // Commander throws the same message (exitOverride); errors.ts tells it.
      },
      getOutHelpWidth: helpWidth,
      getOutHasColors: colours,
    })
    .configureHelp({
      styleTitle: title,
      optionDescription: ({ description, argChoices }) =>
        argChoices === undefined ? description : `${description}: ${argChoices.join(", ")}`,
      // Every command has options: to say so of each leaves no room for what it does.
      subcommandTerm: (each) => [each.name(), ...each.registeredArguments.map(argumentTerm)].join(" "),
      argumentDescription: ({ description, argChoices }) =>
        argChoices === undefined ? description : `${description}: ${argChoices.join(", ")}`,
    })
    .addHelpText("after", () => helpTail(command, helpWidth(), colours() ? title : (text) => text));
  for (const each of command.commands) prepare(each, write);
}

/** The full name of the command that the words lead to: `wb export history`. */
function nameOf(command: Command, words: readonly string[]): string {
  const next = command.commands.find((each) => each.name() === words[0]);
  const own = command.parent === null ? command.name() : `wb ${command.name()}`;
  return next === undefined ? own : `${own} ${nameOf(next, words.slice(1)).replace(/^wb /, "")}`;
}

function argumentTerm(argument: Argument): string {
  const text = argument.name() + (argument.variadic ? "..." : "");
  return argument.required ? `<${text}>` : `[${text}]`;
}

/** The command that the words lead to, and the words that are left for it. */
function commandOf(command: Command, words: readonly string[]): [Command, readonly string[]] {
  const next = command.commands.find((each) => each.name() === words[0]);
  return next === undefined ? [command, words] : commandOf(next, words.slice(1));
}

/** A command that needs another one below it prints its help as an error; a line that says so is easier to find. */
function missingCommand(command: Command, words: readonly string[]): WbError {
  const names = commandOf(command, words)[0].commands.map((each) => each.name());
  return new WbError("usage", `${nameOf(command, words).replace(/^wb /, "")} needs a command`, {
    hint: `there are: ${names.join(", ")}`,
  });
}

/** A word that a command with others below it does not know was meant for one of these. */
function unknownCommand(command: Command, words: readonly string[]): WbError | undefined {
  const [found, left] = commandOf(command, words);
  const names = found.commands.map((each) => each.name());
  const word = left.find((each) => !each.startsWith("-"));
  if (word === undefined || names.length === 0 || found.registeredArguments.length > 0) return undefined;
  return new WbError("usage", `${nameOf(command, words)} has no command ${JSON.stringify(printable(word))}`, {
    hint: didYouMean(word, names) ?? `there are: ${names.join(", ")}`,
  });
}

/**
 * Parses the words and runs the command's action.
 * @throws WbError("usage") where the words are wrong, and whatever the action throws.
 */
export async function runCommand(command: Command, words: readonly string[]): Promise<void> {
  let help = "";
  const program = programWith(command);
  prepare(command, (text) => (help += text));
  try {
    await program.parseAsync([command.name(), ...words], { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode !== 0) {
      if (error.code === "commander.help") throw missingCommand(command, words);
      const unknown =
        error.code === "commander.excessArguments" || error.code === "commander.unknownCommand"
          ? unknownCommand(command, words)
          : undefined;
      if (unknown !== undefined) throw unknown;
      throw fromCommander(error, nameOf(command, words));
    }
  }
  await standardOutput.write(help);
}
