/** An agent's loops against a real parent: what it sees arrives once, in order, through outages, refusals, gaps and restarts of either. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import { arrived, range, world } from "../../support/fleet/agent-world.ts";
import { waitFor } from "../../support/wait-for.ts";
import { fastest } from "../../support/fastest.ts";

function holds(status: { produced: number; acked: number; pending: number; lost: number }): boolean {
  return status.produced === status.acked + status.pending + status.lost;
}

test("what is appended arrives, each stream in its order; status tells the invariant; the parent knows the agent", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 500));
  agent.append("flow", ...range(1, 50));
  expect(await arrived(at, id, "process", 500)).toEqual(range(1, 500));
  expect(await arrived(at, id, "flow", 50)).toEqual(range(1, 50));
  const status = await waitFor("all acknowledged", async () => {
    const told = (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
    return told.streams?.every(({ pending }) => pending === 0) === true && told;
  });
  expect(status).toMatchObject({
    running: true,
    agentId: id,
    parent: { parentName: "test parent", state: "active", code: null, addresses: [at.address] },
    link: { state: "online", standing: "accepted", problem: null },
    captureMethod: "test",
    runningProcesses: 3,
    notices: ["a notice"],
    storageProblem: null,
  });
  expect(
    status.streams
      ?.filter(({ produced }) => produced > 0)
      .map(({ stream, produced, acked, lost, invariantHolds }) => ({
        stream,
        produced,
        acked,
        lost,
        invariantHolds,
      })),
  ).toEqual([
    { stream: "flow", produced: 50, acked: 50, lost: 0, invariantHolds: true },
    { stream: "process", produced: 500, acked: 500, lost: 0, invariantHolds: true },
  ]);
  const summary = await waitFor("the heartbeat at the parent", async () => {
    const found = await at.parent.store.agents.summary(id, 0);
    return found?.captureMethod === "test" && found;
  });
  expect([summary.captureMethod, summary.notices]).toEqual(["test", ["a notice"]]);
  expect(agent.lines.filter((line) => !line.startsWith("info"))).toEqual([]);
  expect(at.parent.complaints).toEqual([]);
});

test("cut off for a while, it keeps, comes back by itself, and catches up in order; an agent that is cut off knocks from one loop", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 10));
  await arrived(at, id, "process", 10);
  await at.shut();
  agent.append("process", ...range(11, 200));
  await waitFor("the agent to notice", () =>
    agent.lines.some((line) => line.startsWith("warn not connected: ")),
  );
  agent.append("process", ...range(201, 300));
  await agent.outbox?.flush();
  const kept = agent.outbox?.status().streams.find(({ stream }) => stream === "process");
  expect(kept).toMatchObject({ produced: 300, lost: 0 });
  expect(kept !== undefined && holds(kept)).toBe(true);
  const before = at.requests.length;
  await at.open();
  expect(await arrived(at, id, "process", 300)).toEqual(range(1, 300));
  expect(at.requests[before]).toBe("/api/agent/heartbeat");
  expect(agent.lines.filter((line) => line === "info connected to the parent")).toHaveLength(2);
});

test("told to wait by Retry-After, it waits, and then goes on", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  const times: number[] = [];
  at.intervene = (_, path) => {
    if (path !== "/api/agent/process-events") return undefined;
    times.push(performance.now());
    if (times.length > 1) return undefined;
    return Response.json(
      { error: { code: "storage_full", message: "no room" } },
      { status: 503, headers: { "retry-after": "1" } },
    );
  };
  agent.start({ retryMaxMs: 100 });
  agent.append("process", 1, 2);
  expect(await arrived(at, id, "process", 2)).toEqual([1, 2]);
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThanOrEqual(999);
});

test("an answer that is lost costs nothing: the same batch again is the same events once", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let lost = 0;
  at.intervene = async (request, path) => {
    if (path !== "/api/agent/process-events" || lost >= 3) return undefined;
    lost += 1;
    const body = await request.arrayBuffer();
    await at.pass(path, { method: "POST", headers: request.headers, body });
    return new Response("gateway", { status: 502 });
  };
  agent.start({ retryMaxMs: 100 });
  agent.append("process", ...range(1, 40));
  await waitFor("three lost answers", () => lost === 3);
  agent.append("process", ...range(41, 60));
  expect(await arrived(at, id, "process", 60)).toEqual(range(1, 60));
});

test("a parent that has lost what it acknowledged is told so, as a declared loss, and the rest goes on", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 20));
  await arrived(at, id, "process", 20);
  await waitFor("all acknowledged", () =>
    agent.outbox?.status().streams.every(({ pending }) => pending === 0),
  );
  at.intervene = async (request, path) => {
    // As a parent answers that was restored from a copy of when it had 5.
    if (path !== "/api/agent/process-events") return undefined;
    const body = (await request.clone().json()) as { header: { firstSeq: number } };
    if (body.header.firstSeq <= 6) return undefined;
    return Response.json({ error: { code: "gap", message: "a gap", cursor: 5 } }, { status: 409 });
  };
  agent.append("process", 21);
  expect(await arrived(at, id, "process", 21)).toEqual(range(1, 21));
  const [stream] = await waitFor("the loss is put right", () => {
    const streams = agent.outbox?.status().streams.filter((each) => each.stream === "process") ?? [];
    return streams[0]?.pending === 0 && streams;
  });
  // It has them after all (notLost): nothing is lost.
  expect(stream).toMatchObject({ produced: 21, acked: 21, lost: 0 });
  expect(agent.lines).toContain("warn the parent has the stream process up to 5 only, not up to 20");
});

test("a directory that was put back from a copy begins a new epoch, and nothing is taken for something else", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 5));
  await arrived(at, id, "process", 5);
  await agent.stop();
  await Bun.$`cp -r ${agent.path} ${agent.path}.copy`.quiet();
  agent.start();
  agent.append("process", ...range(6, 20));
  await arrived(at, id, "process", 20);
  await agent.stop();
  await Bun.$`rm -r ${agent.path} && mv ${agent.path}.copy ${agent.path}`.quiet();
  agent.start();
  await waitFor("it notices", () => agent.lines.some((line) => line.includes("its state was restored")));
  agent.append("process", ...range(21, 30));
  expect(await arrived(at, id, "process", 30)).toEqual(range(1, 30));
  const streams = agent.outbox?.status().streams ?? [];
  expect(streams.every(holds)).toBe(true);
});

test("a heartbeat's answer of a parent that was put back is believed only for what was acknowledged before it was asked", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let cursor = 3;
  at.intervene = async (request, path) => {
    if (path !== "/api/agent/heartbeat") return undefined;
    const body = await request.arrayBuffer();
    const answer = await at.pass(path, { method: "POST", headers: request.headers, body });
    const told = (await answer.json()) as { cursors: { stream: string; cursor: number }[] };
    const cursors = told.cursors.map((each) =>
      each.stream === "process" ? { ...each, cursor: Math.min(cursor, each.cursor) } : each,
    );
    return Response.json({ ...told, heartbeatIntervalMs: 1000, cursors });
  };
  agent.start();
  agent.append("process", ...range(1, 8));
  await arrived(at, id, "process", 8);
  const line = "warn the parent has lost what it had of the stream process after 3";
  await waitFor("the loss is told", () => agent.lines.includes(line));
  cursor = Number.MAX_SAFE_INTEGER;
  const account = await waitFor("it is put right", () => {
    const found = agent.outbox?.status().streams.find(({ stream }) => stream === "process");
    return found?.lost === 0 && found.acked === 8 && found;
  });
  expect(account).toMatchObject({ produced: 8, acked: 8, pending: 0, lost: 0 });
  expect(agent.lines.filter((each) => each === line).length).toBeLessThan(4);
});

test("other events in the same places are a conflict: a new epoch begins, and all of it arrives", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let told = 0;
  at.intervene = async (request, path) => {
    if (path !== "/api/agent/process-events" || told > 0) return undefined;
    told += 1;
    await request.arrayBuffer();
    return Response.json({ error: { code: "conflict", message: "other events" } }, { status: 409 });
  };
  agent.start();
  agent.append("process", ...range(1, 5));
  expect(await arrived(at, id, "process", 5)).toEqual(range(1, 5));
  const streams = await waitFor("acknowledged", () => {
    const found = agent.outbox?.status().streams ?? [];
    return found.every(({ pending }) => pending === 0) && found;
  });
  expect(streams.every(holds)).toBe(true);
});

test("commands reach it at once while it waits, each is done, and survives a restart as done", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  await waitFor("the long-poll", () => at.requests.includes("/api/agent/commands"));
  const { commands } = at.parent.context;
  const doneMs = await fastest(1000, async (time) => {
    await commands.send(id, "snapshot", null, { lifetimeMs: 60_000 });
    await waitFor("the snapshot", () => agent.watched.snapshots === time + 1);
  });
  const { snapshots } = agent.watched;
  expect(doneMs).toBeLessThan(1000);
  await commands.send(id, "watch", { intervalMs: 1000, forMs: 5000 }, { lifetimeMs: 60_000 });
  await waitFor("the watch", () => agent.watched.watches.length === 1);
  expect(agent.watched.watches).toEqual([[1000, 5000]]);
  const heartbeats = (): number => at.requests.filter((path) => path === "/api/agent/heartbeat").length;
  const before = heartbeats();
  await commands.send(id, "heartbeat", null, { lifetimeMs: 60_000 });
  await waitFor("a heartbeat now", () => heartbeats() > before);
  await agent.stop();
  agent.start();
  await waitFor(
    "connected again",
    () => agent.lines.filter((line) => line === "info connected to the parent").length === 2,
  );
  await commands.send(id, "snapshot", null, { lifetimeMs: 60_000 });
  await waitFor("only the new one", () => agent.watched.snapshots === snapshots + 1);
  expect(agent.watched.watches).toHaveLength(1);
});
