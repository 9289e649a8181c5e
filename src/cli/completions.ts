/** `wb completions bash|zsh|fish`: prints the completions of a shell, made from the commands themselves. */
import { Argument, Command } from "commander";
import { WbError } from "../model/errors.ts";
import type { CommandEntry } from "./command-entry.ts";
import { document } from "./documentation.ts";
import { standardOutput } from "./output.ts";
import type { CommandReference } from "./reference/reference.ts";
import { didYouMean } from "../lib/suggest.ts";

type Shell = "bash" | "zsh" | "fish";

const PRINTERS: Readonly<Record<Shell, (references: readonly CommandReference[]) => Promise<string>>> = {
  bash: async (references) => (await import("./reference/bash.ts")).bashCompletions(references),
  zsh: async (references) => (await import("./reference/zsh.ts")).zshCompletions(references),
  fish: async (references) => (await import("./reference/fish.ts")).fishCompletions(references),
};

const SHELLS: readonly Shell[] = ["bash", "zsh", "fish"];

/** The completions of one shell as its own script. */
export async function completionsFor(shell: Shell, entries: readonly CommandEntry[]): Promise<string> {
  const { commandReferences } = await import("./reference/reference.ts");
  return PRINTERS[shell](await commandReferences(entries));
}

function checkedShell(text: string): Shell {
  const shell = SHELLS.find((each) => each === text);
  if (shell !== undefined) return shell;
  throw new WbError("usage", `there are no completions for "${text}"`, {
    hint: didYouMean(text, SHELLS) ?? `there are ${SHELLS.join(", ")}`,
  });
}

export function completionsCommand(entries: readonly CommandEntry[]): Command {
  const shell = new Argument("<shell>", "the shell to print them for");
  shell.argChoices = [...SHELLS];
  const command = new Command("completions")
    .description("Print the completions of a shell on standard output. Nothing is installed by itself.")
    .addArgument(shell)
    .action(async (text: string) => {
      await standardOutput.write(await completionsFor(checkedShell(text), entries));
    });
  return document(command, {
    examples: [
      {
        command: "source <(wb completions bash)",
        purpose: "in this bash; put the line into ~/.bashrc for all",
      },
      { command: "wb completions zsh > ~/.zfunc/_wb", purpose: "for zsh, in a directory that is on $fpath" },
      { command: "wb completions fish > ~/.config/fish/completions/wb.fish", purpose: "for fish, for good" },
    ],
  });
}
