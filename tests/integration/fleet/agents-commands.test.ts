/** The parent's word reaches an agent that waits at once, signed; who waits is let go when it ends. */
import { describe, expect, test } from "bun:test";
import { CommandsAnswer } from "../../../src/protocol/fleet/messages.ts";
import { isSignedBy } from "../../../src/protocol/fleet/identity.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { commandBytes } from "../../../src/protocol/fleet/proofs.ts";
import { TestAgent, send, type TestAnswer } from "../../support/fleet/agent.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { waitFor } from "../../support/wait-for.ts";

function ask(agent: TestAgent, after: number, waitSeconds: number): Promise<TestAnswer> {
  return agent.request("GET", `${AGENT_PATHS.commands}?after=${after}&wait=${waitSeconds}`);
}

async function untilWaiting(parent: TestParent, waiters = 1): Promise<void> {
  await waitFor("the agent to wait", () => parent.metric("wb_command_waiters") === waiters);
}

describe("a command", () => {
  test("wakes the agent that waits for it, within a second, and is signed for it", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const { publicKey, id } = parent.context.identity;
    const payload = { intervalMs: 1000, forMs: 60_000 };
    const wokenMs: number[] = [];
    for (const cursor of [0, 1, 2]) {
      const waiting = ask(agent, cursor, 30);
      await untilWaiting(parent);
      const beganMs = performance.now();
      const sent = await parent.context.commands.send(agent.identity.id, "watch", payload, {
        lifetimeMs: 60_000,
      });
      const answer = CommandsAnswer.parse((await waiting).body);
      wokenMs.push(performance.now() - beganMs);
      expect(answer).toEqual({ commands: [sent], cursor: cursor + 1 });
      const [command] = answer.commands;
      if (command === undefined) throw new Error("no command came");
      expect(JSON.parse(command.payload)).toEqual(payload);
      const { signature, ...rest } = command;
      expect(isSignedBy(publicKey, commandBytes(id, rest), signature)).toBe(true);
      const another = commandBytes(id, { ...rest, agentId: "0".repeat(32) });
      expect(isSignedBy(publicKey, another, signature)).toBe(false);
      await untilWaiting(parent, 0);
    }
    // The shortest: what else the machine does takes its time from any.
    expect(Math.min(...wokenMs)).toBeLessThan(1000);
  });

  test("that came while the agent was away is there at once, and is forgotten when it was carried out", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    for (const kind of ["snapshot", "heartbeat"] as const) {
      await parent.context.commands.send(agent.identity.id, kind, {}, { lifetimeMs: 60_000 });
    }
    const first = CommandsAnswer.parse((await ask(agent, 0, 30)).body);
    expect(first.commands.map(({ seq, kind }) => [seq, kind])).toEqual([
      [1, "snapshot"],
      [2, "heartbeat"],
    ]);
    expect(CommandsAnswer.parse((await ask(agent, 1, 30)).body).commands.map(({ seq }) => seq)).toEqual([2]);
    const beat = await agent.beat({ commandCursor: 2 });
    expect((beat.body as { commandCursor: number }).commandCursor).toBe(2);
    await waitFor("them to be forgotten", async () => {
      return (await parent.store.commands.after(agent.identity.id, 0, Date.now(), 10)).length === 0;
    });
  });

  test("that has expired is not given, and the cursor goes past it", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    await parent.context.commands.send(agent.identity.id, "snapshot", {}, { lifetimeMs: -1 });
    expect((await ask(agent, 0, 0)).body).toEqual({ commands: [], cursor: 1 });
  });

  test("replaces one with the same key that still waits", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    for (const lifetimeMs of [60_000, 70_000, 80_000]) {
      const options = { lifetimeMs, coalesceKey: "snapshot" };
      await parent.context.commands.send(agent.identity.id, "snapshot", {}, options);
    }
    const { commands, cursor } = CommandsAnswer.parse((await ask(agent, 0, 0)).body);
    expect(commands.map(({ seq }) => seq)).toEqual([3]);
    expect(cursor).toBe(3);
  });
});

describe("who waits", () => {
  test("is ended by a newer one of the same agent, which gets what comes", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const older = ask(agent, 0, 30);
    await untilWaiting(parent);
    const newer = ask(agent, 0, 30);
    expect((await older).body).toEqual({ commands: [], cursor: 0 });
    await parent.context.commands.send(agent.identity.id, "snapshot", {}, { lifetimeMs: 60_000 });
    expect(CommandsAnswer.parse((await newer).body).commands).toHaveLength(1);
    await untilWaiting(parent, 0);
  });

  test("is let go after its time, or when it hangs up", async () => {
    await using parent = await TestParent.start({ limits: { longPollMs: 50 } });
    const agent = await parent.agent();
    expect((await ask(agent, 7, 300)).body).toEqual({ commands: [], cursor: 7 });
    await using patient = await TestParent.start();
    const other = await patient.agent();
    const hangUp = new AbortController();
    const request = other.prepare("GET", `${AGENT_PATHS.commands}?after=0&wait=30`);
    const waiting = send(request, hangUp.signal).catch(() => "hung up");
    await untilWaiting(patient);
    hangUp.abort();
    expect(await waiting).toBe("hung up");
    await untilWaiting(patient, 0);
  });

  test("learns at once that its agent is quarantined, and no command is made for that", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const clone = agent.clone();
    expect((await agent.beat()).status).toBe(200);
    expect((await clone.beat()).status).toBe(200);
    const waiting = clone.persistently("GET", `${AGENT_PATHS.commands}?after=0&wait=200`);
    await untilWaiting(parent);
    const superseded = await agent.beat();
    expect(superseded.error?.code).toBe("superseded");
    const proof = await agent.beat({ challenge: superseded.error?.challenge ?? null });
    expect(proof.error?.code).toBe("quarantined");
    const answer = await waiting;
    expect([answer.status, answer.error?.code]).toEqual([403, "quarantined"]);
    expect(await parent.store.commands.after(agent.identity.id, 0, Date.now(), 10)).toEqual([]);
    await untilWaiting(parent, 0);
  });

  test("learns at once that its agent has left, also where it asked in the same moment", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const waiting = ask(agent, 0, 30);
    await untilWaiting(parent);
    expect((await agent.request("POST", AGENT_PATHS.leave, {})).status).toBe(200);
    const answer = await waiting;
    expect([answer.status, answer.error?.code]).toEqual([410, "removed"]);
    const { commands, stopping } = parent.context;
    expect(await commands.wait(agent.identity.id, 0, 30_000, stopping)).toEqual([]);
  });

  test("may ask only as it should", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    for (const query of ["", "?after=x", "?after=-1", "?after=0&wait=1e9", "?after=0&more=1"]) {
      const answer = await agent.request("GET", AGENT_PATHS.commands + query);
      expect([answer.status, answer.error?.code]).toEqual([400, "bad_request"]);
    }
  });
});
