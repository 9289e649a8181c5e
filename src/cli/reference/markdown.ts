/** docs/cli.md: what `--help` tells, as one page, made from the commands themselves. */
import { COMMON_EXIT_CODES } from "../documentation.ts";
import { flatten, synopsis, type CommandReference, type OptionReference } from "./reference.ts";

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("<", "&lt;").replaceAll("*", "\\*");
}

function optionRow(option: OptionReference): string {
  const names = [option.short, option.long].filter((name) => name !== undefined).join(", ");
  const flags = option.valueName === undefined ? names : `${names} ${option.valueName}`;
  const choices =
    option.choices.length === 0 ? "" : `: ${option.choices.map((each) => `\`${each}\``).join(", ")}`;
  return `| \`${flags}\` | ${cell(option.description)}${choices} |`;
}

function commandSection(reference: CommandReference): string {
  const { documentation } = reference;
  const parts = [
    `## wb ${reference.path.join(" ")}`,
    reference.description,
    `\`\`\`\n${synopsis(reference)}\n\`\`\``,
  ];
  const groups = Map.groupBy(reference.options, (option) => option.group);
  for (const [heading, options] of groups) {
    parts.push(`| ${heading.replace(/:$/, "")} | |\n|---|---|\n${options.map(optionRow).join("\n")}`);
  }
  for (const argument of reference.arguments) {
    const choices = argument.choices.map((each) => `\`${each}\``).join(", ");
    parts.push(`\`${argument.name}\`: ${argument.description}${choices === "" ? "" : ` (${choices})`}.`);
  }
  for (const { heading, text } of documentation.sections)
    parts.push(`**${heading}.** ${text.replaceAll("*", "\\*")}`);
  if (documentation.examples.length > 0) {
    const lines = documentation.examples.map(({ command, purpose }) => `# ${purpose}\n${command}`);
    parts.push(`\`\`\`sh\n${lines.join("\n\n")}\n\`\`\``);
  }
  const own = documentation.environment.map(({ name, meaning }) => `| \`${name}\` | ${cell(meaning)} |`);
  parts.push(`| Environment | |\n|---|---|\n${own.join("\n")}`);
  if (documentation.exitCodes !== COMMON_EXIT_CODES) {
    const codes = documentation.exitCodes.map(({ code, meaning }) => `| ${code} | ${cell(meaning)} |`);
    parts.push(`| Exit code | |\n|---|---|\n${codes.join("\n")}`);
  }
  return parts.join("\n\n");
}

export function cliPage(references: readonly CommandReference[]): string {
  const all = flatten(references);
  const list = references.map(
    ({ path, summary }) => `| [\`wb ${path.join(" ")}\`](#wb-${path.join("-")}) | ${cell(summary)} |`,
  );
  const codes = COMMON_EXIT_CODES.map(({ code, meaning }) => `| ${code} | ${cell(meaning)} |`);
  return `# The commands of wb

<!-- Made by \`wb man --as cli\` from the commands themselves: do not edit. -->

Data goes to standard output, words go to standard error. Colour and animation are only for terminals. Settings come from
flags, then \`WB_*\` variables, then the [configuration file](config.md). The documents that \`wb monitor\` prints are
described in [json.md](json.md), the filter language in [filters.md](filters.md).

| Command | |
|---|---|
${list.join("\n")}

| Exit code | |
|---|---|
${codes.join("\n")}

${all.map(commandSection).join("\n\n")}
`;
}
