/** An agent and what people decide about it: quarantine, removal, leaving, copies of its directory, and its end and return. */
import { expect, test } from "bun:test";
import { join } from "node:path";
import { askControl } from "../../../src/agent/control.ts";
import { FILES, openState } from "../../../src/agent/state.ts";
import type { AgentStatus } from "../../../src/agent/status.ts";
import { AgentUnderTest, arrived, range, storedNumbers, world } from "../../support/fleet/agent-world.ts";
import { waitFor } from "../../support/wait-for.ts";

function isConnected(line: string): boolean {
  return line === "info connected to the parent";
}

test("pending, quarantined, removed: it keeps, says so, and goes on when a person decides otherwise", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  agent.append("process", 1);
  await arrived(at, id, "process", 1);
  const { agents } = at.parent.store;
  const actor = { name: "anna", address: null };
  const decide = (state: "quarantined" | "active" | "removed"): Promise<boolean> =>
    agents.setState(id, state, "test", actor, Date.now());
  await decide("quarantined");
  agent.append("process", 2);
  const standing = async (): Promise<AgentStatus> =>
    (await askControl(join(agent.path, FILES.socket), { ask: "status" })) as AgentStatus;
  const status = await waitFor("quarantine", async () => {
    const told = await standing();
    const account = told.streams?.find(({ stream }) => stream === "process");
    return told.link?.standing === "quarantined" && account?.produced === 2 && told;
  });
  expect(status.link?.problem).toStartWith("the parent has put it into quarantine");
  expect(status.streams?.find(({ stream }) => stream === "process")).toMatchObject({
    produced: 2,
    acked: 1,
    pending: 1,
  });
  await decide("active");
  expect(await arrived(at, id, "process", 2)).toEqual([1, 2]);
  await decide("removed");
  agent.append("process", 3);
  await waitFor("removal", async () => (await standing()).link?.standing === "removed");
  expect(agent.lines.filter((line) => line.includes("removed"))).toEqual([
    "warn not connected: the parent has removed it: join it anew with `wb agent join TOKEN`, while it does not run",
  ]);
  await agent.stop();
  await agent.join(await at.token());
  agent.start();
  expect(await arrived(at, id, "process", 3)).toEqual([1, 2, 3]);
});

test("told to end it stores and sends what it has; told to leave it tells the parent, forgets it, and ends", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  await waitFor("connected", () => agent.lines.some(isConnected));
  // It has two seconds for it, which a busy machine may take from it: then it sends the rest when it is back.
  let isSentAtOnce = false;
  for (let time = 1; time <= 3; time += 1) {
    agent.append("process", ...range(time * 100 - 99, time * 100));
    await agent.stop();
    const { length } = await storedNumbers(at.parent, id, "process");
    isSentAtOnce ||= length === time * 100;
    agent.start();
    await waitFor("connected again", () => agent.lines.filter(isConnected).length === time + 1);
  }
  expect(isSentAtOnce).toBe(true);
  expect(await arrived(at, id, "process", 300)).toEqual(range(1, 300));
  expect(await askControl(join(agent.path, FILES.socket), { ask: "leave" })).toEqual({
    told: true,
    problem: null,
  });
  await agent.ended();
  const state = agent.openState();
  expect(state.parent).toBeUndefined();
  state.close();
  expect((await at.parent.store.agents.get(id))?.state).toBe("removed");
});

test("a copy of its directory is found out: both are quarantined, and say so", async () => {
  await using all = await world();
  const { at, agent, id } = all;
  agent.start();
  await waitFor("connected", () => agent.lines.some(isConnected));
  await using copy = await AgentUnderTest.make();
  await Bun.$`cp -r ${agent.path} ${copy.path}`.quiet();
  copy.start();
  agent.append("process", 1);
  await waitFor("quarantine", async () => (await at.parent.store.agents.get(id))?.state === "quarantined");
  copy.append("process", 2);
  for (const each of [agent, copy]) {
    await waitFor("it is told", () => each.lines.some((line) => line.includes("quarantine")));
  }
});

test("counters of an agent that was killed and came back are never refused as used", async () => {
  await using all = await world();
  const { at, agent } = all;
  let replayed = 0;
  const known = at.handle.bind(at);
  at.handle = async (request) => {
    const answer = await known(request);
    if (answer.status === 409 && (await answer.clone().text()).includes("replayed")) replayed += 1;
    return answer;
  };
  for (let run = 0; run < 3; run += 1) {
    agent.start();
    await waitFor("connected", () => agent.lines.filter(isConnected).length === run + 1);
    await agent.stop();
  }
  // What a kill leaves: counters that were reserved and not used.
  openState(agent.path, agent.log).close();
  agent.start();
  await waitFor("connected", () => agent.lines.filter(isConnected).length === 4);
  expect(replayed).toBe(0);
});
