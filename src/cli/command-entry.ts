/** An entry of the table of commands (commands.ts): apart from it, so that a command can be handed the table that it is in. */
import type { Command } from "commander";

export interface CommandEntry {
  readonly name: string;
  /** One line, without a full stop: what `wb --help` shows. */
  readonly summary: string;
  /** Hidden commands work, but no help and no completion tells of them. */
  readonly hidden?: boolean;
  /** A fresh command, which may tell of the others. */
  load(entries: readonly CommandEntry[]): Promise<Command>;
}

/** The commands that people are told of. */
export function visibleCommands(entries: readonly CommandEntry[]): readonly CommandEntry[] {
  return entries.filter((command) => command.hidden !== true);
}
