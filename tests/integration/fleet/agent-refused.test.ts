/** What a real parent does not accept holds up nothing: one event is given up, declared with its reason, and all others arrive. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import { GIVE_UP_PAUSE_MS, GIVEN_UP_AT_ONCE } from "../../../src/agent/narrowing.ts";
import { isLoss, type SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import {
  AgentUnderTest,
  arrived,
  ParentWithDoor,
  range,
  storedNumbers,
  world,
} from "../../support/fleet/agent-world.ts";
import { waitFor } from "../../support/wait-for.ts";

const PROCESS_EVENTS = "/api/agent/process-events";

/** One that the parent's store refuses: it says that a process started, and not which. */
function poison(agent: AgentUnderTest): void {
  const event = { timestampMs: Date.now(), provider: "test", eventId: 1, payload: '{"not":"a start"}' };
  agent.outbox?.append("process", { ...event, type: "process_started" });
}

function processAccount(agent: AgentUnderTest): Record<string, number> | undefined {
  const found = agent.outbox?.status().streams.find(({ stream }) => stream === "process");
  if (found === undefined) return undefined;
  const { produced, acked, pending, lost } = found;
  return { produced, acked, pending, lost };
}

test("one event among many is refused: it alone is given up, and the parent's record says why", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 60));
  poison(agent);
  agent.append("process", ...range(61, 99));
  agent.append("flow", 1, 2);
  await waitFor("all but one", async () => (await storedNumbers(at.parent, id, "process")).length === 99);
  expect(await storedNumbers(at.parent, id, "process")).toEqual(range(1, 99));
  expect(await arrived(at, id, "flow", 2)).toEqual([1, 2]);
  await waitFor("all told", () => processAccount(agent)?.["pending"] === 0);
  expect(processAccount(agent)).toEqual({ produced: 100, acked: 99, pending: 0, lost: 1 });
  const losses = await at.parent.store.events.losses({ agentId: id, limit: 10 });
  expect(losses.items).toMatchObject([
    { stream: "process", firstSeq: 61, lastSeq: 61, reason: "refused", bytes: 17 },
  ]);
  const [line, ...others] = agent.lines.filter((each) => each.includes("is given up"));
  expect(line).toMatch(
    /^error event 61 \(process_started\) of the stream process [0-9a-f]{16} is given up: /,
  );
  expect(others).toEqual([]);
  const status = (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
  expect(status.notices[0]).toBe(
    "the parent does not accept 1 event of the stream process: given up, see the log",
  );
  expect(status.streams?.every(({ invariantHolds }) => invariantHolds)).toBe(true);
});

/** Refuses batches with an event in them, or all. */
function refusing(at: ParentWithDoor, what: () => "events" | "all" | "nothing"): void {
  at.intervene = async (request, path) => {
    if (path !== PROCESS_EVENTS || what() === "nothing") return undefined;
    const { items } = JSON.parse(await request.clone().text()) as SignedBatch;
    if (what() === "events" && items.every(isLoss)) return undefined;
    const error = { code: "bad_request", message: "the batch does not verify: a defect" };
    return Response.json({ error }, { status: 400 });
  };
}

test("a parent that refuses every event is told to a person, and can't make the agent throw away more than a few", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let refused: "events" | "nothing" = "events";
  refusing(at, () => refused);
  const beganMs = performance.now();
  agent.start();
  agent.append("process", ...range(1, 50));
  agent.append("flow", 1, 2);
  await waitFor(
    "the last of those at once",
    () => (processAccount(agent)?.["lost"] ?? 0) >= GIVEN_UP_AT_ONCE,
  );
  await waitFor("it is told", async () => {
    const { notices } = (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
    return notices[0]?.startsWith("the stream process is kept here: the parent refuses: the batch does not");
  });
  expect(await arrived(at, id, "flow", 2)).toEqual([1, 2]);
  const { lost = 0, ...account } = processAccount(agent) ?? {};
  expect(account).toMatchObject({ produced: 50, pending: 50 - lost });
  // One more for each pause that went by, which on most machines is none.
  const pauses = (): number => Math.floor((performance.now() - beganMs) / GIVE_UP_PAUSE_MS);
  expect(lost).toBeWithin(GIVEN_UP_AT_ONCE, GIVEN_UP_AT_ONCE + pauses() + 1);
  refused = "nothing";
  await agent.stop();
  const pausesMax = pauses();
  agent.start();
  await waitFor("the rest", () => processAccount(agent)?.["pending"] === 0);
  const stored = await storedNumbers(at.parent, id, "process");
  expect(stored).toEqual(range(51 - stored.length, 50));
  expect(50 - stored.length).toBeWithin(lost, GIVEN_UP_AT_ONCE + pausesMax + 1);
}, 180_000);

test("a parent that refuses even the record of a loss gets no further event given up for it", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let refused: "all" | "nothing" = "all";
  refusing(at, () => refused);
  agent.start();
  agent.append("process", ...range(1, 20));
  await waitFor("the first", () => processAccount(agent)?.["lost"] === 1);
  const before = at.requests.length;
  await waitFor("many more refusals", () => at.requests.length > before + 15);
  expect(processAccount(agent)).toEqual({ produced: 20, acked: 0, pending: 19, lost: 1 });
  refused = "nothing";
  await waitFor("the rest", async () => (await storedNumbers(at.parent, id, "process")).length === 19);
  expect(await storedNumbers(at.parent, id, "process")).toEqual(range(2, 20));
  await waitFor("all told", () => processAccount(agent)?.["pending"] === 0);
  const { notices } = (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
  expect(notices.some((each) => each.includes("is kept here"))).toBe(false);
}, 180_000);

test("a way that lets no large request through gets smaller ones, and only what is too large alone is given up", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  at.intervene = async (request, path) => {
    if (path !== PROCESS_EVENTS) return undefined;
    const body = await request.clone().arrayBuffer();
    return body.byteLength > 8000 ? new Response("too large", { status: 413 }) : undefined;
  };
  agent.start();
  agent.append("process", ...range(1, 30));
  const payload = JSON.stringify({ text: "x".repeat(9000) });
  const event = { timestampMs: Date.now(), provider: "test", eventId: 0, payload };
  agent.outbox?.append("process", { ...event, type: "large_event" });
  agent.append("process", ...range(31, 60));
  await waitFor("all but one", async () => (await storedNumbers(at.parent, id, "process")).length === 60);
  expect(await storedNumbers(at.parent, id, "process")).toEqual(range(1, 60));
  await waitFor("all told", () => processAccount(agent)?.["pending"] === 0);
  expect(processAccount(agent)).toEqual({ produced: 61, acked: 60, pending: 0, lost: 1 });
}, 180_000);

test("what comes too slowly is sent again for as long as the way is slow, and nothing is given up for it", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  let refusals = 0;
  at.intervene = async (_, path) => {
    if (path !== PROCESS_EVENTS || refusals === 3) return undefined;
    refusals += 1;
    const error = { code: "too_slow", message: "the body did not come in time" };
    return Response.json({ error }, { status: 408 });
  };
  agent.start();
  agent.append("process", 1);
  await waitFor("the event", async () => (await storedNumbers(at.parent, id, "process")).length === 1);
  expect([refusals, processAccount(agent)?.["lost"]]).toEqual([3, 0]);
}, 180_000);

test("a conflict is put right in one round where the parent says up to where it agrees", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", ...range(1, 40));
  await waitFor("the first", async () => (await storedNumbers(at.parent, id, "process")).length === 40);
  await agent.stop();
  await Bun.$`cp -r ${agent.path} ${agent.path}.copy`.quiet();
  agent.start();
  agent.append("process", ...range(1001, 1020));
  await waitFor("the others", async () => (await storedNumbers(at.parent, id, "process")).length === 60);
  await agent.stop();
  // As a copy of the machine has it: the same places, other events in them, which the heartbeat's numbers do not show.
  await Bun.$`rm -r ${agent.path} && mv ${agent.path}.copy ${agent.path}`.quiet();
  const batches: SignedBatch["header"][] = [];
  let conflicts = 0;
  at.intervene = async (request, path) => {
    const body = await request.clone().arrayBuffer();
    if (path === PROCESS_EVENTS)
      batches.push((JSON.parse(Buffer.from(body).toString()) as SignedBatch).header);
    const answer = await at.pass(path + new URL(request.url).search, {
      method: request.method,
      headers: request.headers,
      body: request.method === "GET" ? null : body,
      signal: request.signal,
    });
    const told = (await answer.json()) as { cursors?: unknown; error?: { code: string } };
    if (path === PROCESS_EVENTS && told.error?.code === "conflict") conflicts += 1;
    return Response.json("cursors" in told ? { ...told, cursors: [] } : told, {
      status: answer.status,
      headers: path === "/api/agent/heartbeat" ? {} : answer.headers,
    });
  };
  agent.start();
  agent.append("process", ...range(2001, 2100));
  await waitFor("all of it", async () => (await storedNumbers(at.parent, id, "process")).length === 160);
  expect(conflicts).toBe(1);
  expect(await storedNumbers(at.parent, id, "process")).toEqual([
    ...range(1, 40),
    ...range(1001, 1020),
    ...range(2001, 2100),
  ]);
  await waitFor("all told", () => processAccount(agent)?.["pending"] === 0);
  expect(processAccount(agent)).toMatchObject({ pending: 0, lost: 0 });
}, 180_000);
