/** What `wb --help` prints. Made from the table of commands; loads none of them. */
import { type CommandEntry, visibleCommands } from "./command-entry.ts";

/** The first page a person reads: what wb is, its commands, and where to go on. */
export function overview(entries: readonly CommandEntry[]): string {
  const width = Math.max(...visibleCommands(entries).map((command) => command.name.length)) + 2;
  const list = visibleCommands(entries).map((command) => `  ${command.name.padEnd(width)}${command.summary}`);
  return `wb tells which process talks to whom, and how many bytes: exactly, or it says by how much it is not.

Usage: wb <command> [options]

Commands:
${list.join("\n")}

Options:
  -h, --help     show this help; \`wb <command> --help\` shows that of a command
  -V, --version  show the version

Examples:
  # watch every connection of this machine
  wb monitor

  # one table of what each process has sent and received, then exit
  wb monitor --once --by process

  # everything that lived in the next ten seconds, as one JSON document
  wb monitor --duration 10s --json

  # who used the network since yesterday?
  wb history --since 24h --by process

  # many machines on one page: the parent here, then what joins each of them
  wb serve
  wb serve token create

Data goes to standard output, words go to standard error. Nothing here needs root;
\`wb doctor\` says what more it could see with it.
`;
}
