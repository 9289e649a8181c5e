/** `wb monitor`: its options and its help. The work is in monitor-run.ts, loaded when it is asked for. */
import { isatty } from "node:tty";
import { Command, Option } from "commander";
import { GROUP_KEYS } from "../model/query.ts";
import { document } from "./documentation.ts";
import type { MonitorFlags } from "./monitor-options.ts";
import { settingsOf } from "./settings.ts";

/** An option with the choices that help and completions show; what is allowed is checked in monitor-options.ts. */
function option(flags: string, description: string, group: string, choices?: readonly string[]): Option {
  const made = new Option(flags, description).helpGroup(group);
  if (choices !== undefined) made.argChoices = [...choices];
  return made;
}

const WHAT = "What is shown:";
const WHEN = "When:";
const HOW = "How it is shown (on a terminal: the screen; else: one table):";
const FROM = "Where it comes from and goes to:";

/** The option that names a configuration file, the same for every command that has one. */
export function configOption(): Option {
  return option("--config <file>", "configuration file, instead of the usual places", FROM);
}

const OPTIONS: readonly Option[] = [
  option("--by <what>", "what a row is", WHAT, GROUP_KEYS),
  option("--filter <filter>", "only what matches, such as 'process:curl port:443 host:*.example.org'", WHAT),
  option(
    "--sort <column>",
    "sort by a column: bytesSent, bytesSent:asc, processName; else the busiest first",
    WHAT,
  ),
  option("--limit <rows>", "at most so many rows (the screen scrolls instead)", WHAT),
  option("--once", "take one sample and exit: totals, but no rates, which need two", WHEN),
  option("--interval <time>", "time between samples, such as 500ms or 2s (default: 1s)", WHEN),
  option("--duration <time>", "watch so long, then exit; a document has all that lived meanwhile", WHEN),
  option("--json", "one JSON document", HOW),
  option("--jsonl", "a stream of JSON lines: samples, and each closed connection once", HOW),
  option("--csv", "CSV with a header line (RFC 4180)", HOW),
  option("--tui", "the screen, or an error where there is no terminal", HOW),
  option("--headless", "nothing but recording history: for a service", HOW),
  option(
    "--elevate",
    "start a helper as root, by sudo or pkexec, that counts every byte of every process",
    FROM,
  ),
  option("--no-helper", "use no elevated helper, even where its service runs", FROM),
  option("--demo", "a simulated world instead of this machine; records nothing", FROM),
  option("--demo-connections <count>", "so many in the simulated world", FROM).hideHelp(),
  option("--no-dns", "ask no name server; names of the hosts file are still shown", FROM),
  option("--no-history", "record nothing for `wb history`", FROM),
  configOption(),
];

const FILTERS = `Words are apart by spaces, and all of them must match; a - before a word means that it must not. A word is free text, or a key with values of which one must match: process:curl,wget port:443. Keys: process, path, command, opener, pid, user, host, address, port, local, remote, service, proto, namespace, state, attribution, closed, sent, received, bytes, sendrate, receiverate, rate. A * stands for any characters, quotes keep spaces, addresses may be networks (address:10.0.0.0/8), numbers may be compared (bytes:>1M, port:8000..8999). The same filter works on the screen (press /).`;

const RATES = `Rates need two samples, so with --once they are null in JSON and empty in CSV, and the table leaves them out. Counts are since each connection began, also before wb started, and are exact: what the program passed, without headers and retransmissions. Where they are not exact the row says by how much (uncertaintyBytes; ≥ and ~ in tables), and what can't be counted is null, never 0.`;

const HELPER = `Without privilege TCP is counted, of processes in this network namespace. With the elevated helper everything is: UDP, QUIC and all the rest, all network namespaces, processes that live for a millisecond. --elevate starts one for this run as root (directly if wb is root already, else by sudo or pkexec, which may ask for a password) and ends it with the run; if it can't be started, wb ends with exit code 4 or 1 and says why. Where the helper runs as a service (docs/helper.md) it is used without asking, as far as this user may read its secret; --no-helper refrains. When a helper goes, the monitor goes on without it, says so, and comes back to it by itself. WB_CAPTURE_METHOD forces one way of capturing: ebpf_tracepoint, ebpf_fentry, ebpf_kprobe (these need the helper), sock_diag or procfs.`;

const STOPPING = `Ctrl-C ends a --duration early: the document tells of the time so far ("interrupted": true) and the exit code is 0. A second Ctrl-C ends at once, with nothing written. A reader that goes away (wb monitor --jsonl | head) ends it silently.`;

/** A fresh command: commander keeps what it parsed. */
export function monitorCommand(): Command {
  const command = new Command("monitor")
    .summary("Watch the live connections of every process, with their bytes")
    .description(
      "Watch the live connections of every process, with the bytes that each has sent and received. Needs no privilege to count TCP; with --elevate every protocol, every process and every network namespace.",
    );
  for (const each of OPTIONS) command.addOption(each);
  command.allowExcessArguments(false).action(async (flags: MonitorFlags) => {
    const [{ monitorOptions }, { runMonitor }] = await Promise.all([
      import("./monitor-options.ts"),
      import("./monitor-run.ts"),
    ]);
    await runMonitor(await monitorOptions(flags, { env: process.env, terminal: isatty(0) && isatty(1) }));
  });
  return document(command, {
    sections: [
      { heading: "Filters", text: FILTERS },
      { heading: "What the numbers mean", text: RATES },
      { heading: "The elevated helper", text: HELPER },
      { heading: "Stopping", text: STOPPING },
    ],
    examples: [
      {
        command: "wb monitor",
        purpose: "the screen: every connection, refreshed each second; press ? for its keys",
      },
      {
        command: "wb monitor --once --by process --sort bytesReceived --limit 10",
        purpose: "which ten processes have received most?",
      },
      {
        command: "wb monitor --duration 10s --json > traffic.json",
        purpose: "everything that lived in the next ten seconds, closed connections with their final bytes",
      },
      {
        command: "wb monitor --jsonl --filter 'process:curl' | jq -c 'select(.type == \"closed\")'",
        purpose: "a line for every connection of curl when it is over",
      },
      {
        command: "wb monitor --csv --by host --duration 1m > hosts.csv",
        purpose: "what a minute brought, per host, for a spreadsheet",
      },
      {
        command: "wb monitor --elevate",
        purpose: "every byte of every process: UDP, QUIC, containers and short-lived programs too",
      },
      { command: "wb monitor --headless", purpose: "record history without a screen, as a service does" },
      { command: "wb monitor --demo", purpose: "look at the screen without watching anything real" },
    ],
    environment: [
      ...settingsOf("monitor", "history").map(({ variable, fileType, flag, meaning }) => {
        if (flag === undefined) return { name: variable, meaning };
        return {
          name: variable,
          meaning: `the same as ${flag}${fileType === "switch" ? ", if set to 1" : ""}`,
        };
      }),
      { name: "WB_CAPTURE_METHOD", meaning: "only this way of capturing, see The elevated helper" },
      { name: "WB_CONFIG", meaning: "the same as --config" },
    ],
  });
}
