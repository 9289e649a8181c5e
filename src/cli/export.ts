/** `wb export`: what can be exported, its options and its help. The work is in export-run.ts, loaded when it is asked for. */
import { Command, Option } from "commander";
import { document } from "./documentation.ts";
import { EXPORT_FORMATS, type ExportFlags } from "./export-formats.ts";
import { addRangeOptions } from "./history.ts";

const FORMATS = `csv is RFC 4180 with a header line and CRLF. It is made for spreadsheets: text that one would run as a formula (beginning with = + - @) gets an apostrophe before it, and control characters become U+FFFD. json is one document, jsonl a header line and then one line per row; both have every text as it was recorded. docs/history.md describes the fields.`;

function historyExport(): Command {
  const command = new Command("history")
    .summary("Write the recorded history: one row per hour, process and peer")
    .description(
      "Write the recorded history, one row per hour (or day, where only days are kept), process, remote address, host, port and protocol. Streams: the size of the history does not matter.",
    );
  const format = new Option("--format <format>", "what to write").default("csv");
  format.argChoices = [...EXPORT_FORMATS];
  command.addOption(format);
  addRangeOptions(command, "everything");
  command
    .option(
      "--output <file>",
      "write to a file, which appears when it is complete (default: standard output)",
    )
    .allowExcessArguments(false)
    .action(async (flags: ExportFlags) => {
      const { runHistoryExport } = await import("./export-run.ts");
      await runHistoryExport(flags);
    });
  return document(command, {
    sections: [{ heading: "Formats", text: FORMATS }],
    examples: [
      {
        command: "wb export history --format csv --output history.csv",
        purpose: "everything, for a spreadsheet",
      },
      {
        command: "wb export history --format jsonl --since 7d | jq 'select(.bytesReceived > 1e9)'",
        purpose: "what received more than a gigabyte in an hour?",
      },
    ],
  });
}

/** A fresh command: commander keeps what it parsed. */
export function exportCommand(): Command {
  const command = new Command("export")
    .summary("Write recorded data as CSV or JSON")
    .description("Write recorded data as CSV or JSON.")
    .addCommand(historyExport());
  return document(command, {
    examples: [
      { command: "wb export history --since 30d > history.csv", purpose: "a month of history as CSV" },
    ],
  });
}
