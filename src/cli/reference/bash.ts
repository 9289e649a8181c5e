/** Completions for bash 3.2 and later; needs nothing but bash. */
import { flatten, takesFile, type CommandReference } from "./reference.ts";

/** A word in single quotes, whatever is in it. */
export function shellQuoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

/** Everything that may follow the command: options, commands below it, choices of its argument. */
function candidates(reference: CommandReference): string[] {
  return [
    ...reference.commands.map((command) => command.path.at(-1) ?? ""),
    ...reference.arguments.flatMap((argument) => argument.choices),
    ...reference.options.flatMap((option) => [
      option.long,
      ...(option.short === undefined ? [] : [option.short]),
    ]),
  ];
}

function valueCases(path: string, reference: CommandReference): string[] {
  const cases: string[] = [];
  for (const option of reference.options) {
    if (option.valueName === undefined) continue;
    const names = [option.long, option.short].filter((name) => name !== undefined);
    const pattern = names.map((name) => shellQuoted(`${path} ${name}`)).join(" | ");
    if (option.choices.length > 0) {
      cases.push(
        `    ${pattern}) COMPREPLY=($(compgen -W ${shellQuoted(option.choices.join(" "))} -- "$current")); return ;;`,
      );
    } else if (takesFile(option)) cases.push(`    ${pattern}) _wb_files; return ;;`);
    else cases.push(`    ${pattern}) return ;;`);
  }
  return cases;
}

export function bashCompletions(references: readonly CommandReference[]): string {
  const all = flatten(references);
  const paths = all.map((reference) => shellQuoted(["wb", ...reference.path].join(" ")));
  const values = all.flatMap((reference) => valueCases(["wb", ...reference.path].join(" "), reference));
  const words = all.map(
    (reference) =>
      `    ${shellQuoted(["wb", ...reference.path].join(" "))}) words=${shellQuoted(candidates(reference).join(" "))} ;;`,
  );
  const top = [...references.map((reference) => reference.path[0] ?? ""), "help", "--help", "--version"];
  return `# bash completions for wb. Load them with: source <(wb completions bash)

_wb_files() {
  local IFS=$'\\n'
  COMPREPLY=($(compgen -f -- "$current"))
  compopt -o filenames 2>/dev/null
}

_wb() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} path=wb index words=''
  COMPREPLY=()
  # bash takes the = of --by=process for a word of its own
  if [[ $current == = ]]; then current=''
  elif [[ $previous == = ]]; then previous=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((index = 1; index < COMP_CWORD; index++)); do
    case "$path \${COMP_WORDS[index]}" in
    ${paths.join(" | ")}) path="$path \${COMP_WORDS[index]}" ;;
    esac
  done
  case "$path $previous" in
${values.join("\n")}
  esac
  case "$path" in
    wb) words=${shellQuoted(top.join(" "))} ;;
${words.join("\n")}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}

complete -F _wb wb
`;
}
