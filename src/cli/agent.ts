/** `wb agent` and the commands below it: options and help. The work is loaded when it is asked for. */
import { Command, Option } from "commander";
import { CATEGORIES } from "../model/categories.ts";
import type { AgentFlags } from "./agent-options.ts";
import type { DiscoverFlags } from "./agent-discover.ts";
import type { InstallFlags } from "./agent-install.ts";
import type { LeaveFlags } from "./agent-leave.ts";
import type { LogsFlags } from "./agent-logs.ts";
import type { ProcessesFlags } from "./agent-processes.ts";
import type { StatusFlags } from "./agent-status.ts";
import { document, type Example } from "./documentation.ts";
import { settingsOf } from "./settings.ts";

const WHOM = "Whom it tells:";
const HOW = "How:";

const token = (): Option[] => [
  new Option(
    "--token-file <file>",
    "a file with the join token (or WB_AGENT_TOKEN; or - as the token for standard input)",
  ).helpGroup(WHOM),
];
const parent = (): Option =>
  new Option(
    "--parent <host>",
    "the parent, HOST or HOST:PORT: without a token a person approves there",
  ).helpGroup(WHOM);
const pin = (): Option =>
  new Option(
    "--pin <pin>",
    "the pin of the parent's key, as `wb serve` shows it: joins nobody else",
  ).helpGroup(WHOM);
const proxy = (): Option =>
  new Option(
    "--proxy <url>",
    "HTTP proxy to the parent, or none (default: HTTPS_PROXY, ALL_PROXY, NO_PROXY)",
  ).helpGroup(HOW);
const directory = (): Option =>
  new Option(
    "--state-dir <directory>",
    "the agent's own directory (default: agent/ in the state directory; root's is /var/lib/wirebound/agent)",
  ).helpGroup(HOW);
const config = (): Option =>
  new Option("--config <file>", "configuration file, instead of the usual places").helpGroup(HOW);

const JOINING = `With a token of \`wb serve token create\` it joins at once: the token carries the pin of the parent's key, so that nobody in between can pose as the parent. Without, it asks the host that is named, shows a short code, and waits until a person at the parent has compared and approved it. \`wb agent discover\` finds parents on the local network, which proves nothing about them.`;

const KEEPING = `What it sees is stored before it is sent, and deleted once the parent has stored it. While the parent is away it is kept, within quotas; what does not fit, or is lost by a damaged disk, is declared as lost with its range and reason. At any time: produced = acked + pending + lost (\`wb agent status\`).`;

const PRIVACY = `Command lines, paths and addresses are stripped of home directories, names, tokens and what looks like a key before they leave this machine. Everything that is sent is signed with the agent's own key, which never leaves its directory.`;

const EXAMPLES: readonly Example[] = [
  { command: "wb agent join wbj1.eyJoIjpb…", purpose: "join by a token" },
  { command: "wb agent --parent parent.example", purpose: "join by approval, then run" },
  { command: "sudo wb agent install", purpose: "run as a service from now on" },
  { command: "wb agent status", purpose: "whether it is connected, and that nothing is lost" },
];

const TOKEN_VARIABLE = { name: "WB_AGENT_TOKEN", meaning: "the join token, where none is written" };

/** The variables of these of its settings. */
function environment(...keys: readonly string[]): { name: string; meaning: string }[] {
  const settings = settingsOf("agent").filter(({ key }) => keys.includes(key));
  return [
    ...settings.map(({ variable, flag, meaning }) => ({
      name: variable,
      meaning: flag === undefined ? meaning : `the same as ${flag}`,
    })),
    { name: "WB_CONFIG", meaning: "the same as --config" },
  ];
}

function documented(
  command: Command,
  examples: readonly Example[],
  variables: readonly { readonly name: string; readonly meaning: string }[] = environment("state-dir"),
): Command {
  return document(command.allowExcessArguments(false), { examples, environment: variables });
}

/** The flags of a command below `wb agent`, with those that stand before its name. */
// eslint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what commander has parsed
function flagsOf<Flags>(command: Command): Flags {
  return command.optsWithGlobals<Flags & Record<string, unknown>>();
}

function joinCommand(): Command {
  const command = new Command("join")
    .argument("[token]", "what `wb serve token create` printed, or - to read it from standard input")
    .summary("Join a parent by a token, or by approval")
    .description(
      "Join a parent. With a token at once; with --parent alone a person there compares a code. Prints the agent's id.",
    );
  for (const each of [parent(), ...token(), pin(), proxy(), directory(), config()]) command.addOption(each);
  command.action(async (given: string | undefined) => {
    await (await import("./agent-join.ts")).runJoin(given, flagsOf<AgentFlags>(command));
  });
  return documented(
    command,
    [
      { command: "wb agent join wbj1.eyJoIjpb…", purpose: "join by a token" },
      {
        command: "wb agent join --parent parent.example --pin PIN",
        purpose: "ask this parent and no other; a person approves",
      },
    ],
    [TOKEN_VARIABLE, ...environment("parent", "proxy", "state-dir")],
  );
}

function statusCommand(): Command {
  const command = new Command("status")
    .summary("Whether it is connected, and that nothing is lost")
    .description(
      "What the agent of this machine does: its parent, its connection, and per stream what was produced, acknowledged, is pending and lost.",
    )
    .option("--json", "one JSON document")
    .addOption(directory())
    .addOption(config());
  command.action(async () => {
    await (await import("./agent-status.ts")).runStatus(flagsOf<StatusFlags>(command));
  });
  return documented(command, [{ command: "wb agent status --json", purpose: "the same for programs" }]);
}

function processesCommand(): Command {
  const command = new Command("processes")
    .argument("[program]", "only these: a program's name, its path, or its fingerprint's hash")
    .summary("Which programs run, and what they are taken for")
    .description(
      "What runs on this machine, as the agent here knows it, the newest first. With a program's name, exit code 1 says that it does not run.",
    )
    .addOption(
      new Option("--category <category>", "only programs that are taken for this").choices(CATEGORIES),
    )
    .option("--json", "one JSON document")
    .addOption(directory())
    .addOption(config());
  command.action(async (program: string | undefined) => {
    await (await import("./agent-processes.ts")).runProcesses(program, flagsOf<ProcessesFlags>(command));
  });
  return documented(command, [
    { command: "wb agent processes steam", purpose: "is Steam running?" },
    { command: "wb agent processes --category game", purpose: "which games run?" },
  ]);
}

function logsCommand(): Command {
  const command = new Command("logs")
    .summary("What the agent said")
    .description("The last lines of the agent's own log, which it keeps in its directory, bounded.")
    .option("-n, --lines <count>", "so many (default: 50)")
    .option("-f, --follow", "go on with what comes")
    .addOption(directory())
    .addOption(config());
  command.action(async () => {
    await (await import("./agent-logs.ts")).runLogs(flagsOf<LogsFlags>(command));
  });
  return documented(command, [
    { command: "wb agent logs -n 200 -f", purpose: "the last 200 lines, and what comes" },
  ]);
}

function leaveCommand(): Command {
  const command = new Command("leave")
    .summary("Leave the parent")
    .description("Tell the parent that this machine leaves, and forget it. A running agent ends.")
    .option("--purge", "also remove the agent's key, log, and what was still to be sent")
    .addOption(proxy())
    .addOption(directory())
    .addOption(config());
  command.action(async () => {
    await (await import("./agent-leave.ts")).runLeave(flagsOf<LeaveFlags>(command));
  });
  return documented(
    command,
    [{ command: "wb agent leave --purge", purpose: "as if there had been no agent" }],
    environment("proxy", "state-dir"),
  );
}

function serviceCommands(): Command[] {
  const user = (): Option =>
    new Option("--user", "as your own service, without root: it sees what you may see");
  const install = new Command("install")
    .summary("Run the agent as a service of systemd")
    .description(
      "Write the unit wirebound-agent.service for this program, enable and start it. The machine must have joined a parent.",
    )
    .addOption(user())
    .option("--print", "only print the unit")
    .addOption(directory());
  install.action(async () => {
    await (await import("./agent-install.ts")).runInstall(flagsOf<InstallFlags>(install));
  });
  const uninstall = new Command("uninstall")
    .summary("Stop the service and remove it")
    .description(
      "Stop and disable the service, and remove its unit. What the agent keeps stays; see `wb agent leave --purge`.",
    )
    .option("--user", "your own service");
  uninstall.action(async () => {
    await (await import("./agent-install.ts")).runUninstall(flagsOf<InstallFlags>(uninstall));
  });
  return [
    documented(install, [
      { command: "sudo wb agent install", purpose: "for the machine" },
      { command: "wb agent install --user", purpose: "for what you have joined as yourself" },
      { command: "wb agent install --print", purpose: "see what would be written" },
    ]),
    documented(uninstall, [{ command: "sudo wb agent uninstall", purpose: "no service any more" }], []),
  ];
}

function discoverCommand(): Command {
  const command = new Command("discover")
    .summary("Find parents on the local network")
    .description(
      "Ask the local network for parents (mDNS) for three seconds. What is found proves nothing: joining still needs a token or an approval.",
    )
    .option("--json", "one JSON document");
  command.action(async () => {
    await (await import("./agent-discover.ts")).runDiscover(flagsOf<DiscoverFlags>(command));
  });
  return documented(command, [{ command: "wb agent discover", purpose: "a table of parents" }], []);
}

/** A fresh command: commander keeps what it parsed. */
export function agentCommand(): Command {
  const command = new Command("agent")
    .enablePositionalOptions()
    .summary("Tell a parent what runs on this machine, and lose nothing of it")
    .description(
      "Watch the processes, connections and health of this machine, and tell a parent (`wb serve`) of them; through outages and crashes, every event reaches it or is declared lost.",
    )
    .addOption(parent())
    .addOption(
      new Option("--token <token>", "join by this token where no parent has been joined yet").helpGroup(WHOM),
    );
  for (const each of [...token(), pin(), proxy(), directory()]) command.addOption(each);
  command
    .addOption(
      new Option("--flow-interval <time>", "how often connections are told (default: 30s)").helpGroup(HOW),
    )
    .addOption(
      new Option("--no-helper", "use no elevated helper, even where its service runs").helpGroup(HOW),
    )
    .addOption(config())
    .allowExcessArguments(false)
    .action(async (flags: AgentFlags) => {
      await (await import("./agent-run.ts")).runAgentCommand(flags);
    });
  const below = [
    joinCommand(),
    statusCommand(),
    processesCommand(),
    logsCommand(),
    leaveCommand(),
    ...serviceCommands(),
    discoverCommand(),
  ];
  for (const each of below) command.addCommand(each);
  return document(command, {
    sections: [
      { heading: "Joining", text: JOINING },
      { heading: "What it keeps", text: KEEPING },
      { heading: "What leaves this machine", text: PRIVACY },
    ],
    examples: EXAMPLES,
    environment: [
      TOKEN_VARIABLE,
      ...environment("parent", "proxy", "state-dir", "flow-interval", "retry-max"),
    ],
  });
}
