/** All that is known of every command, read from the commands themselves: what completions, man page and docs/cli.md are made from. */
import type { Command, Option } from "commander";
import { type CommandEntry, visibleCommands } from "../command-entry.ts";
import { documentationOf, type CommandDocumentation } from "../documentation.ts";

export interface OptionReference {
  /** `-h`; undefined where there is none. */
  readonly short: string | undefined;
  /** `--by` */
  readonly long: string;
  /** `<what>`; undefined for a switch. */
  readonly valueName: string | undefined;
  readonly description: string;
  readonly choices: readonly string[];
  /** Heading that help shows it under. */
  readonly group: string;
}

export interface ArgumentReference {
  readonly name: string;
  readonly required: boolean;
  readonly description: string;
  readonly choices: readonly string[];
}

export interface CommandReference {
  /** `["monitor"]`, `["export", "history"]`. */
  readonly path: readonly string[];
  readonly summary: string;
  readonly description: string;
  readonly options: readonly OptionReference[];
  readonly arguments: readonly ArgumentReference[];
  readonly commands: readonly CommandReference[];
  readonly documentation: Required<CommandDocumentation>;
}

const HELP: OptionReference = {
  short: "-h",
  long: "--help",
  valueName: undefined,
  description: "show this help",
  choices: [],
  group: "Options:",
};

function optionReference(option: Option): OptionReference {
  return {
    short: option.short,
    long: option.long ?? option.flags,
    valueName: /[<[].*[>\]]/.exec(option.flags)?.[0],
    description: option.description,
    choices: option.argChoices ?? [],
    group: option.helpGroupHeading ?? "Options:",
  };
}

function commandReference(command: Command, parents: readonly string[], summary: string): CommandReference {
  const path = [...parents, command.name()];
  return {
    path,
    summary,
    description: command.description(),
    options: [...command.options.filter((option) => !option.hidden).map(optionReference), HELP],
    arguments: command.registeredArguments.map((argument) => ({
      name: argument.name(),
      required: argument.required,
      description: argument.description,
      choices: argument.argChoices ?? [],
    })),
    commands: command.commands.map((each) =>
      commandReference(each, path, each.summary() || each.description()),
    ),
    documentation: documentationOf(command),
  };
}

/** Loads the commands of the table, all but the hidden ones, and reads them. */
export async function commandReferences(
  entries: readonly CommandEntry[],
): Promise<readonly CommandReference[]> {
  const references: CommandReference[] = [];
  for (const entry of visibleCommands(entries)) {
    references.push(commandReference(await entry.load(entries), [], entry.summary));
  }
  return references;
}

/** The commands and all below them, in order. */
export function flatten(references: readonly CommandReference[]): CommandReference[] {
  return references.flatMap((reference) => [reference, ...flatten(reference.commands)]);
}

/** Whether a value is the name of a file, so that a shell can complete it. */
export function takesFile(option: OptionReference): boolean {
  return /file|path/i.test(option.valueName ?? "");
}

/** `wb monitor [options]`, `wb completions [options] <shell>`. */
export function synopsis(reference: CommandReference): string {
  const words = reference.arguments.map(({ name, required }) => (required ? `<${name}>` : `[${name}]`));
  if (reference.commands.length > 0) words.push("<command>");
  return ["wb", ...reference.path, "[options]", ...words].join(" ");
}
