/** `wb serve`: its options and its help, and the questions below it. The work is in serve-run.ts, loaded when it is asked for. */
import { Command, Option } from "commander";
import { document } from "./documentation.ts";
import { fleetCommands } from "./fleet/commands.ts";
import type { ServeFlags } from "./serve-options.ts";
import type { ServeLogsFlags, ServeServiceFlags } from "./serve-service.ts";
import { SERVE_SERVICE_STATE, SERVE_UNIT_NAME } from "./serve-unit.ts";
import { settingsOf } from "./settings.ts";

const WHERE = "Where it is:";
const WHAT = "What it keeps and asks:";
const FIRST = "First start:";
const SAYS = "What it says:";

function several(value: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), value];
}

const OPTIONS: readonly Option[] = [
  new Option(
    "--listen <host:port>",
    "where it listens (default: port 7443 of every address); port 0: any that is free",
  ).helpGroup(WHERE),
  new Option(
    "--public-address <host[:port]>",
    "where agents reach it, if not at an address of this machine; may be given several times",
  )
    .argParser(several)
    .helpGroup(WHERE),
  new Option("--no-mdns", "do not tell the local network (wb agent discover)").helpGroup(WHERE),
  new Option(
    "--state-dir <directory>",
    "where it keeps its keys and its database (default: serve/ in the state directory)",
  ).helpGroup(WHAT),
  new Option(
    "--retention <time>",
    "how long events, processes and connections are kept (default: 30d)",
  ).helpGroup(WHAT),
  new Option("--upstream <url>", "a classification API to ask what nobody here knows").helpGroup(WHAT),
  new Option("--upstream-key-file <file>", "the file with the key for it").helpGroup(WHAT),
  new Option("--name <name>", "what it is called (default: the machine's name)").helpGroup(WHERE),
  new Option("--admin-password-file <file>", "the file with the password of the user admin").helpGroup(FIRST),
  new Option("--log-level <level>", "the least that is worth a line")
    .choices(["error", "warning", "info"])
    .helpGroup(SAYS),
  new Option("--json-log", "a JSON object per line").helpGroup(SAYS),
  new Option("--config <file>", "read this configuration file, and no other").helpGroup(SAYS),
];

const STARTING = `The first start makes the parent's keys and its database. At a terminal it asks for a name, the first user and the port; without one it makes the user admin, whose password it writes to a file that only you can read, and says where. It prints its address and the pin of its key: by the pin agents know that they speak to this parent and to no other. One parent works in one state directory.`;

const JOINING = `\`wb serve token create\` prints a token that carries the address and the pin; on the machine that is to join: \`wb agent join TOKEN\`. Without a token an agent waits until a person has compared a short code and approved it: \`wb serve agents waiting\`, or on the page.`;

const ENDING = `Ctrl-C or SIGTERM ends it in order: what runs is answered, what was taken is stored. A second Ctrl-C ends it at once; what was acknowledged to agents is stored in any case.`;

function serviceCommands(serve: Command): Command[] {
  const below = (name: string, summary: string, text: string): Command =>
    new Command(name)
      .summary(summary)
      .description(text)
      .option("--user", name === "install" ? "as your own service, without root" : "your own service")
      .allowExcessArguments(false);
  const install = below(
    "install",
    "Run the parent as a service of systemd",
    `Write the unit ${SERVE_UNIT_NAME} for this program, enable and start it. It has a user of its own, and keeps all in ${SERVE_SERVICE_STATE}. Options of \`wb serve\` that stand before \`install\` are the service's.`,
  ).option("--print", "only print the unit");
  install.action(async (flags: ServeServiceFlags) => {
    await (await import("./serve-service.ts")).installServe(serve, flags);
  });
  const uninstall = below(
    "uninstall",
    "Stop the service and remove it",
    "Stop and disable the service, and remove its unit. What it has stored stays.",
  );
  uninstall.action(async (flags: ServeServiceFlags) => {
    await (await import("./serve-service.ts")).uninstallServe(flags);
  });
  const logs = below("logs", "What the service said", "The last lines of the service in the journal.")
    .option("-n, --lines <count>", "so many (default: 50)")
    .option("-f, --follow", "go on with what comes");
  logs.action(async (flags: ServeLogsFlags) => {
    await (await import("./serve-service.ts")).showServeLogs(flags);
  });
  const example = (
    command: string,
    purpose: string,
  ): { examples: { command: string; purpose: string }[] } => ({
    examples: [{ command, purpose }],
  });
  return [
    document(install, {
      examples: [
        { command: "sudo wb serve install", purpose: "for the machine" },
        {
          command: "sudo wb serve --public-address parent.example install",
          purpose: "agents reach it by this name",
        },
        { command: "wb serve install --print", purpose: "see what would be written" },
      ],
    }),
    document(uninstall, example("sudo wb serve uninstall", "no service any more")),
    document(logs, example("sudo wb serve logs -n 200 -f", "the last 200 lines, and what comes")),
  ];
}

/** A fresh command: commander keeps what it parsed. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("Be the parent of a fleet: agents report here, people look here")
    .description(
      "The parent of a fleet: agents report the processes, connections and health of their machines here, signed and without loss; people look at them on its page, by its API, and by the commands below.",
    )
    // What is written after a command below is that command's.
    .enablePositionalOptions();
  for (const each of OPTIONS) command.addOption(each);
  for (const each of [...fleetCommands(), ...serviceCommands(command)]) command.addCommand(each);
  command.hook("preAction", handStateDirectory);
  command.allowExcessArguments(false).action(async (flags: ServeFlags) => {
    const { serveOptions } = await import("./serve-options.ts");
    const options = await serveOptions(flags, process.env);
    const { runServer } = await import("./serve-run.ts");
    await runServer(options);
  });
  return document(command, {
    sections: [
      { heading: "How it is started", text: STARTING },
      { heading: "How agents join", text: JOINING },
      { heading: "How it ends", text: ENDING },
    ],
    examples: [
      { command: "wb serve", purpose: "a parent on this machine" },
      {
        command: "wb serve token create --uses 5 --expires 1h",
        purpose: "in another terminal: a token by which five machines may join within an hour",
      },
      { command: "wb agent join TOKEN", purpose: "on each of them" },
      {
        command: "wb serve --listen 127.0.0.1:7443 --public-address parent.example",
        purpose: "behind a forwarder: agents reach it by another name",
      },
      {
        command: "wb serve --admin-password-file /run/secrets/admin --json-log",
        purpose: "without a terminal, in a container",
      },
      { command: "sudo wb serve install", purpose: "as a service, from now on" },
    ],
    environment: [
      ...settingsOf("serve").map(({ variable, fileType, flag }) => ({
        name: variable,
        meaning: `the same as ${flag ?? ""}${fileType === "switch" ? ", if set to 1" : ""}`,
      })),
      { name: "WB_CONFIG", meaning: "the same as --config" },
    ],
    exitCodes: [
      { code: 0, meaning: "it was told to end, and all that it took is stored" },
      { code: 1, meaning: "failed: the message on standard error says why and what to do" },
      { code: 2, meaning: "wrong flag, argument or configuration" },
      { code: 4, meaning: "a file of its state is open to others" },
    ],
  });
}

/** A command below asks the parent whose state directory was named to `serve`, by flag, variable or configuration file. */
async function handStateDirectory(serve: Command, asked: Command): Promise<void> {
  if (asked === serve || asked.getOptionValue("stateDir") !== undefined) return;
  const { askedStateDirectory } = await import("./serve-options.ts");
  asked.setOptionValue("stateDir", await askedStateDirectory(serve.opts(), process.env));
}
