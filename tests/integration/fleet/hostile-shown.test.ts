/**
 * Names that are programs, in every field that an agent or a stranger can set, and then every place where they are shown: the API gives
 * them as they are, and nothing on a terminal, in a log or in the metrics can steer it. The page has a test of its own
 * (page-hostile.test.ts).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { AgentSummary, ConnectionRecord, Page, ProcessRecord } from "../../../src/model/fleet.ts";
import { fingerprintHashOf } from "../../../src/protocol/fleet/fingerprint.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { commitmentOf, joinBytes } from "../../../src/protocol/fleet/proofs.ts";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import { INJECTIONS } from "../../support/fleet/hostile/random-request.ts";
import { MACHINE, newNonce, TestAgent, TestStream, type PreparedRequest } from "../../support/fleet/agent.ts";
import { ProcessTeller } from "../../support/fleet/process-events.ts";
import { wbEnvironment } from "../../support/run-wb.ts";
import { FROM_SOURCE, serveProcess, type ServeProcess } from "../../support/fleet/serve-process.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TIMEOUT_MS = 240_000;
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const STEERING = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]/u;
/** As text that a database keeps: what is no character becomes the one that says so. */
const KEPT = INJECTIONS.map((text) => text.replaceAll("\0", "\ufffd").toWellFormed());

async function send(serve: ServeProcess, request: PreparedRequest): Promise<void> {
  const { method, headers, body } = request;
  const path = request.url.slice(serve.announced.url.length);
  const answer = await serve.fetch(path, {
    method,
    headers,
    ...(method === "GET" ? {} : { body: new Uint8Array(body) }),
  });
  expect(`${path} ${answer.status} ${(await answer.text()).slice(0, 300)}`).toStartWith(`${path} 200 `);
}

interface Joined {
  readonly agent: TestAgent;
  readonly nonce: string;
}

async function joined(serve: ServeProcess, token: string | null, text: string): Promise<Joined> {
  const { url, parentId, pin } = serve.announced;
  const agent = new TestAgent({ url, parentId, pin });
  const nonce = newNonce();
  const machine = {
    ...MACHINE,
    hostname: text.slice(0, 255),
    platform: text.slice(0, 128),
    kernel: text.slice(0, 128),
    version: text.slice(0, 32),
    machineId: text.slice(0, 64),
  };
  const unsigned = { publicKey: agent.identity.publicKey, machine, token, commitment: commitmentOf(nonce) };
  const body = { ...unsigned, signature: toBase64Url(agent.identity.sign(joinBytes(unsigned, pin))) };
  const answer = await serve.fetch(AGENT_PATHS.join, { method: "POST", body: JSON.stringify(body) });
  expect([text, answer.status]).toEqual([text, 200]);
  return { agent, nonce };
}

function heartbeatOf(agent: TestAgent, text: string): unknown {
  const short = text.slice(0, 32);
  const beat = agent.heartbeat({
    machine: {
      ...MACHINE,
      hostname: text,
      platform: text.slice(0, 128),
      kernel: short,
      version: short,
      machineId: short,
    },
    captureMethod: short,
    notices: [text, text],
    sessions: [{ user: text, terminal: text.slice(0, 64), host: text, startedAtMs: 1e308 }],
    configHash: short,
    lease: short,
  });
  const streams = [
    {
      stream: short,
      epoch: "0".repeat(16),
      produced: 1,
      acked: 0,
      pending: 1,
      lost: 0,
      unknownTails: 0,
      pendingBytes: 9,
    },
  ];
  return { ...beat, streams };
}

function processOf(text: string, startedAtMs: number): unknown {
  const parts = { name: text, path: text, fileHash: null, publisher: text };
  const fingerprintHash = fingerprintHashOf(parts);
  const told = new ProcessTeller().started(
    { ...parts, fingerprintHash, signature: text, version: text },
    startedAtMs,
  ) as {
    eventData: { fingerprint: object };
  };
  const fingerprint = { ...told.eventData.fingerprint, commandLinePattern: text };
  return {
    ...told,
    timestamp: text.slice(0, 40),
    eventData: { ...told.eventData, userName: text, fingerprint },
  };
}

function flowOf(text: string): unknown {
  return {
    intervalStartMs: 1,
    intervalEndMs: 8.64e15,
    processId: null,
    processName: text,
    protocol: text.slice(0, 16),
    remoteAddress: text.slice(0, 64),
    remotePort: null,
    remoteHost: text,
    bytesSent: Number.MAX_SAFE_INTEGER,
    bytesReceived: 0,
    uncertaintyBytes: null,
    meaning: text.slice(0, 16),
    connections: 1,
  };
}

async function tell(serve: ServeProcess, { agent }: Joined, text: string, at: number): Promise<void> {
  await send(serve, agent.prepare("POST", AGENT_PATHS.heartbeat, heartbeatOf(agent, text)));
  const process = new TestStream(agent, "process");
  const started = process.batch([process.event(processOf(text, 1_700_000_000_000 + at), "process_started")]);
  await send(serve, agent.prepare("POST", AGENT_PATHS.processEvents, started));
  const flow = new TestStream(agent, "flow");
  const summary = flow.batch([flow.event(flowOf(text), "flow_summary")]);
  await send(serve, agent.prepare("POST", AGENT_PATHS.telemetry, summary));
  const odd = new TestStream(agent, "health");
  const event = odd.batch([odd.event({ [text]: text }, "odd")]);
  await send(serve, agent.prepare("POST", AGENT_PATHS.telemetry, event));
}

async function wb(
  home: string,
  ...args: string[]
): Promise<{ stdout: string; stderr: string; code: number }> {
  const child = Bun.spawn([...FROM_SOURCE, "serve", ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment({ home }),
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}

test(
  "text that steers is shown as text: by the API, the command line, the log, the metrics and the audit log",
  async () => {
    await using home = await tmpdir();
    await using serve = await serveProcess(home.path);
    const local = join(home.path, ".local", "state", "wirebound", "serve", "local.json");
    const { key } = JSON.parse(await readFile(local, "utf8")) as { key: string };
    const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const get = async <T>(path: string): Promise<T> => {
      const answer = await serve.fetch(path, { headers });
      expect([path, answer.status]).toEqual([path, 200]);
      return (await answer.json()) as T;
    };
    const made = await serve.fetch("/api/v1/tokens", {
      method: "POST",
      headers,
      body: JSON.stringify({ uses: 100 }),
    });
    const { token } = (await made.json()) as { token: string };
    const { i, s } = JSON.parse(Buffer.from(token.slice(5), "base64url").toString()) as {
      i: string;
      s: string;
    };
    const agents: Joined[] = [];
    for (const [at, text] of INJECTIONS.entries()) {
      const one = await joined(serve, `${i}.${s}`, text);
      agents.push(one);
      await tell(serve, one, text, at);
    }
    const waiting = await joined(serve, null, INJECTIONS[6]);
    await send(serve, waiting.agent.prepare("POST", AGENT_PATHS.joinReveal, { nonce: waiting.nonce }));
    for (const text of INJECTIONS.slice(0, 5)) {
      const body = JSON.stringify({ name: text, password: text });
      const failed = await serve.fetch("/api/v1/login", {
        method: "POST",
        headers: { "content-type": "application/json" },
        body,
      });
      expect(failed.status).toBe(401);
    }
    const id = agents[6]?.agent.identity.id ?? "";
    const reason = INJECTIONS.join(" ");
    const processes = await get<Page<ProcessRecord>>("/api/v1/processes?limit=1000");
    const { fingerprintHash } = processes.items.find(({ agentId }) => agentId === id) ?? {
      fingerprintHash: "",
    };
    const decisions: readonly (readonly [string, unknown])[] = [
      ["/api/v1/processes/override", { fingerprintHash, classification: "game", reason }],
      [`/api/v1/agents/${agents[7]?.agent.identity.id ?? ""}/remove`, { reason }],
    ];
    for (const [path, body] of decisions) {
      const answer = await serve.fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
      expect([path, answer.status]).toEqual([path, 200]);
    }

    // The API tells what was told, and nothing of it became something else.
    expect(processes.items.map(({ name }) => name).reverse()).toEqual(KEPT);
    expect(processes.items.map(({ commandLine, userName }) => [commandLine, userName]).reverse()).toEqual(
      KEPT.map((text) => [text, text]),
    );
    const connections = await get<Page<ConnectionRecord>>("/api/v1/connections?limit=1000");
    expect(connections.items.map(({ remoteHost }) => remoteHost).reverse()).toEqual(KEPT);
    await waitFor("the heartbeats", async () => {
      const { items } = await get<Page<AgentSummary>>("/api/v1/agents?limit=1000");
      return items.filter(({ notices }) => notices.length === 2).length === INJECTIONS.length;
    });
    for (const [at, text] of KEPT.entries()) {
      const found = await get<Page<ProcessRecord>>(
        `/api/v1/processes?search=${encodeURIComponent(text.slice(0, 200))}`,
      );
      expect([text, found.items.some(({ agentId }) => agentId === agents[at]?.agent.identity.id)]).toEqual([
        text,
        true,
      ]);
    }

    // On a terminal there are only lines of text.
    const commands = [
      ["agents"],
      ["agents", "waiting"],
      ["agents", "show", id],
      ["processes", "--all"],
      ["connections"],
      ["classify"],
      ["classify", fingerprintHash],
      ["audit"],
    ];
    for (const command of commands) {
      for (const json of [[], ["--json"]]) {
        const { stdout, stderr, code } = await wb(home.path, ...command, ...json);
        expect(`${command.join(" ")} ${code} ${stderr.slice(0, 300)}`).toStartWith(`${command.join(" ")} 0 `);
        expect([command, STEERING.exec(stdout + stderr)]).toEqual([command, null]);
        expect(stdout).not.toBe("");
        if (json.length > 0) JSON.parse(stdout);
      }
    }

    // The log has one line per thing, each of them JSON, and the metrics have none of it.
    const lines = serve.stderr().trim().split("\n").slice(1);
    expect(lines.filter((line) => line.includes("an agent is online"))).toHaveLength(INJECTIONS.length);
    for (const line of lines)
      expect([JSON.parse(line), STEERING.exec(line)]).toEqual([expect.any(Object), null]);
    const metrics = await (await serve.fetch("/metrics", { headers })).text();
    expect(STEERING.exec(metrics)).toBeNull();
    for (const text of INJECTIONS) expect([text, metrics.includes(text)]).toEqual([text, false]);
    const audit = JSON.stringify(await get("/api/v1/audit?limit=1000"));
    for (const text of KEPT.slice(0, 5))
      expect([text, audit.includes(JSON.stringify(text).slice(1, -1))]).toEqual([text, true]);
  },
  TIMEOUT_MS,
);
