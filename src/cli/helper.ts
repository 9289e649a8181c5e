/** `wb helper`: its options and its help. The work is in helper-run.ts, loaded when it is asked for. */
import { Command, Option } from "commander";
import { document } from "./documentation.ts";
import type { HelperFlags } from "./helper-options.ts";

const HOW = "How it is started:";
const WHAT = "What it counts:";
const SAYS = "What it says:";

const OPTIONS: readonly Option[] = [
  new Option("--elevated", "really do it: without, it only says what it would be").helpGroup(HOW),
  new Option("--launched", "by `wb monitor --elevate`: takes its order from standard input, and ends with it")
    .helpGroup(HOW)
    .hideHelp(),
  new Option("--socket <file>", "where it listens (default: /run/wirebound/helper.sock)").helpGroup(HOW),
  new Option(
    "--secret-file <file>",
    "where it leaves the secret for its clients (default: /run/wirebound/secret)",
  ).helpGroup(HOW),
  new Option(
    "--session-lifetime <time>",
    "how long a session may last before its client must authenticate again (default: 8h, which is the most)",
  ).helpGroup(HOW),
  new Option("--method <method>", "this way of counting or none; else the best that the kernel allows")
    .choices(["ebpf_tracepoint", "ebpf_fentry", "ebpf_kprobe"])
    .helpGroup(WHAT),
  new Option("--sockets-max <count>", "sockets that are counted at once").helpGroup(WHAT),
  new Option("--bytes-max <count>", "processes at sockets that are counted at once").helpGroup(WHAT),
  new Option("--events-bytes <bytes>", "size of the kernel's buffer of process events").helpGroup(WHAT),
  new Option("--names-bytes <bytes>", "size of the kernel's buffer of observed names").helpGroup(WHAT),
  new Option("--log-level <level>", "the least that is worth a line")
    .choices(["error", "warning", "info"])
    .helpGroup(SAYS),
  new Option("--json-log", "a JSON object per line").helpGroup(SAYS),
];

const STARTING = `There is seldom a reason to start it by hand: \`wb monitor --elevate\` starts one for itself and ends it, and as a service (wirebound-helper.service) it is there for every monitor of root and of the group wirebound. By hand: sudo wb helper --elevated.`;

const DOING = `It loads programs into the kernel (eBPF) that count the bytes of every process and socket, then gives up what it needed for that, and answers authenticated clients of this very executable over a Unix socket. It listens on no network, opens no file for writing, starts no program. docs/helper.md has all of it: the protocol, what is checked, what is left of its privileges, and what it does not protect from.`;

const FULL = `What does not fit into the kernel's maps and buffers is counted and shown as loss, never silently missing. More room costs kernel memory: some 200 bytes for a socket, 150 for a process at one.`;

/** A fresh command: commander keeps what it parsed. */
export function helperCommand(): Command {
  const command = new Command("helper")
    .summary("Count every byte of every process, as root, for `wb monitor`")
    .description(
      "The elevated helper: counts every byte of every process by eBPF, and serves what it counts to the monitors of this machine. It needs root and Linux 5.10 or newer.",
    );
  for (const each of OPTIONS) command.addOption(each);
  command.allowExcessArguments(false).action(async (flags: HelperFlags) => {
    const { helperSettings } = await import("./helper-options.ts");
    const settings = helperSettings(flags);
    const { runElevated } = await import("./helper-run.ts");
    await runElevated(settings);
  });
  return document(command, {
    sections: [
      { heading: "How it is started", text: STARTING },
      { heading: "What it does", text: DOING },
      { heading: "What does not fit", text: FULL },
    ],
    examples: [
      { command: "wb monitor --elevate", purpose: "a monitor with a helper of its own" },
      { command: "sudo wb helper --elevated", purpose: "a helper for all monitors of root, until Ctrl-C" },
      {
        command: "systemctl enable --now wirebound-helper",
        purpose: "the same as a service (docs/wirebound-helper.service)",
      },
    ],
    exitCodes: [
      { code: 0, meaning: "it was told to end, and left nothing behind" },
      { code: 1, meaning: "failed: the message on standard error says why and what to do" },
      { code: 2, meaning: "wrong flag or argument, or --elevated is missing" },
      { code: 4, meaning: "it is not root" },
    ],
  });
}
