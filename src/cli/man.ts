/** `wb man` (hidden): prints the man page, and with `--as` the other documents that are made from the program itself. */
import { Command, Option } from "commander";
import type { CommandEntry } from "./command-entry.ts";
import { document } from "./documentation.ts";
import { standardOutput } from "./output.ts";
import type { CommandReference } from "./reference/reference.ts";

/** The documents made from the program, and where their checked-in copies are. */
export const DOCUMENTS = {
  man: "docs/wb.1",
  cli: "docs/cli.md",
  json: "docs/json.md",
  schema: "docs/monitor.schema.json",
  config: "docs/config.md",
} as const;

export type DocumentName = keyof typeof DOCUMENTS;

const MAKERS: Readonly<Record<DocumentName, (references: readonly CommandReference[]) => Promise<string>>> = {
  man: async (references) => (await import("./reference/man-page.ts")).manPage(references),
  cli: async (references) => (await import("./reference/markdown.ts")).cliPage(references),
  json: async () => (await import("./reference/json-page.ts")).jsonPage(),
  schema: async () => (await import("./reference/schema.ts")).schemaText(),
  config: async () => (await import("./reference/config-page.ts")).configPage(),
};

/** The text of a document as this program would have it. */
export async function documentText(name: DocumentName, entries: readonly CommandEntry[]): Promise<string> {
  const { commandReferences } = await import("./reference/reference.ts");
  return MAKERS[name](await commandReferences(entries));
}

export function manCommand(entries: readonly CommandEntry[]): Command {
  const names = Object.keys(DOCUMENTS) as DocumentName[];
  const command = new Command("man")
    .description("Print the man page, in man(7) macros: wb man | man -l -")
    .addOption(new Option("--as <document>", "another document").choices(names).default("man"))
    .action(async ({ as }: { as: DocumentName }) => {
      await standardOutput.write(await documentText(as, entries));
    });
  return document(command, {
    examples: [{ command: "wb man | man -l -", purpose: "read it" }],
  });
}
