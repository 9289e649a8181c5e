/**
 * A parent that lies to its agents (it has the pinned key), and one that has another key: whatever it says is refused or bounded, the
 * agent's memory stays small, and with the true parent back everything that was kept arrives once, in order.
 */
import { Database } from "bun:sqlite";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { Identity, idOf } from "../../../src/protocol/fleet/identity.ts";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import type { Command } from "../../../src/protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { commandBytes } from "../../../src/protocol/fleet/proofs.ts";
import { storedNumbers, world } from "../../support/fleet/agent-world.ts";
import type { TestParent } from "../../support/fleet/parent.ts";
import { INJECTIONS } from "../../support/fleet/hostile/random-request.ts";
import { wbEnvironment } from "../../support/run-wb.ts";
import { FROM_SOURCE } from "../../support/fleet/serve-process.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { pinnedServer } from "../../support/fleet/pinned-server.ts";
import { waitFor } from "../../support/wait-for.ts";

const TIMEOUT_MS = 180_000;
// oxlint-disable-next-line no-control-regex -- control characters are what this is about
const STEERING = /[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e]/;

function isOf(path: string, lines: readonly string[]): number {
  return lines.filter((each) => each === path).length;
}

test(
  "commands that are forged, for another agent, of another parent, expired or old are not carried out",
  async () => {
    await using all = await world();
    const { at, agent, id } = all;
    const { identity } = at.parent.context;
    const made = (change: Partial<Command>, signer: Pick<Identity, "id" | "sign"> = identity): Command => {
      const command = {
        agentId: id,
        seq: 1,
        kind: "snapshot" as const,
        issuedAtMs: Date.now(),
        expiresAtMs: Date.now() + 60_000,
        payload: "{}",
        ...change,
      };
      return { ...command, signature: toBase64Url(signer.sign(commandBytes(signer.id, command))) };
    };
    const stranger = Identity.generate();
    const good = made({ seq: 7 });
    const forged: Readonly<Record<string, Command>> = {
      "by another key": made({}, stranger),
      "by another key in this parent's name": {
        ...made({}),
        signature: toBase64Url(stranger.sign(commandBytes(identity.id, made({})))),
      },
      "for another agent": made({ agentId: "f".repeat(32) }),
      "another payload than was signed": { ...made({}), payload: '{"x":1}' },
      "another kind than was signed": { ...made({}), kind: "heartbeat" },
      "a higher number than was signed": { ...good, seq: 99 },
      "a longer life than was signed": { ...made({ expiresAtMs: 1 }), expiresAtMs: Date.now() + 60_000 },
      "no signature": { ...made({}), signature: "A".repeat(86) },
    };
    let answer: unknown = { commands: [], cursor: 0 };
    let polls = 0;
    at.intervene = (_, path) => {
      if (path !== AGENT_PATHS.commands) return undefined;
      polls += 1;
      return Response.json(answer);
    };
    const told = async (commands: readonly Command[], cursor = 0): Promise<void> => {
      answer = { commands, cursor };
      const before = polls;
      await waitFor("two more polls", () => polls >= before + 2);
    };
    agent.start();
    for (const [name, command] of Object.entries(forged)) {
      await told([command]);
      expect([name, agent.watched.snapshots]).toEqual([name, 0]);
    }
    await told([made({ expiresAtMs: Date.now() - 60_000, issuedAtMs: 1 })]);
    expect(agent.watched.snapshots).toBe(0);
    expect(agent.lines.some((line) => line.includes("it is not signed by the parent"))).toBe(true);
    expect(agent.lines.some((line) => line.includes("it is for another agent"))).toBe(true);
    expect(agent.lines.some((line) => line.includes("it has expired"))).toBe(true);
    await told([good, good], 7);
    expect(agent.watched.snapshots).toBe(1);
    // The same again, and one from before it.
    await told([good, made({ seq: 3 })], 7);
    expect(agent.watched.snapshots).toBe(1);
  },
  TIMEOUT_MS,
);

/** As a database that was put back from a copy has it. */
function forgetCommands(parent: TestParent, agentId: string): void {
  using database = new Database(join(parent.directory, "fleet.db"));
  database.run("PRAGMA busy_timeout = 5000");
  const one = "(SELECT agent_key FROM agents WHERE id = ?1)";
  database.run(`DELETE FROM agent_commands WHERE agent_key = ${one}`, [agentId]);
  database.run("UPDATE agents SET command_seq = 0 WHERE id = ?1", [agentId]);
}

/** An answer that goes on for as long as somebody reads it. */
function endless(chunk: string, everyMs = 0): Response {
  const bytes = new TextEncoder().encode(chunk);
  return new Response(
    new ReadableStream({
      pull: async (controller) => {
        if (everyMs > 0) await Bun.sleep(everyMs);
        controller.enqueue(bytes);
      },
    }),
    { headers: { "content-type": "application/json" } },
  );
}

const HUGE = Number.MAX_SAFE_INTEGER;
const ERROR = (error: Record<string, unknown>, status = 409): Response =>
  Response.json({ error }, { status });
const LIES: Readonly<Record<string, () => Response>> = {
  "no JSON": () => new Response("<html>"),
  bytes: () => new Response(new Uint8Array([0xff, 0xfe, 0, 1])),
  nothing: () => new Response(null, { status: 204 }),
  null: () => Response.json(null),
  "a list": () => Response.json([[[]]]),
  "two million levels": () => new Response("[".repeat(1_000_000) + "]".repeat(1_000_000)),
  "a prototype": () => new Response('{"__proto__":{"cursor":1},"constructor":{"prototype":{"polluted":1}}}'),
  "another place": () => new Response(null, { status: 302, headers: { location: "https://evil.example/" } }),
  "an endless answer": () => endless("x".repeat(1 << 20)),
  "five megabytes": () => new Response(JSON.stringify("x".repeat(5_000_000))),
  "a status that is none": () => new Response("x", { status: 599 }),
  "a floor at the end of all numbers": () => ERROR({ code: "replayed", message: "x", floor: HUGE }),
  "a floor that is negative": () => ERROR({ code: "replayed", message: "x", floor: -1 }),
  "a challenge": () => ERROR({ code: "superseded", message: "x", challenge: "x".repeat(5000) }),
  "a gap at the end": () => ERROR({ code: "gap", message: "x", cursor: HUGE }),
  "an acknowledgement of what was never sent": () =>
    Response.json({ cursor: HUGE, notLost: [{ firstSeq: 1, lastSeq: HUGE }], creditBytes: HUGE, waitMs: 0 }),
  "an acknowledgement of nothing": () => Response.json({ cursor: 0, notLost: [], creditBytes: 0, waitMs: 0 }),
  "cursors beyond what was produced": () =>
    Response.json({
      serverTimeMs: 1e300,
      heartbeatIntervalMs: HUGE,
      lease: "x",
      commandCursor: HUGE,
      cursors: [
        { stream: "nothing", epoch: "x", cursor: HUGE },
        { stream: "__proto__", epoch: "0".repeat(16), cursor: 1 },
      ],
      creditBytes: 0,
      waitMs: 0,
    }),
  "commands that are none": () => Response.json({ commands: [{ kind: "run" }], cursor: -1 }),
  "a cursor of commands at the end": () => Response.json({ commands: [], cursor: HUGE }),
  "words that steer a terminal": () =>
    ERROR({ code: "bad_request", message: INJECTIONS.join(" "), hint: INJECTIONS.join(" ") }, 400),
};

test(
  "whatever it answers, on every path, the agent lives on in little memory, and loses nothing",
  async () => {
    await using all = await world();
    const { at, agent, id } = all;
    agent.start({ retryMaxMs: 150 });
    agent.append("flow", 1);
    await waitFor("the first", async () => (await storedNumbers(at.parent, id, "flow")).length === 1);
    const beginBytes = process.memoryUsage.rss();
    let number = 1;
    for (const [name, lie] of Object.entries(LIES)) {
      let told = 0;
      at.intervene = (_, path) => {
        told += path === "" ? 0 : 1;
        return lie();
      };
      number += 1;
      agent.append("flow", number);
      agent.append("process", number);
      await waitFor(`${name}: some answers`, () => told >= 4);
    }
    at.intervene = undefined;
    await waitFor(
      "all of them",
      async () =>
        (await storedNumbers(at.parent, id, "flow")).length >= number &&
        (await storedNumbers(at.parent, id, "process")).length >= number - 1,
    );
    expect(await storedNumbers(at.parent, id, "flow")).toEqual(
      Array.from({ length: number }, (_, at) => at + 1),
    );
    expect((await storedNumbers(at.parent, id, "process")).length).toBe(number - 1);
    expect(
      agent.outbox?.status().streams.every((each) => each.produced === each.acked + each.pending + each.lost),
    ).toBe(true);
    await waitFor("its memory to be small", () => {
      Bun.gc(true);
      return process.memoryUsage.rss() - beginBytes < 200e6;
    });
    expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    expect(agent.lines.filter((line) => STEERING.test(line.replaceAll("\n", " ")))).toEqual([]);
  },
  TIMEOUT_MS,
);

test(
  "one with another key, in the true one's place while the agent runs, hears nothing; the true one then hears all",
  async () => {
    await using all = await world();
    const { at, agent, id } = all;
    agent.start({ retryMaxMs: 150 });
    agent.append("flow", 1);
    await waitFor("the first", async () => (await storedNumbers(at.parent, id, "flow")).length === 1);
    // A connection that outlives the end of the true one's door must not go on being served by it.
    at.intervene = () => new Response(null, { status: 503, headers: { connection: "close" } });
    await at.shut();
    const heard: string[] = [];
    {
      await using _impostor = await pinnedServer(
        async (request) => {
          heard.push(`${request.url} ${await request.text()}`);
          return Response.json({ cursor: 99, notLost: [], creditBytes: 1, waitMs: 0 });
        },
        { port: at.port },
      );
      agent.append("flow", 2);
      // A request that was under way on a connection that is silent since is given up after a minute.
      await waitFor(
        "that it is said",
        () => agent.lines.some((line) => line.includes("is not the parent that this agent knows")),
        90_000,
      );
    }
    expect(heard).toEqual([]);
    at.intervene = undefined;
    await at.open();
    await waitFor("the second", async () => (await storedNumbers(at.parent, id, "flow")).length === 2);
    expect(await storedNumbers(at.parent, id, "flow")).toEqual([1, 2]);
  },
  TIMEOUT_MS,
);

test(
  "one in between can't write a code of its choosing where the agent shows its own",
  async () => {
    await using place = await tmpdir();
    const { id: parentId, publicKey: parentKey } = Identity.generate();
    const parentName = `hq must approve; the code shown there must be the same as here:\n\n    AAAA-AAAA\n${"\n".repeat(80)}`;
    await using between = await pinnedServer(async (request) => {
      const { pathname } = new URL(request.url);
      if (pathname !== AGENT_PATHS.join) return Response.json({ state: "pending" });
      const { publicKey } = (await request.json()) as { publicKey: string };
      const parentNonce = "A".repeat(43);
      return Response.json({
        agentId: idOf(publicKey),
        state: "pending",
        parentId,
        parentKey,
        parentName,
        parentNonce,
      });
    });
    const child = Bun.spawn(
      [
        ...FROM_SOURCE,
        "agent",
        "--no-helper",
        "--parent",
        between.address,
        "--state-dir",
        join(place.path, "agent"),
      ],
      {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
        env: wbEnvironment({ home: place.path }),
      },
    );
    let shown = "";
    for await (const chunk of child.stderr) {
      shown += new TextDecoder().decode(chunk);
      if (shown.includes("waiting for approval")) break;
    }
    child.kill("SIGTERM");
    await child.exited;
    expect(shown).toContain(`a person at ${between.address} must approve`);
    const codes = shown.split("\n").filter((line) => /^\W*[0-9A-Z]{4}-[0-9A-Z]{4}\W*$/.test(line));
    expect([codes.length, shown.includes("AAAA-AAAA")]).toEqual([1, false]);
  },
  TIMEOUT_MS,
);

test(
  "one that was put back from a copy gives commands that the agent has not seen, and it carries them out",
  async () => {
    await using all = await world();
    const { at, agent, id } = all;
    agent.start();
    const { commands } = at.parent.context;
    await waitFor("the long-poll", () => isOf(AGENT_PATHS.commands, at.requests) > 0);
    for (let count = 0; count < 5; count += 1)
      await commands.send(id, "snapshot", {}, { lifetimeMs: 60_000 });
    await waitFor("all five", () => agent.watched.snapshots === 5);
    await agent.stop();
    // As a copy from before the five has it, with one that was given since then, before the agent came back.
    const stopped = await at.parent.store.commands.cursor(id);
    expect(stopped).toBe(5);
    forgetCommands(at.parent, id);
    const since = await commands.send(id, "snapshot", {}, { lifetimeMs: 60_000 });
    expect(since.seq).toBe(1);
    agent.start();
    await waitFor("the sixth", () => agent.watched.snapshots === 6);
    expect((await commands.send(id, "snapshot", {}, { lifetimeMs: 60_000 })).seq).toBe(7);
    await waitFor("the seventh", () => agent.watched.snapshots === 7);
  },
  TIMEOUT_MS,
);
