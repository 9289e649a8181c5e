/** Completions for fish, with descriptions. */
import { flatten, takesFile, type CommandReference, type OptionReference } from "./reference.ts";

/** fish knows two escapes in single quotes. */
function quoted(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}

function optionLine(at: string, option: OptionReference): string {
  const parts = [`complete -c wb -n ${quoted(at)}`, `-l ${option.long.replace(/^--/, "")}`];
  if (option.short !== undefined) parts.push(`-s ${option.short.replace(/^-/, "")}`);
  if (option.choices.length > 0) parts.push(`-x -a ${quoted(option.choices.join(" "))}`);
  else if (option.valueName !== undefined) parts.push(takesFile(option) ? "-r -F" : "-x");
  parts.push(`-d ${quoted(option.description)}`);
  return parts.join(" ");
}

function commandLines(reference: CommandReference): string[] {
  const at = ["__wb_at wb", ...reference.path].join(" ");
  return [
    ...reference.commands.map(
      (command) =>
        `complete -c wb -n ${quoted(at)} -a ${command.path.at(-1) ?? ""} -d ${quoted(command.summary)}`,
    ),
    ...reference.arguments.flatMap((argument) =>
      argument.choices.length === 0
        ? []
        : [
            `complete -c wb -n ${quoted(at)} -a ${quoted(argument.choices.join(" "))} -d ${quoted(argument.description)}`,
          ],
    ),
    ...reference.options.map((option) => optionLine(at, option)),
  ];
}

export function fishCompletions(references: readonly CommandReference[]): string {
  const all = flatten(references);
  const paths = all.map((reference) => quoted(["wb", ...reference.path].join(" ")));
  const top = references.map(
    (reference) =>
      `complete -c wb -n '__wb_at wb' -a ${reference.path[0] ?? ""} -d ${quoted(reference.summary)}`,
  );
  return `# fish completions for wb. Load them with: wb completions fish | source

function __wb_at
    set -l path wb
    set -l words (commandline -opc)
    for word in $words[2..-1]
        switch "$path $word"
            case ${paths.join(" ")}
                set path "$path $word"
        end
    end
    test "$path" = "$argv"
end

complete -c wb -f
${top.join("\n")}
complete -c wb -n '__wb_at wb' -l help -d 'show help'
complete -c wb -n '__wb_at wb' -l version -d 'show the version'
${all.flatMap(commandLines).join("\n")}
`;
}
