/** The binary's questions and decisions about a fleet, against a real parent with real data: tables, JSON, errors, exit codes. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect } from "bun:test";
import { localDate, localTime } from "../../src/lib/calendar.ts";
import type { AgentSummary, ConnectionRecord, ProcessRecord, Role } from "../../src/model/fleet.ts";
import { ProcessTeller, programNamed } from "../support/fleet/process-events.ts";
import { TestParent } from "../support/fleet/parent.ts";
import { MACHINE, TestStream, type TestAgent } from "../support/fleet/agent.ts";
import { nobodysPlace } from "../support/as-nobody.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb, wbEnvironment, type Run } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

const START_MS = 1_700_000_000_000;
const HOSTILE = "büro\u001b[2J\u009b31m\u202eμ";
const SEEN = "büro\u{fffd}[2J\u{fffd}31m\u{fffd}μ";

let parent: TestParent;
let agent: TestAgent;

function address(): string {
  return `127.0.0.1:${parent.server.port}`;
}

async function as(role: Role, ...words: readonly string[]): Promise<Run> {
  const { key } = await parent.key(role);
  const env = { WB_PARENT: address(), WB_PARENT_PIN: parent.server.pin, WB_API_KEY: key };
  return await runWb(["serve", ...words], { env });
}

function at(timeMs: number): string {
  return `${localDate(timeMs)} ${localTime(timeMs)}`;
}

async function tellProcesses(): Promise<void> {
  const stream = new TestStream(agent, "process");
  const teller = new ProcessTeller();
  const programs = [programNamed("steam", { path: "/opt/steam" }), programNamed(HOSTILE)];
  const items = programs.map((program, index) =>
    stream.event(teller.started(program, START_MS + index * 1000), "process_started"),
  );
  expect((await agent.send(stream.batch(items))).status).toBe(200);
}

async function tellConnection(): Promise<void> {
  const stream = new TestStream(agent, "flow");
  const flow = {
    intervalStartMs: START_MS,
    intervalEndMs: START_MS + 30_000,
    processId: `1001_${START_MS}`,
    processName: "steam",
    protocol: "tcp",
    remoteAddress: "192.0.2.7",
    remotePort: 443,
    remoteHost: "cdn.example.net",
    bytesSent: 2048,
    bytesReceived: 1_048_576,
    uncertaintyBytes: null,
    meaning: "payload",
    connections: 1,
  };
  expect((await agent.send(stream.batch([stream.event(flow, "flow_summary")]))).status).toBe(200);
}

beforeAll(async () => {
  parent = await TestParent.start();
  agent = await parent.agent();
  await agent.beat({ machine: { ...MACHINE, hostname: HOSTILE } });
  await tellProcesses();
  await tellConnection();
  await waitFor("what was told", async () => {
    const { body } = await parent.get(`/api/v1/agents/${agent.identity.id}`);
    return (body as AgentSummary).hostname === HOSTILE;
  });
});
afterAll(async () => {
  await parent[Symbol.asyncDispose]();
});

describe("tables", () => {
  testWith(["binary"], "agents", async () => {
    const { id } = agent.identity;
    const { body } = await parent.get(`/api/v1/agents/${id}`);
    const { lastSeenAtMs, runningProcesses } = body as AgentSummary;
    expect(await as("viewer", "agents")).toEqual({
      stderr: "",
      stdout: [
        `AGENT                             HOSTNAME        STATE   VERSION  CAPTURE    PROCESSES  LOST  LAST SEEN`,
        `${id}  ${SEEN}  online  0.1.0    sock_diag  ${String(runningProcesses).padStart(9)}     0  ${at(lastSeenAtMs ?? 0)}`,
        "",
      ].join("\n"),
      code: 0,
    });
  });

  testWith(["binary"], "processes, of one agent by the beginning of its id", async () => {
    const short = agent.identity.id.slice(0, 8);
    const stdout = [
      `AGENT      PID  NAME            CATEGORY  USER  STARTED              STOPPED  COMMAND`,
      `${short}  1002  ${SEEN}  unknown   anna  ${at(START_MS + 1000)}  -        ${SEEN} --flag`,
      `${short}  1001  steam           game      anna  ${at(START_MS)}  -        steam --flag`,
      "",
    ].join("\n");
    expect(await as("viewer", "processes", "--agent", short)).toEqual({ stderr: "", stdout, code: 0 });
    const cut = await as("viewer", "processes", "--limit", "1");
    expect(cut.stderr).toBe("1 shown; more with --limit\n");
    expect(cut.stdout).toBe(stdout.split("\n").slice(0, 2).join("\n") + "\n");
  });

  testWith(["binary"], "connections: a lower bound is marked as one", async () => {
    const short = agent.identity.id.slice(0, 8);
    const { stdout, stderr, code } = await as("viewer", "connections");
    expect([stderr, code]).toEqual(["", 0]);
    expect(stdout.split("\n")[1]).toBe(
      `${short}  steam    tcp    cdn.example.net 443  ≥2.00 KiB  ≥1.00 MiB  ${at(START_MS)}  ${at(START_MS + 30_000)}`,
    );
  });

  testWith(
    ["binary"],
    "nothing to show is said in words, and says whether there is none or none such",
    async () => {
      const none = { stdout: "", code: 0 };
      expect(await as("viewer", "agents", "--state", "quarantined")).toEqual({
        ...none,
        stderr: "no such agents\n",
      });
      expect(await as("viewer", "agents", "waiting")).toEqual({
        ...none,
        stderr: "nobody waits for approval\n",
      });
      expect(await as("viewer", "processes", "--search", "nobody")).toEqual({
        ...none,
        stderr: "no such processes run\n",
      });
      expect(await as("admin", "audit", "--actor", "nobody")).toEqual({
        ...none,
        stderr: "no such decisions\n",
      });
    },
  );
});

describe("JSON", () => {
  testWith(
    ["binary"],
    "has a version, is what the parent tells, says whether it was cut, and can't steer a terminal",
    async () => {
      const { body } = await parent.get("/api/v1/processes?running=true&limit=1");
      const { items } = body as { items: ProcessRecord[] };
      const cut = await as("viewer", "processes", "--limit", "1", "--json");
      expect(cut.stderr).toBe("1 shown; more with --limit\n");
      expect(JSON.parse(cut.stdout)).toEqual({ version: 1, processes: items, more: true });
      // oxlint-disable-next-line no-control-regex -- control characters are what this is about
      expect(cut.stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
      expect(items[0]?.name).toBe(HOSTILE);
      const connections = JSON.parse((await as("viewer", "connections", "--json")).stdout) as {
        connections: ConnectionRecord[];
      };
      expect(connections).toMatchObject({
        version: 1,
        more: false,
        connections: [{ bytesSent: 2048, bytesReceived: 1_048_576, uncertaintyBytes: null, remotePort: 443 }],
      });
    },
  );

  testWith(["binary"], "one agent, with what is stored of its streams", async () => {
    const table = await as("viewer", "agents", "show", agent.identity.id.slice(0, 10));
    expect([table.stderr, table.code]).toEqual(["", 0]);
    expect(table.stdout).toMatch(/^process  [0-9a-f]{16}   unknown       2     0      2  adds up$/m);
    const { stdout, code } = await as("viewer", "agents", "show", agent.identity.id, "--json");
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      version: 1,
      agent: {
        id: agent.identity.id,
        hostname: HOSTILE,
        stored: expect.arrayContaining([
          expect.objectContaining({ stream: "process", cursor: 2, stored: 2, lost: 0 }),
        ]) as unknown,
      },
    });
  });
});

describe("decisions", () => {
  testWith(["binary"], "a category, by name: in the list, the history and the audit log", async () => {
    expect(await as("operator", "classify", "steam", "media", "--reason", "as we use it")).toEqual({
      stdout: "",
      stderr: "steam is media from now on (it was game)\n",
      code: 0,
    });
    const history = JSON.parse((await as("viewer", "classify", "steam", "--json")).stdout) as unknown;
    expect(history).toMatchObject({
      version: 1,
      classification: {
        processName: "steam",
        category: "media",
        history: [{ oldCategory: "game", newCategory: "media", reason: "as we use it" }, {}],
      },
    });
    const audit = await as("admin", "audit", "--action", "classification.override");
    expect(audit.stdout.split("\n")[1]).toContain("key:operator-key");
  });

  testWith(
    ["binary"],
    "a token and a key: alone on standard output, good until they are revoked",
    async () => {
      const token = await as("operator", "token", "create", "--uses", "2", "--expires", "1h");
      expect([token.code, /^wbj1\.[\w-]+\n$/.test(token.stdout)]).toEqual([0, true]);
      expect(token.stderr).toMatch(
        /^good for 2 agents until .*; on the machine that joins: wb agent join TOKEN\n$/,
      );
      const key = await as("admin", "key", "create", "grafana");
      expect([key.code, /^wbk_[0-9a-f]{16}_[\w-]{43}\n$/.test(key.stdout)]).toEqual([0, true]);
      const { keys } = JSON.parse((await as("admin", "key", "list", "--json")).stdout) as {
        keys: { id: string; name: string; role: string; expiresAtMs: number | null }[];
      };
      const made = keys.find(({ name }) => name === "grafana");
      expect([made?.role, made?.expiresAtMs]).toEqual(["viewer", null]);
      expect(await as("admin", "key", "revoke", made?.id ?? "")).toEqual({
        stdout: "",
        stderr: `${made?.id}: revoked\n`,
        code: 0,
      });
      expect((await as("admin", "key", "revoke", made?.id ?? "")).code).toBe(1);
    },
  );
});

describe("mistakes", () => {
  const CASES: readonly (readonly [Role, string, string, number])[] = [
    ["viewer", "agents show nobody", 'wb: there is no agent "nobody"', 2],
    ["viewer", "token create", "wb: this needs the role operator, and you are viewer", 4],
    ["operator", "user list", "wb: this needs the role admin, and you are operator", 4],
    [
      "operator",
      "token create --expires 31d",
      'wb: --expires: "31d" is not a time of one second to 30 days',
      2,
    ],
    ["operator", "token create --uses 0", 'wb: --uses: "0" is not a count', 2],
    ["operator", "token revoke nosuch", "wb: there is no such token, or it is revoked already", 1],
    ["admin", "user change nobody --disable", 'wb: there is no user "nobody"', 2],
    ["admin", "user change anna --disable --enable", "wb: --disable and --enable exclude each other", 2],
    ["viewer", "processes --since never", 'wb: --since: "never" is not a moment', 2],
    ["viewer", "tokens", 'wb: wb serve has no command "tokens"', 2],
    ["viewer", "token", "wb: serve token needs a command", 2],
    ["viewer", "token creat", 'wb: wb serve token has no command "creat"', 2],
  ];
  for (const [role, words, message, code] of CASES) {
    testWith(["binary"], `wb serve ${words}`, async () => {
      const run = await as(role, ...words.split(" "));
      const [first, second] = run.stderr.split("\n");
      expect([first, second?.startsWith("hint: "), run.stdout, run.code]).toEqual([message, true, "", code]);
    });
  }

  testWith(["binary"], "an agent without a parent, a place that is none, a token that is none", async () => {
    await using home = await tmpdir();
    const place = join(home.path, "state");
    const file = join(home.path, "file");
    await writeFile(file, "");
    const cases: readonly (readonly [string[], string, number])[] = [
      [["agent", "--state-dir", place], "wb: this machine has joined no parent", 2],
      [["agent", "join", "nonsense", "--state-dir", place], "wb: this is no join token, or not all of it", 2],
      [
        ["agent", "join", "--parent", "127.0.0.1:1", "--state-dir", place],
        "wb: 127.0.0.1:1 can't be reached: connect ECONNREFUSED 127.0.0.1:1",
        1,
      ],
      [
        ["agent", "--state-dir", file],
        `wb: cannot make the agent's directory ${file}: a file is in its place`,
        1,
      ],
      [["serve", "--state-dir", file], `wb: cannot make ${file}: a file is in its place`, 1],
      [["agent", "start"], 'wb: wb agent has no command "start"', 2],
      [["agent", "processes", "--state-dir", place], "wb: no agent runs here that could be asked", 1],
    ];
    for (const [words, message, code] of cases) {
      const run = await runWb(words, { home: home.path });
      const lines = run.stderr.split("\n").filter((line) => !line.startsWith("asking "));
      expect([lines[0], lines[1]?.startsWith("hint: "), run.stdout, run.code]).toEqual([
        message,
        true,
        "",
        code,
      ]);
    }
    const leave = await runWb(["agent", "leave", "--purge", "--state-dir", join(home.path, "none")], {
      home: home.path,
    });
    expect(leave).toEqual({
      stdout: "",
      stderr: `there is no agent in ${join(home.path, "none")}\n`,
      code: 0,
    });
  });

  testWith(
    ["binary", "root", "program:setpriv"],
    "a log that may not be read is not an empty one",
    async () => {
      await using nobodys = await nobodysPlace();
      const binary = await nobodys.install(BINARY_PATH, "wb");
      const directory = join(nobodys.path, "agent");
      await mkdir(directory, { mode: 0o700 });
      const child = Bun.spawn(nobodys.command(binary, "agent", "logs", "--state-dir", directory), {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: wbEnvironment(),
      });
      const [stdout, stderr, code] = await Promise.all([
        child.stdout.text(),
        child.stderr.text(),
        child.exited,
      ]);
      const path = join(directory, "agent.log");
      expect({ stdout, stderr, code }).toEqual({
        stdout: "",
        stderr: `wb: ${path} may not be read\nhint: as root, or as the agent's user\n`,
        code: 4,
      });
    },
  );

  testWith(["binary"], "a reader that goes away is an orderly end", async () => {
    const { key } = await parent.key("viewer");
    const env = { WB_PARENT: address(), WB_PARENT_PIN: parent.server.pin, WB_API_KEY: key };
    const shell = Bun.spawn(
      ["bash", "-c", `set -o pipefail; "${BINARY_PATH}" serve processes --json | head -1`],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: wbEnvironment({ env }),
      },
    );
    const [stdout, stderr, code] = await Promise.all([
      shell.stdout.text(),
      shell.stderr.text(),
      shell.exited,
    ]);
    expect({ stdout, stderr, code }).toEqual({ stdout: "{\n", stderr: "", code: 0 });
  });
});
