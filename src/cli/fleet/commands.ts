/** The questions and decisions below `wb serve`: options and help. The work is loaded when it is asked for. */
import { Command, InvalidArgumentError, Option } from "commander";
import { CATEGORIES, CLASSIFICATION_SOURCES } from "../../model/categories.ts";
import { AGENT_STATES, ROLES } from "../../model/fleet.ts";
import { document, type Example } from "../documentation.ts";
import type { AuditFlags, KeyFlags, TokenFlags, UserFlags } from "./access.ts";
import type { ActivityFlags } from "./activity.ts";
import type { AgentsFlags } from "./agents.ts";
import type { ClassifyFlags } from "./classify.ts";
import { addParentOptions, PARENT_ENVIRONMENT, type ParentFlags } from "./parent-options.ts";

const AGENT_MEANING = "an agent: its id, the beginning of it, or its hostname";

function limit(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1 || count > 1_000_000)
    throw new InvalidArgumentError("it is 1 to 1000000.");
  return count;
}

function withLimit(command: Command): Command {
  return command.option("--limit <rows>", "at most so many rows (default: 200)", limit);
}

function documented(command: Command, examples: readonly Example[]): Command {
  return document(command.allowExcessArguments(false), { examples, environment: PARENT_ENVIRONMENT });
}

/** The work of a command: its flags, with those that stand before its name, then its arguments. */
// eslint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller names what commander has parsed
function run<Flags>(
  command: Command,
  work: (flags: Flags, words: readonly (string | undefined)[]) => Promise<void>,
): Command {
  return command.action(async (...given: unknown[]) => {
    const self = given.at(-1) as Command; // commander hands the command itself last, its own flags before
    await work(
      self.optsWithGlobals<Flags & Record<string, unknown>>(),
      given.slice(0, -2) as (string | undefined)[],
    );
  });
}

export function fleetCommands(): Command[] {
  return [
    statusCommand(),
    agentsCommand(),
    processesCommand(),
    connectionsCommand(),
    classifyCommand(),
    tokenCommand(),
    userCommand(),
    keyCommand(),
    auditCommand(),
  ];
}

function statusCommand(): Command {
  const command = addParentOptions(new Command("status"))
    .summary("Where the parent is, and how many agents it has")
    .description(
      "Whether the parent runs and stores, where it is, the pin of its key, and how many agents it has.",
    );
  run<ParentFlags>(command, async (flags) => await (await import("./status.ts")).showStatus(flags));
  return documented(command, [{ command: "wb serve status", purpose: "is it there, and who is online?" }]);
}

function agentsCommand(): Command {
  const command = withLimit(addParentOptions(new Command("agents")))
    .summary("List the agents, approve, remove or release one")
    .description("The agents of a parent: who is online, how it counts, and what was lost.")
    .addOption(new Option("--state <state>", "only agents in this state").choices([...AGENT_STATES]))
    .option("--search <text>", "only hostnames that contain this");
  run<AgentsFlags>(command, async (flags) => await (await import("./agents.ts")).listAgents(flags));
  const sub = (name: string, summary: string, example: Example): Command =>
    documented(addParentOptions(command.command(name)).summary(summary).description(`${summary}.`), [
      example,
    ]);
  run<ParentFlags>(
    sub("show", "One agent, with what is stored of each of its streams", {
      command: "wb serve agents show db-1",
      purpose: "is all that db-1 has produced stored?",
    }).argument("<agent>", AGENT_MEANING),
    async (flags, [id = ""]) => await (await import("./agents.ts")).showAgent(id, flags),
  );
  run<ParentFlags>(
    sub("waiting", "Those that wait for approval, with the code to compare", {
      command: "wb serve agents waiting",
      purpose: "who wants in, and with which code?",
    }),
    async (flags) => await (await import("./agents.ts")).listWaiting(flags),
  );
  run<ParentFlags>(
    sub("approve", "Let an agent in whose code is the one that it shows", {
      command: "wb serve agents approve db-1 4S95-0BCZ",
      purpose: "let db-1 in, which shows this code",
    })
      .argument("<agent>", AGENT_MEANING)
      .argument("<code>", "the code that the agent shows"),
    async (flags, [id = "", code = ""]) =>
      await (await import("./agents.ts")).decideAboutAgent(id, "approve", { code }, flags),
  );
  for (const decision of ["remove", "release"] as const) {
    const summary =
      decision === "remove" ? "Send an agent away: it may join again" : "Let an agent out of quarantine";
    run<ParentFlags & { reason?: string }>(
      sub(decision, summary, {
        command: `wb serve agents ${decision} db-1 --reason '${decision === "remove" ? "it was sold" : "the copy is gone"}'`,
        purpose: decision === "remove" ? "db-1 is no agent any more" : "there is one db-1 again",
      })
        .argument("<agent>", AGENT_MEANING)
        .option("--reason <text>", "why, for the audit log"),
      async (flags, [id = ""]) =>
        await (
          await import("./agents.ts")
        ).decideAboutAgent(id, decision, { reason: flags.reason ?? "" }, flags),
    );
  }
  return documented(command, [
    { command: "wb serve agents", purpose: "who is there?" },
    { command: "wb serve agents waiting", purpose: "who wants in?" },
    {
      command: "wb serve agents --json | jq '.agents[] | select(.online | not) | .hostname'",
      purpose: "who is offline?",
    },
  ]);
}

function processesCommand(): Command {
  const command = withLimit(addParentOptions(new Command("processes")))
    .summary("List the processes that run, or ran, on the agents")
    .description("The processes of the agents: those that run now, or all of a time.")
    .option("--agent <agent>", AGENT_MEANING)
    .option("--all", "also those that have ended")
    .addOption(new Option("--category <category>", "only programs of this category").choices([...CATEGORIES]))
    .option("--search <text>", "only those whose name or path contains this")
    .option("--since <moment>", "those that ran since then, such as 24h or yesterday")
    .option("--until <moment>", "those that ran before then");
  run<ActivityFlags>(command, async (flags) => await (await import("./activity.ts")).listProcesses(flags));
  return documented(command, [
    { command: "wb serve processes --category game", purpose: "which games run now, and where?" },
    {
      command: "wb serve processes --agent AGENT --since yesterday",
      purpose: "what ran there since yesterday?",
    },
  ]);
}

function connectionsCommand(): Command {
  const command = withLimit(addParentOptions(new Command("connections")))
    .summary("List what the agents' processes exchanged with whom")
    .description("What each process exchanged with each remote address, by interval, the newest first.")
    .option("--agent <agent>", AGENT_MEANING)
    .option("--search <text>", "only processes, addresses or hosts that contain this")
    .option("--since <moment>", "since then, such as 1h or yesterday")
    .option("--until <moment>", "until then");
  run<ActivityFlags>(command, async (flags) => await (await import("./activity.ts")).listConnections(flags));
  return documented(command, [
    {
      command: "wb serve connections --search example.org --since 24h",
      purpose: "who talked to example.org today?",
    },
  ]);
}

function classifyCommand(): Command {
  const command = withLimit(addParentOptions(new Command("classify")))
    .summary("List what programs are taken for, or say what one is")
    .description(
      "Without arguments the programs that were seen, with their category; with one its history; with a category a person's word, which wins over every other source and reaches the agents at once.",
    )
    .argument("[program]", "a fingerprint, its beginning, or a name that only one program has")
    .argument("[category]", `what it is from now on: ${CATEGORIES.join(", ")}`)
    .addOption(new Option("--category <category>", "list only this category").choices([...CATEGORIES]))
    .addOption(
      new Option("--source <source>", "list only what this source said").choices([...CLASSIFICATION_SOURCES]),
    )
    .option("--search <text>", "list only names that contain this")
    .option("--reason <text>", "why, for the history and the audit log");
  run<ClassifyFlags>(
    command,
    async (flags, [program, category]) =>
      await (await import("./classify.ts")).classify(program, category, flags),
  );
  return documented(command, [
    { command: "wb serve classify --category unknown", purpose: "what does nobody know?" },
    { command: "wb serve classify mygame game --reason 'it is one'", purpose: "say what a program is" },
  ]);
}

function tokenCommand(): Command {
  const command = new Command("token")
    .summary("Make, list and revoke join tokens")
    .description("Join tokens: what an agent joins by.");
  run<TokenFlags>(
    documented(addParentOptions(command.command("create")), [
      {
        command: "wb serve token create --uses 5 --expires 1h",
        purpose: "let five machines join within an hour",
      },
    ])
      .summary("Print a token that carries this parent's address and pin")
      .description("Print a token that carries this parent's address and the pin of its TLS key.")
      .option("--uses <count>", "how many agents may join by it (default: 1)")
      .option("--expires <time>", "how long it is good for, such as 30m or 7d (default: 1h)")
      .option("--approval", "each agent must be approved as well"),
    async (flags) => await (await import("./access.ts")).createToken(flags),
  );
  run<ParentFlags>(
    plain(command, "list", ["List the tokens", "List the tokens, never their secrets."], {
      command: "wb serve token list",
      purpose: "which tokens are still good for an agent?",
    }),
    async (flags) => await (await import("./access.ts")).listTokens(flags),
  );
  revokeCommand(command, "tokens", "token");
  return command;
}

function plain(command: Command, name: string, texts: readonly [string, string], example: Example): Command {
  const [summary, description] = texts;
  return documented(addParentOptions(command.command(name)), [example])
    .summary(summary)
    .description(description);
}

function revokeCommand(command: Command, kind: "tokens" | "keys", word: string): void {
  run<ParentFlags>(
    plain(command, "revoke", [`Make a ${word} worthless`, `Make a ${word} worthless at once.`], {
      command: `wb serve ${word} revoke ID`,
      purpose: `nobody can use the ${word} any more`,
    }).argument("<id>", `the ${word}'s id, as the list shows it`),
    async (flags, [id = ""]) => await (await import("./access.ts")).revoke(kind, id, flags),
  );
}

const USERS =
  "The people who may sign in, and their roles: a viewer reads; an operator also decides about agents, tokens and categories; an admin also about users and keys.";

function userCommand(): Command {
  const command = new Command("user")
    .summary("Add, change and remove the people who may sign in")
    .description(USERS);
  run<ParentFlags>(
    plain(command, "list", ["List the users", "List the users."], {
      command: "wb serve user list",
      purpose: "who may sign in, and as what?",
    }),
    async (flags) => await (await import("./access.ts")).listUsers(flags),
  );
  run<UserFlags>(
    documented(addParentOptions(command.command("add")), [
      { command: "wb serve user add anna --role operator", purpose: "asks for the password" },
    ])
      .summary("Add a user")
      .description("Add a user. The password is asked for, or read from standard input.")
      .argument("<name>", "what the user signs in as")
      .addOption(new Option("--role <role>", "what the user may do (default: viewer)").choices([...ROLES]))
      .option("--password-file <file>", "read the password from this file"),
    async (flags, [name = ""]) => await (await import("./access.ts")).addUser(name, flags),
  );
  run<UserFlags>(
    plain(
      command,
      "change",
      [
        "Change a user's role or password, disable or enable one",
        "Change a user. Disabling ends all sessions at once.",
      ],
      { command: "wb serve user change anna --disable", purpose: "anna may not sign in any more" },
    )
      .argument("<name>", "the user")
      .addOption(new Option("--role <role>", "another role").choices([...ROLES]))
      .option("--disable", "may not sign in any more")
      .option("--enable", "may sign in again")
      .option("--password", "ask for a new password")
      .option("--password-file <file>", "read the new password from this file"),
    async (flags, [name = ""]) => await (await import("./access.ts")).changeUser(name, flags),
  );
  run<ParentFlags>(
    plain(
      command,
      "remove",
      ["Remove a user", "Remove a user. What the user decided stays in the audit log."],
      { command: "wb serve user remove anna", purpose: "there is no anna any more" },
    ).argument("<name>", "the user"),
    async (flags, [name = ""]) => await (await import("./access.ts")).removeUser(name, flags),
  );
  return command;
}

function keyCommand(): Command {
  const command = new Command("key")
    .summary("Make, list and revoke API keys")
    .description("API keys: what programs ask the parent by.");
  run<KeyFlags>(
    documented(addParentOptions(command.command("create")), [
      { command: "wb serve key create prometheus --role viewer > key", purpose: "a key that can only read" },
    ])
      .summary("Print a new key, this once")
      .description("Print a new key. It is shown this once, and kept only as a hash.")
      .argument("<name>", "what it is for")
      .addOption(new Option("--role <role>", "what it may do (default: viewer)").choices([...ROLES]))
      .option("--expires <time>", "how long it is good for (default: until it is revoked)"),
    async (flags, [name = ""]) => await (await import("./access.ts")).createKey(name, flags),
  );
  run<ParentFlags>(
    plain(command, "list", ["List the keys", "List the keys, never their secrets."], {
      command: "wb serve key list",
      purpose: "which keys are there, and when was each used last?",
    }),
    async (flags) => await (await import("./access.ts")).listKeys(flags),
  );
  revokeCommand(command, "keys", "key");
  return command;
}

function auditCommand(): Command {
  const command = withLimit(addParentOptions(new Command("audit")))
    .summary("List what people decided, the newest first")
    .description(
      "The audit log: everything that a person decided, who, when and from where. It can only grow.",
    )
    .option("--action <action>", "only this action, such as classification.override")
    .option("--actor <who>", "only what this user or key did")
    .option("--subject <what>", "only what was done to this");
  run<AuditFlags>(command, async (flags) => await (await import("./access.ts")).listAudit(flags));
  return documented(command, [{ command: "wb serve audit --actor anna", purpose: "what has anna decided?" }]);
}
