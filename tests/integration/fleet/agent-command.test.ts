/** `wb agent` as a person runs it, as a process of its own: join, run, ask, kill, leave; with exact words and exit codes. */
import { expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import { ParentWithDoor } from "../../support/fleet/agent-world.ts";
import { connectProxy } from "../../support/fleet/connect-proxy.ts";
import { wbEnvironment } from "../../support/run-wb.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const MAIN = join(import.meta.dir, "../../../src/main.ts");
const TEST_MS = 240_000;
const RUN_MS = 60_000;

interface Ran {
  readonly out: string;
  readonly err: string;
  readonly code: number;
}

function begin(words: readonly string[], env: Record<string, string> = {}, input?: string) {
  return Bun.spawn([process.execPath, MAIN, "agent", ...words], {
    // From source: Bun would keep what it has translated in the home that is none.
    env: wbEnvironment({ env: { ...env, WB_AGENT_RETRY_MAX: "1s", BUN_RUNTIME_TRANSPILER_CACHE_PATH: "0" } }),
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
}

async function run(words: readonly string[], env: Record<string, string> = {}, input?: string): Promise<Ran> {
  const child = begin(words, env, input);
  // One that hangs is ended, so that the test can tell what it said.
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS);
  const [out, err, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(timer);
  return { out, err, code };
}

/** How it ended and what it said; one that does not end is killed, so that the test can tell it. */
async function endOf(child: ReturnType<typeof begin>, said: Promise<string>): Promise<[number, string]> {
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS);
  const code = await child.exited;
  clearTimeout(timer);
  return [code, await said];
}

async function statusOf(directory: string): Promise<AgentStatus> {
  const { out, err } = await run(["status", "--json", "--state-dir", directory]);
  if (out === "") throw new Error(err);
  return JSON.parse(out) as AgentStatus;
}

async function online(directory: string): Promise<AgentStatus> {
  await waitFor("connected", async () => {
    // Asked directly: starting a program for each look would take what the agent needs to begin.
    const asked = askControl(join(directory, FILES.socket), { ask: "status" }) as Promise<AgentStatus>;
    const status = await asked.catch(() => undefined);
    return status?.link?.state === "online";
  });
  return await statusOf(directory);
}

test(
  "join, run, status, two at once, kill, run again, end, leave",
  async () => {
    await using at = await ParentWithDoor.start();
    await using directory = await tmpdir();
    const path = join(directory.path, "agent");
    const there = ["--state-dir", path, "--no-helper"];

    const alone = await run(there);
    expect(alone.err).toBe(
      "wb: this machine has joined no parent\nhint: wb agent join TOKEN, with a token of `wb serve token create`; or wb agent --parent HOST, and approve it there\n",
    );
    expect(alone.code).toBe(2);

    const joined = await run(["join", "-", "--state-dir", path], {}, `${await at.token()}\n`);
    expect(joined.err).toMatch(
      /^asking 127\.0\.0\.1:\d+ to join…\njoined test parent \([0-9a-f]{32}\)\nstart it: wb agent, or as a service: wb agent install(?: --user)?\n$/,
    );
    expect(joined.code).toBe(0);
    const id = joined.out.trim();
    expect((await at.parent.store.agents.get(id))?.state).toBe("active");

    await using first = begin(there);
    const status = await online(path);
    expect(status).toMatchObject({
      running: true,
      pid: first.pid,
      agentId: id,
      link: { standing: "accepted" },
    });
    const second = await run(there);
    expect(second.err).toStartWith(`wb: another agent uses ${path}\n`);
    expect(second.code).toBe(1);

    first.kill("SIGKILL");
    await first.exited;
    const dead = await statusOf(path);
    expect(dead).toMatchObject({ running: false, agentId: id, link: null });
    expect(dead.streams?.every(({ invariantHolds }) => invariantHolds)).toBe(true);

    await using again = begin(there);
    const said = again.stderr.text();
    const alive = await online(path);
    expect(alive.pid).toBe(again.pid);
    expect(alive.streams?.every(({ invariantHolds, lost }) => invariantHolds && lost === 0)).toBe(true);
    const words = await run(["status", "--state-dir", path]);
    expect(words.out).toMatch(
      /^agent +[0-9a-f]{32}\nparent +test parent \(127\.0\.0\.1:\d+\)\nconnection +connected for /,
    );
    expect(words.out).toMatch(/\nprocess +\d+ +\d+ +\d+ +0 +.* adds up\n/);
    again.kill("SIGTERM");
    const [code, lastWords] = await endOf(again, said);
    expect(code).toBe(0);
    expect(lastWords).toEndWith("wb agent: ended; what was seen is stored\n");

    const logs = await run(["logs", "-n", "1", "--state-dir", path]);
    expect(logs.out).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info ended; what was seen is stored\n$/);

    writeFileSync(join(path, "notes-of-a-person"), "keep");
    const left = await run(["leave", "--purge", "--state-dir", path]);
    expect(left.err).toBe(
      `left; the agent has no parent any more\nremoved the agent's key and all that it kept from ${path}\n`,
    );
    expect(readdirSync(path)).toEqual(["notes-of-a-person"]);
    expect((await at.parent.store.agents.get(id))?.state).toBe("removed");
  },
  TEST_MS,
);

test(
  "a running agent is told to leave, and ends",
  async () => {
    await using at = await ParentWithDoor.start();
    await using directory = await tmpdir();
    const path = join(directory.path, "agent");
    await using agent = begin(["--token", await at.token(), "--state-dir", path, "--no-helper"]);
    const { agentId } = await online(path);
    const left = await run(["leave", "--state-dir", path]);
    expect(left).toMatchObject({ err: "left; the agent has no parent any more\n", code: 0 });
    expect(await agent.exited).toBe(0);
    expect((await at.parent.store.agents.get(agentId ?? ""))?.state).toBe("removed");
    expect(existsSync(join(path, "identity.pem"))).toBe(true);
    expect((await run(["leave", "--state-dir", path])).err).toBe("this machine has joined no parent\n");
  },
  TEST_MS,
);

test(
  "by approval: the code is shown, and it runs once a person has approved",
  async () => {
    await using at = await ParentWithDoor.start();
    await using directory = await tmpdir();
    const path = join(directory.path, "agent");
    await using agent = begin(["--parent", at.address, "--state-dir", path, "--no-helper"]);
    const request = await waitFor("the request", async () => {
      const [found] = await at.parent.store.agents.joinRequests();
      return found?.code === undefined || found.code === "" ? undefined : found;
    });
    await at.parent.store.agents.setState(
      request.agentId,
      "active",
      "approved",
      { name: "anna", address: null },
      Date.now(),
    );
    await online(path);
    agent.kill("SIGTERM");
    const err = await agent.stderr.text();
    expect(err).toContain(`\n    ${request.code}\n`);
    expect(err).toContain(`there: wb serve agents approve ${request.agentId} ${request.code}\n`);
    expect(await agent.exited).toBe(0);
  },
  TEST_MS,
);

test(
  "an HTTPS proxy with a password: TLS in TLS, by an issuer that is trusted alone, and not where NO_PROXY says",
  async () => {
    await using at = await ParentWithDoor.start();
    await using directory = await tmpdir();
    const tls = { key: at.key.keyPem, cert: at.parent.ca };
    await using proxy = await connectProxy({ tls, user: "name:pass" });
    const issuer = join(directory.path, "issuer.pem");
    writeFileSync(issuer, at.parent.ca);
    const trust = { NODE_EXTRA_CA_CERTS: issuer };
    const there = `https://name:pass@127.0.0.1:${proxy.port}`;
    const joinBy = async (name: string, env: Record<string, string>): Promise<Ran> =>
      await run(["join", await at.token(), "--state-dir", join(directory.path, name)], env);
    const through = await joinBy("a", { ...trust, HTTPS_PROXY: there });
    expect(through.err).toContain("joined test parent");
    expect(proxy.tunnels).toEqual([at.address]);
    expect(proxy.seen()).not.toContain("POST");
    const around = await joinBy("b", { HTTPS_PROXY: there, NO_PROXY: "127.0.0.1" });
    expect([around.code, proxy.tunnels.length]).toEqual([0, 1]);
    const strange = await joinBy("c", { HTTPS_PROXY: there });
    expect(strange.err).toContain(`wb: the proxy 127.0.0.1:${proxy.port} can't be reached: `);
    expect(strange.err).toContain("of an issuer that this machine trusts");
    expect([strange.code, proxy.tunnels.length]).toEqual([1, 1]);
  },
  TEST_MS,
);

test(
  "wrong words are refused with what to do",
  async () => {
    await using at = await ParentWithDoor.start();
    await using directory = await tmpdir();
    const path = join(directory.path, "agent");
    const there = ["--state-dir", path];
    const refusals: [string[], string, number][] = [
      [
        ["join", "wbj1.short", ...there],
        "wb: this is no join token, or not all of it\nhint: copy the whole line that `wb serve token create` prints: it begins with wbj1.\n",
        2,
      ],
      [["join", "--token-file", join(path, "none"), ...there], "wb: the token can't be read: ENOENT", 2],
      [["--parent", "a b", ...there], 'wb: --parent: "a b" is not the address of a parent\n', 2],
      [["--proxy", "socks5://p", ...there], "wb: --proxy: a proxy of the kind socks5 can't be used\n", 2],
      [
        ["--flow-interval", "1ms", ...there],
        "wb: --flow-interval: the interval of flows is between 1 s and 1h 00m",
        2,
      ],
      [
        ["join", "--parent", at.address, "--pin", "x".repeat(43), ...there],
        `asking ${at.address} to join…\nwb: ${at.address} is not the parent that this agent knows: it has the key ${at.key.pin}\n`,
        1,
      ],
      [["logs", "-n", "x", ...there], 'wb: --lines must be a whole number up to 100000, not "x"\n', 2],
      [["frobnicate"], "wb: ", 2],
      [["install", "--print"], "wb: a service needs the compiled wb, not its source\n", 2],
    ];
    for (const [words, err, code] of refusals) {
      const ran = await run(words);
      expect(ran.err).toStartWith(err);
      expect([words[0], ran.code, ran.out]).toEqual([words[0], code, ""]);
    }
    const token = await at.token();
    expect((await run(["join", ...there], { WB_AGENT_TOKEN: token })).code).toBe(0);
    await using other = await ParentWithDoor.start();
    const elsewhere = await run(["join", await other.token(), ...there]);
    expect(elsewhere.err).toStartWith(
      `wb: this machine has joined test parent (${at.address}) already\nhint: \`wb agent leave\` first\n`,
    );
    const named = await run(["--parent", other.address, ...there]);
    expect(named.err).toStartWith(`wb: this machine has joined test parent (${at.address}) already\n`);
    expect(readFileSync(join(path, "parent.json"), "utf8")).not.toContain(other.address);
  },
  TEST_MS,
);
