/** `wb man` (hidden): prints the man page, and with `--as` the other documents that are made from the program itself. */
import { Command, Option } from "commander";
import { document } from "./documentation.ts";
import { standardOutput } from "./output.ts";

/** The documents made from the program, and where their checked-in copies are. */
export const DOCUMENTS = {
  man: "docs/wb.1",
  cli: "docs/cli.md",
  json: "docs/json.md",
  schema: "docs/monitor.schema.json",
  config: "docs/config.md",
} as const;

export type DocumentName = keyof typeof DOCUMENTS;

/** The text of a document as this program would have it. */
export async function documentText(name: DocumentName): Promise<string> {
  const { commandReferences } = await import("./reference/reference.ts");
  switch (name) {
    case "man":
      return (await import("./reference/man-page.ts")).manPage(await commandReferences());
    case "cli":
      return (await import("./reference/markdown.ts")).cliPage(await commandReferences());
    case "json":
      return (await import("./reference/json-page.ts")).jsonPage();
    case "schema":
      return (await import("./reference/schema.ts")).schemaText();
    case "config":
      return (await import("./reference/config-page.ts")).configPage();
  }
}

export function manCommand(): Command {
  const names = Object.keys(DOCUMENTS) as DocumentName[];
  const command = new Command("man")
    .description("Print the man page, in man(7) macros: wb man | man -l -")
    .addOption(new Option("--as <document>", "another document").choices(names).default("man"))
    .action(async ({ as }: { as: DocumentName }) => {
      await standardOutput.write(await documentText(as));
    });
  return document(command, {
    examples: [{ command: "wb man | man -l -", purpose: "read it" }],
  });
}
