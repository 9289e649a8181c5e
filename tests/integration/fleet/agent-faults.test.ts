/** What goes wrong beside the link: a parent that fails with batches while it takes heartbeats, a disk that is full. Nothing waits for ever, and a person is told. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import type { SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import {
  AgentUnderTest,
  ParentWithDoor,
  range,
  storedNumbers,
  world,
} from "../../support/fleet/agent-world.ts";
import { waitFor } from "../../support/wait-for.ts";

const PROCESS_EVENTS = "/api/agent/process-events";

function lostOf(agent: AgentUnderTest): number | undefined {
  return agent.outbox?.status().streams.find(({ stream }) => stream === "process")?.lost;
}

async function noticeOf(agent: AgentUnderTest): Promise<string | undefined> {
  const status = (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
  return status.notices[0];
}

/** Fails with batches that are like this. */
function failing(at: ParentWithDoor, with_: (batch: SignedBatch) => boolean): void {
  at.intervene = async (request, path) => {
    if (path !== PROCESS_EVENTS) return undefined;
    const batch = JSON.parse(await request.clone().text()) as SignedBatch;
    return with_(batch) ? new Response(null, { status: 500 }) : undefined;
  };
}

test("a parent that fails with one event again and again: it alone is given up, in its place, and all others arrive", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  failing(at, ({ items }) => items.some((item) => "eventId" in item && item.eventId === 61));
  agent.start();
  agent.append("process", ...range(1, 99));
  await waitFor(
    "all but one",
    async () => (await storedNumbers(at.parent, id, "process")).length === 98,
    30_000,
  );
  expect(await storedNumbers(at.parent, id, "process")).toEqual([...range(1, 60), ...range(62, 99)]);
  await waitFor("the loss", () => lostOf(agent) === 1);
  const losses = await at.parent.store.events.losses({ agentId: id, limit: 10 });
  expect(losses.items).toMatchObject([{ stream: "process", firstSeq: 61, lastSeq: 61, reason: "refused" }]);
}, 40_000);

test("a parent that fails with every batch is told to a person, and has one event given up, not more", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let isBroken = true;
  failing(at, () => isBroken);
  agent.start();
  agent.append("process", ...range(1, 20));
  await waitFor("it is told", async () => {
    const told = "the stream process is kept here: the parent refuses: it answered with status 500";
    return (await noticeOf(agent)) === told;
  });
  expect(lostOf(agent)).toBe(0);
  await waitFor("the first", () => lostOf(agent) === 1, 30_000);
  const before = at.requests.filter((path) => path === PROCESS_EVENTS).length;
  await waitFor(
    "many more failures",
    () => at.requests.filter((path) => path === PROCESS_EVENTS).length > before + 10,
    20_000,
  );
  expect(lostOf(agent)).toBe(1);
  isBroken = false;
  await waitFor("the rest", async () => (await storedNumbers(at.parent, id, "process")).length === 19);
  expect(await storedNumbers(at.parent, id, "process")).toEqual(range(2, 20));
  await waitFor("it is well", async () => (await noticeOf(agent))?.includes("is kept here") === false);
}, 80_000);

test("a long-poll whose connection is dead, which nobody has told, delays a command by a heartbeat at most", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let polls = 0;
  at.intervene = async (request, path) => {
    if (path === "/api/agent/commands") {
      polls += 1;
      return polls === 1 ? await new Promise<Response>(() => undefined) : undefined;
    }
    if (path !== "/api/agent/heartbeat") return undefined;
    const body = await request.arrayBuffer();
    const answer = await at.pass(path, { method: "POST", headers: request.headers, body });
    const told = (await answer.json()) as object;
    return Response.json({ ...told, heartbeatIntervalMs: 1000 }, { status: answer.status });
  };
  agent.start();
  await waitFor("the long-poll", () => polls === 1);
  await at.parent.context.commands.send(id, "snapshot", null, { lifetimeMs: 60_000 });
  await waitFor("the command", () => agent.watched.snapshots === 1, 15_000);
  expect(agent.lines.filter((line) => !line.startsWith("info "))).toEqual([]);
}, 30_000);

test("a disk that is full is told to the parent before the next heartbeat is due", async () => {
  await using all = await world();
  const { at, agent } = all;
  const told: string[][] = [];
  at.intervene = async (request, path) => {
    if (path === "/api/agent/heartbeat")
      told.push(((await request.clone().json()) as { notices: string[] }).notices);
    return undefined;
  };
  agent.start();
  await waitFor("a heartbeat", () => told.length > 0);
  const { outbox } = agent;
  if (outbox === undefined) throw new Error("no outbox");
  const status = outbox.status.bind(outbox);
  outbox.status = () => ({ ...status(), storageProblem: "the disk is full" });
  await waitFor("the next", () => told.length > 1, 15_000);
  expect(told.at(-1)).toEqual(["the disk is full", "a notice"]);
}, 20_000);
