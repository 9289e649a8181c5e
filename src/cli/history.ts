/** `wb history`: its options and its help. The work is in history-run.ts, loaded when it is asked for. */
import { Command, Option } from "commander";
import { HISTORY_GROUPS } from "../model/history.ts";
import { document } from "./documentation.ts";
import type { HistoryFlags } from "./history-run.ts";

const TIME = `A moment is a time ago (24h, 7d), a word (now, today, yesterday), a day (2026-11-19), a time (14:00, "2026-11-19 14:00"), or any of these with an offset (2026-11-19T14:00:00Z). Without one it is local time. The history is kept by the hour for 90 days and by the day after that, so a range is widened to whole hours or days, and the answer says so.`;

const MEANING = `Bytes are what the programs passed to TCP and took from it, without headers and retransmissions. What the answer does not cover it names: time in which nobody recorded, gaps of a killed monitor (at most ten seconds each), loss, bytes that are a lower bound (≥) or off by a known amount (~), and protocols that can't be counted. A connection counts where it was first seen. A port is the service's: the local one where the connection was accepted here, else the remote one.`;

/** The options that say which part of the history is meant, the same for `wb export history`. */
export function addRangeOptions(command: Command, fallback: string): Command {
  return command
    .option("--since <moment>", `from when on (default: ${fallback})`)
    .option("--until <moment>", "up to when (default: now)")
    .option("--on <day>", "one day: today, yesterday or 2026-11-19")
    .option("--filter <filter>", "only what matches, such as 'process:curl -port:22 host:*.example.org'")
    .option("--process <name>", "only processes whose name or path contains this, or matches it with *")
    .option("--host <name>", "only hosts whose name contains this, or matches it with *")
    .option("--address <address>", "only this remote address; * stands for any characters")
    .option("--user <user>", "only this user, by name or number")
    .option("--port <port>", "only this service port")
    .option("--config <file>", "configuration file, instead of the usual places");
}

/** A fresh command: commander keeps what it parsed. */
export function historyCommand(): Command {
  const command = new Command("history")
    .summary("Ask what used the network: by process, address, host, user or day")
    .description(
      "Answer what used the network, from what `wb monitor` has recorded, with a bar for each, and say how much of the time the answer covers.",
    );
  const by = new Option("--by <what>", "what a row is").default("process");
  by.argChoices = [...HISTORY_GROUPS]; // for help and completions; what is allowed is checked with the other flags
  command.addOption(by);
  addRangeOptions(command, "24h");
  command
    .option("--limit <rows>", "at most so many rows (default: 25; all with --json and by day or hour)")
    .option("--json", "one JSON document (docs/history.md)")
    .allowExcessArguments(false)
    .action(async (flags: HistoryFlags) => {
      const { runHistory } = await import("./history-run.ts");
      await runHistory(flags);
    });
  return document(command, {
    sections: [
      { heading: "Time", text: TIME },
      { heading: "What the numbers mean", text: MEANING },
    ],
    examples: [
      { command: "wb history --on yesterday", purpose: "what used 6 GB yesterday?" },
      {
        command: "wb history --on yesterday --process firefox --by host",
        purpose: "and whom did it talk to?",
      },
      { command: "wb history --since 7d --by day", purpose: "how much was it each day of the week?" },
      {
        command: "wb history --since 24h --by process --json | jq '.rows[0]'",
        purpose: "the greediest process, for a script",
      },
    ],
    environment: [
      {
        name: "XDG_STATE_HOME",
        meaning: "where the history is: wirebound/history.db in it (default: ~/.local/state)",
      },
      { name: "STATE_DIRECTORY", meaning: "the same for a service, set by systemd" },
      { name: "WB_CONFIG", meaning: "the same as --config" },
    ],
  });
}
