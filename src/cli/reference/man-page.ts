/** The man page wb(1) in man(7) macros, made from the commands themselves. docs/wb.1 is its checked-in copy. */
import { VERSION } from "../../model/version.ts";
import { COMMON_ENVIRONMENT, COMMON_EXIT_CODES } from "../documentation.ts";
import { flatten, synopsis, type CommandReference, type OptionReference } from "./reference.ts";

/** Beyond ASCII a character is named by its number (groff_char(7)); not all troffs read UTF-8. */
function rune(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase();
  return `\\[u${code.padStart(4, "0")}]`;
}

/** Text that roff prints as it is: backslashes, leading dots and quotes, and hyphens that people may copy. */
export function roffText(text: string): string {
  const escaped = text
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll("'", "\\(aq")
    .replaceAll("`", "\\(ga")
    .replaceAll("~", "\\(ti")
    .replaceAll("^", "\\(ha")
    .replaceAll(/[\u007f-\u{10ffff}]/gu, rune);
  return escaped.startsWith(".") ? `\\&${escaped}` : escaped;
}

/** Prose: what stands in backquotes is bold. */
function prose(text: string): string {
  return text
    .split("\n")
    .filter((paragraph) => paragraph !== "")
    .map((paragraph) =>
      paragraph
        .split("`")
        .map((part, index) => (index % 2 === 1 ? `\\fB${roffText(part)}\\fR` : roffText(part)))
        .join(""),
    )
    .map((paragraph) => (/^[.']/.test(paragraph) ? `\\&${paragraph}` : paragraph))
    .join("\n.PP\n");
}

function optionEntry(option: OptionReference): string {
  const names = [option.short, option.long].filter((name) => name !== undefined);
  const flags = names.map((name) => `\\fB${roffText(name)}\\fR`).join(", ");
  const value =
    option.valueName === undefined ? "" : ` \\fI${roffText(option.valueName.replaceAll(/[<>[\]]/g, ""))}\\fR`;
  const choices = option.choices.length === 0 ? "" : ` (${option.choices.join(", ")})`;
  return `.TP\n${flags}${value}\n${prose(option.description + choices)}`;
}

function commandSection(reference: CommandReference): string {
  const parts = [
    `.SS ${["wb", ...reference.path].join(" ")}`,
    `.B ${roffText(synopsis(reference))}`,
    ".PP",
    prose(reference.description),
  ];
  let group = "";
  for (const option of reference.options) {
    if (option.long === "--help") continue;
    if (option.group !== group && option.group !== "Options:") parts.push(".PP", prose(option.group));
    group = option.group;
    parts.push(optionEntry(option));
  }
  for (const argument of reference.arguments) {
    const choices = argument.choices.length === 0 ? "" : ` (${argument.choices.join(", ")})`;
    parts.push(`.TP\n\\fI${roffText(argument.name)}\\fR\n${prose(argument.description + choices)}`);
  }
  for (const { heading, text } of reference.documentation.sections) {
    parts.push(".PP", `\\fB${roffText(heading)}.\\fR`, prose(text));
  }
  return parts.join("\n");
}

function examples(references: readonly CommandReference[]): string {
  return references
    .flatMap((reference) => reference.documentation.examples)
    .map(({ command, purpose }) => `.TP\n.B ${roffText(command).replaceAll('"', "\\(dq")}\n${prose(purpose)}`)
    .join("\n");
}

function environment(references: readonly CommandReference[]): string {
  const all = new Map(
    references.flatMap((each) => each.documentation.environment).map((each) => [each.name, each.meaning]),
  );
  for (const { name } of COMMON_ENVIRONMENT) all.delete(name);
  for (const { name, meaning } of COMMON_ENVIRONMENT) all.set(name, meaning);
  return [...all].map(([name, meaning]) => `.TP\n.B ${roffText(name)}\n${prose(meaning)}`).join("\n");
}

/** Exit codes that mean something else in one command are told with the command's name. */
function exitCodes(references: readonly CommandReference[]): string {
  const common = COMMON_EXIT_CODES.map(({ code, meaning }) => `.TP\n.B ${code}\n${prose(meaning)}`);
  const known = new Set(COMMON_EXIT_CODES.map(({ code, meaning }) => `${code} ${meaning}`));
  const own = references.flatMap((reference) =>
    reference.documentation.exitCodes
      .filter(({ code, meaning }) => !known.has(`${code} ${meaning}`))
      .map(
        ({ code, meaning }) => `.TP\n.B ${code}\n${prose(`\`wb ${reference.path.join(" ")}\`: ${meaning}`)}`,
      ),
  );
  return [...common, ...own].join("\n");
}

export function manPage(references: readonly CommandReference[]): string {
  const all = flatten(references);
  return `.\\" Made by \`wb man\` from the commands themselves: do not edit.
.TH WB 1 "" "WireBound ${VERSION}" "User Commands"
.SH NAME
wb \\- tell which process talks to whom, and how many bytes
.SH SYNOPSIS
${references.map((reference) => `.B ${roffText(synopsis(reference))}`).join("\n.br\n")}
.SH DESCRIPTION
${prose("`wb` tells what the programs of a machine do on the network: exactly, or it says by how much it is not. Every count carries its source, its meaning and its loss. Nothing needs root; `wb doctor` says what more could be seen with it.")}
.PP
${prose("Data goes to standard output, words go to standard error. Colour and animation are only for terminals.")}
.SH COMMANDS
${all.map(commandSection).join("\n")}
.SH EXIT STATUS
${exitCodes(all)}
.SH ENVIRONMENT
${environment(all)}
.SH FILES
.TP
.I $XDG_CONFIG_HOME/wirebound/config.toml
${prose("settings of the user (~/.config where the variable is not set)")}
.TP
.I /etc/wirebound/config.toml
${prose("settings of the machine, read where the user has none")}
.TP
.I $XDG_STATE_HOME/wirebound/
${prose("the history (~/.local/state where the variable is not set)")}
.TP
.I $XDG_CACHE_HOME/wirebound/
${prose("names of addresses (~/.cache where the variable is not set)")}
.SH EXAMPLES
${examples(all)}
.SH SEE ALSO
.BR ss (8),
.BR proc (5),
.BR sock_diag (7)
`;
}
