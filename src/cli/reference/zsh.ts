/** Completions for zsh, with descriptions. As a file they are `_wb` in a directory of $fpath; they can be sourced too. */
import { shellQuoted } from "./bash.ts";
import { flatten, takesFile, type CommandReference, type OptionReference } from "./reference.ts";

/** Text inside the brackets of an `_arguments` specification. */
function described(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("[", "\\[").replaceAll("]", "\\]").replaceAll(":", "\\:");
}

function action(choices: readonly string[], file: boolean): string {
  if (choices.length > 0) return `(${choices.join(" ")})`;
  return file ? "_files" : " ";
}

function optionSpecifications(option: OptionReference): string[] {
  const name = (option.valueName ?? "").replaceAll(/[<>[\]]/g, "");
  const value = option.valueName === undefined ? "" : `:${name}:${action(option.choices, takesFile(option))}`;
  const equals = option.valueName === undefined ? "" : "=";
  const long = shellQuoted(`${option.long}${equals}[${described(option.description)}]${value}`);
  if (option.short === undefined) return [long];
  return [long, shellQuoted(`${option.short}[${described(option.description)}]${value}`)];
}

function functionName(path: readonly string[]): string {
  return ["_wb", ...path].join("_");
}

function describedCommands(commands: readonly CommandReference[]): string {
  return commands
    .map((command) => shellQuoted(`${command.path.at(-1) ?? ""}:${command.summary.replaceAll(":", "\\:")}`))
    .join(" ");
}

function dispatcher(name: string, options: readonly string[], commands: readonly CommandReference[]): string {
  const cases = commands.map(
    (command) => `        ${command.path.at(-1) ?? ""}) ${functionName(command.path)} ;;`,
  );
  return `${name}() {
  local curcontext=$curcontext state line
  typeset -A opt_args
  _arguments -C ${[...options, "'1: :->command'", "'*:: :->rest'"].join(" \\\n    ")}
  case $state in
    command)
      local -a commands=(${describedCommands(commands)})
      _describe -t commands 'command' commands ;;
    rest)
      case $line[1] in
${cases.join("\n")}
      esac ;;
  esac
}
`;
}

function commandFunction(reference: CommandReference): string {
  const options = reference.options.flatMap(optionSpecifications);
  const name = functionName(reference.path);
  if (reference.commands.length > 0) return dispatcher(name, options, reference.commands);
  const words = reference.arguments.map((argument, index) =>
    shellQuoted(`${index + 1}:${argument.name}:${action(argument.choices, false)}`),
  );
  return `${name}() {\n  _arguments \\\n    ${[...options, ...words].join(" \\\n    ")}\n}\n`;
}

export function zshCompletions(references: readonly CommandReference[]): string {
  const functions = flatten(references).map(commandFunction);
  const top = dispatcher(
    "_wb",
    ["'(- *)--help[show help]'", "'(- *)--version[show the version]'"],
    references,
  );
  return `#compdef wb
# zsh completions for wb. Put them on $fpath as _wb, or load them with: source <(wb completions zsh)

${[...functions, top].join("\n")}
if [[ $funcstack[1] == _wb ]]; then
  _wb "$@"
elif (( $+functions[compdef] )); then
  compdef _wb wb
fi
`;
}
