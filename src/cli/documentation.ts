/**
 * What a command's help says beside its options: examples, environment, exit codes. Kept with the command, so that
 * `--help` and the man page tell the same. Absent parts get what is true of every command.
 */
import type { Command } from "commander";

export interface Example {
  readonly command: string;
  /** What it answers, without a full stop. */
  readonly purpose: string;
}

export interface CommandDocumentation {
  readonly examples?: readonly Example[];
  /** Further sections of prose: paragraphs are apart by an empty line. */
  readonly sections?: readonly { readonly heading: string; readonly text: string }[];
  readonly environment?: readonly { readonly name: string; readonly meaning: string }[];
  readonly exitCodes?: readonly { readonly code: number; readonly meaning: string }[];
}

export const COMMON_EXIT_CODES: NonNullable<CommandDocumentation["exitCodes"]> = [
  { code: 0, meaning: "done; also when the reader of the output went away" },
  { code: 1, meaning: "failed: the message on standard error says why and what to do" },
  { code: 2, meaning: "wrong flag, argument, filter or configuration" },
  { code: 4, meaning: "a privilege is missing" },
];

export const COMMON_ENVIRONMENT: NonNullable<CommandDocumentation["environment"]> = [
  { name: "NO_COLOR", meaning: "no colours, if set to anything but nothing" },
  { name: "WB_DEBUG", meaning: "show where an error happened, if set to 1" },
];

const documentations = new WeakMap<Command, CommandDocumentation>();

/** Remembers the documentation of a command and returns the command. */
export function document(command: Command, documentation: CommandDocumentation): Command {
  documentations.set(command, documentation);
  return command;
}

/** The documentation of a command, with what every command has. */
export function documentationOf(command: Command): Required<CommandDocumentation> {
  const own = documentations.get(command);
  return {
    examples: own?.examples ?? [],
    sections: own?.sections ?? [],
    environment: [...(own?.environment ?? []), ...COMMON_ENVIRONMENT],
    exitCodes: own?.exitCodes ?? COMMON_EXIT_CODES,
  };
}

function wrap(text: string, width: number, indent: string): string {
  const lines: string[] = [];
  for (const paragraph of text.split("\n")) {
    let line = "";
    for (const word of paragraph.split(" ")) {
      if (line !== "" && line.length + 1 + word.length > width - indent.length) {
        lines.push(indent + line);
        line = word;
      } else line = line === "" ? word : `${line} ${word}`;
    }
    lines.push(line === "" ? "" : indent + line);
  }
  return lines.join("\n");
}

function aligned(pairs: readonly (readonly [string, string])[], width: number): string {
  const column = Math.max(...pairs.map(([term]) => term.length)) + 4;
  return pairs
    .map(
      ([term, meaning]) => `  ${term}`.padEnd(column) + wrap(meaning, width, " ".repeat(column)).trimStart(),
    )
    .join("\n");
}

/** What `--help` prints below the options. `width` in columns. */
export function helpTail(command: Command, width: number, title: (text: string) => string): string {
  const { examples, sections, environment, exitCodes } = documentationOf(command);
  const parts: string[] = [];
  for (const { heading, text } of sections) parts.push(`${title(`${heading}:`)}\n${wrap(text, width, "  ")}`);
  if (examples.length > 0) {
    const lines = examples.map(({ command, purpose }) => `  # ${purpose}\n  ${command}`);
    parts.push(`${title("Examples:")}\n${lines.join("\n\n")}`);
  }
  const variables = environment.map(({ name, meaning }) => [name, meaning] as const);
  parts.push(`${title("Environment:")}\n${aligned(variables, width)}`);
  const codes = exitCodes.map(({ code, meaning }) => [String(code), meaning] as const);
  parts.push(`${title("Exit codes:")}\n${aligned(codes, width)}`);
  return `\n${parts.join("\n\n")}\n`;
}
