/** Agents: joining by token and by approval, what they last said, their states, and the commands that wait for them. */
import { describe, expect, test } from "bun:test";
import type { FleetStore } from "../../../../src/store/fleet/contract.ts";
import { heartbeat, MACHINE, T0, StoredAgent } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

const ANN = { name: "ann", address: "192.0.2.7" };
const SECRET = { id: "t1", secretHash: "f".repeat(64) };

async function join(
  store: FleetStore,
  agent: StoredAgent,
  token: typeof SECRET | null,
  nowMs = T0,
): Promise<string> {
  return store.agents.join({
    agentId: agent.id,
    publicKey: agent.identity.publicKey,
    machine: MACHINE,
    token,
    commitment: "c".repeat(43),
    parentNonce: "n".repeat(43),
    address: "192.0.2.1",
    nowMs,
  });
}

async function makeToken(store: FleetStore, uses: number, requiresApproval = false): Promise<void> {
  const expiresAtMs = T0 + 1000;
  await store.tokens.create({ ...SECRET, uses, expiresAtMs, requiresApproval, actor: ANN, nowMs: T0 });
}

async function actions(store: FleetStore): Promise<string[]> {
  const log = await store.people.auditLog({ limit: 100 });
  return log.items.map(({ actor, action }) => `${actor.slice(0, 5)} ${action}`).reverse();
}

describe("joining", () => {
  test("by a token counts its uses, and a lost answer costs none", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    await makeToken(store, 2);
    const [one, two, three] = [new StoredAgent(), new StoredAgent(), new StoredAgent()];
    expect(await join(store, one, { ...SECRET, secretHash: "0".repeat(64) })).toBe("token");
    expect(await join(store, one, { ...SECRET, id: "t2" })).toBe("token");
    expect(await join(store, one, SECRET)).toBe("active");
    expect(await join(store, one, SECRET)).toBe("active");
    expect(await join(store, two, SECRET, T0 + 1000)).toBe("token"); // it has expired
    expect(await join(store, two, SECRET, T0 + 999)).toBe("active");
    expect(await join(store, three, SECRET)).toBe("token");
    expect(await join(store, one, SECRET)).toBe("active");
    expect(await store.tokens.list()).toEqual([
      {
        id: "t1",
        createdBy: "ann",
        createdAtMs: T0,
        expiresAtMs: T0 + 1000,
        usesLeft: 0,
        usesTotal: 2,
        requiresApproval: false,
        revoked: false,
      },
    ]);
    expect(await store.agents.get(three.id)).toBeUndefined();
    expect(await actions(store)).toEqual(["ann token.create", "agent agent.join", "agent agent.join"]);
  });

  test("by a token that is revoked, or asks for approval", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    await makeToken(store, 5, true);
    const agent = new StoredAgent();
    expect(await join(store, agent, SECRET)).toBe("pending");
    expect(await store.tokens.revoke("t1", ANN, T0)).toBe(true);
    expect(await store.tokens.revoke("t1", ANN, T0)).toBe(false);
    expect(await store.tokens.revoke("t9", ANN, T0)).toBe(false);
    expect(await join(store, new StoredAgent(), SECRET)).toBe("token");
    expect(await join(store, agent, SECRET)).toBe("pending");
    expect((await store.tokens.list())[0]).toMatchObject({ usesLeft: 4, revoked: true });
  });

  test("without a token waits for a person, who compares a code", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    expect(await store.agents.pendingJoin(agent.id)).toBeUndefined();
    expect(await join(store, agent, null)).toBe("pending");
    const waiting = { commitment: "c".repeat(43), parentNonce: "n".repeat(43), code: null };
    expect(await store.agents.pendingJoin(agent.id)).toEqual(waiting);
    expect(await store.agents.joinRequests()).toEqual([]);
    await store.agents.setJoinCode(agent.id, "ABCD-1234");
    expect(await store.agents.pendingJoin(agent.id)).toEqual({ ...waiting, code: "ABCD-1234" });
    expect(await store.agents.joinRequests()).toEqual([
      {
        agentId: agent.id,
        hostname: "workbench",
        platform: "linux-x64 Debian 12",
        address: "192.0.2.1",
        code: "ABCD-1234",
        requestedAtMs: T0,
      },
    ]);
    expect(await store.agents.setState(agent.id, "active", "the code is right", ANN, T0)).toBe(true);
    expect(await store.agents.setState(agent.id, "active", "again", ANN, T0)).toBe(false);
    expect(await store.agents.joinRequests()).toEqual([]);
    expect(await join(store, agent, null)).toBe("active");
    expect(await actions(store)).toEqual(["ann agent.approve"]);
  });

  test("of strangers does not fill the disk", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const first = new StoredAgent();
    await join(store, first, null);
    await Promise.all(Array.from({ length: 1000 }, () => join(store, new StoredAgent(), null)));
    expect(await store.agents.counts(0)).toEqual({
      pending: 1000,
      active: 0,
      quarantined: 0,
      removed: 0,
      online: 0,
    });
    expect(await store.agents.get(first.id)).toBeUndefined();
  });
});

describe("an agent", () => {
  test("goes through its states, each change in the audit log", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const state = (to: "active" | "quarantined" | "removed"): Promise<boolean> =>
      store.agents.setState(agent.id, to, "why", ANN, T0);
    expect(await state("quarantined")).toBe(true);
    expect(await join(store, agent, null)).toBe("quarantined");
    expect(await state("active")).toBe(true);
    expect(await state("removed")).toBe(true);
    expect(await state("active")).toBe(false);
    expect(await state("quarantined")).toBe(false);
    expect(await join(store, agent, null)).toBe("pending");
    expect(await store.agents.setState("nobody", "removed", "why", ANN, T0)).toBe(false);
    expect(await state("quarantined")).toBe(true);
    // Whoever approved it looked at it before: that it is in quarantine now, nobody has decided about.
    expect(await store.agents.setState(agent.id, "active", "approved", ANN, T0, ["pending"])).toBe(false);
    expect((await store.agents.get(agent.id))?.state).toBe("quarantined");
    const log = await store.people.auditLog({ limit: 2, action: "agent.release" });
    expect(log.items).toEqual([
      {
        id: 3,
        atMs: T0,
        actor: "ann",
        action: "agent.release",
        subject: agent.id,
        details: { from: "quarantined", to: "active", reason: "why", hostname: "workbench" },
        address: "192.0.2.7",
      },
    ]);
  });

  test("is known with its instance and the highest counter of all", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    await store.agents.setInstance(agent.id, "i2", ["i1", "i0"], 50);
    await store.agents.setInstance(agent.id, "i2", ["i1", "i0"], 40);
    const record = {
      id: agent.id,
      publicKey: agent.identity.publicKey,
      state: "active",
      hostname: "workbench",
      machine: MACHINE,
      joinedAtMs: T0,
      instance: "i2",
      counterFloor: 50,
      retiredInstances: ["i1", "i0"],
    } as const;
    expect(await store.agents.get(agent.id)).toEqual(record);
    const beat = (
      counter: number,
      hostname: string,
    ): Parameters<FleetStore["agents"]["storeHeartbeats"]>[0] => [
      {
        agentId: agent.id,
        heartbeat: heartbeat(agent.id, { machine: { ...MACHINE, hostname } }),
        receivedAtMs: T0 + counter,
        clockOffsetMs: -1.5,
        counter,
      },
    ];
    await store.agents.storeHeartbeats([...beat(60, "newest"), ...beat(59, "older")]);
    await store.agents.storeHeartbeats(beat(58, "oldest"));
    expect(await store.agents.get(agent.id)).toEqual({ ...record, counterFloor: 60, hostname: "newest" });
    await store.agents.storeHeartbeats([]);
  });

  test("is told of as its last heartbeat says", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agents = [new StoredAgent(), new StoredAgent(), new StoredAgent()];
    for (const [index, agent] of agents.entries()) await agent.join(store, `host_${index}`);
    const [first, second] = agents;
    if (first === undefined || second === undefined) throw new Error("three");
    const report = { produced: 9, acked: 5, pending: 3, lost: 1, unknownTails: 0 };
    const told = heartbeat(second.id, {
      machine: { ...MACHINE, hostname: "Renamed%" },
      streams: [{ stream: "process", epoch: "e".repeat(16), pendingBytes: 10, ...report }],
    });
    const beat = { heartbeat: told, receivedAtMs: T0 + 10, clockOffsetMs: 7, counter: 1 };
    await store.agents.storeHeartbeats([
      { agentId: second.id, ...beat },
      { agentId: "0".repeat(32), ...beat },
    ]);
    expect(await store.agents.summary(second.id, T0 + 10)).toEqual({
      id: second.id,
      hostname: "Renamed%",
      state: "active",
      online: true,
      platform: "linux-x64 Debian 12",
      version: "0.1.0",
      captureMethod: "sock_diag",
      joinedAtMs: T0,
      lastSeenAtMs: T0 + 10,
      clockOffsetMs: 7,
      runningProcesses: 0,
      health: told.health,
      sessions: told.sessions,
      streams: [{ stream: "process", ...report }],
      notices: ["no helper"],
    });
    expect(await store.agents.summary("nobody", 0)).toBeUndefined();
    expect((await store.agents.summary(first.id, 0))?.online).toBe(false);
    expect((await store.agents.counts(T0 + 10)).online).toBe(1);
    expect((await store.agents.counts(T0 + 11)).online).toBe(0);
    const hostnames = async (query: object): Promise<string[]> =>
      (await store.agents.list({ limit: 10, onlineSinceMs: 0, ...query })).items.map(
        ({ hostname }) => hostname,
      );
    expect(await hostnames({})).toEqual(["host_0", "Renamed%", "host_2"]);
    expect(await hostnames({ search: "HOST_" })).toEqual(["host_0", "host_2"]);
    expect(await hostnames({ search: "d%" })).toEqual(["Renamed%"]);
    expect(await hostnames({ search: first.id.slice(0, 20) })).toEqual(["host_0"]);
    expect(await hostnames({ state: "removed" })).toEqual([]);
    const page = await store.agents.list({ limit: 2, onlineSinceMs: 0 });
    expect(page.items).toHaveLength(2);
    expect(await hostnames({ cursor: page.nextCursor })).toEqual(["host_2"]);
  });
});

describe("commands", () => {
  test("have rising numbers, replace what waits under the same key, expire and are forgotten", async () => {
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const add = async (
      payload: string,
      coalesceKey: string | null,
      expiresAtMs = T0 + 100,
    ): Promise<number> => {
      const command = { kind: "snapshot", payload, issuedAtMs: T0, expiresAtMs, coalesceKey } as const;
      return (await store.commands.add(agent.id, command, (seq) => `signature ${seq}`)).seq;
    };
    const waiting = async (cursor: number, nowMs = T0): Promise<string[]> =>
      (await store.commands.after(agent.id, cursor, nowMs, 10)).map(
        ({ seq, payload }) => `${seq} ${payload}`,
      );
    expect(await add("a", "k")).toBe(1);
    expect(await add("b", null)).toBe(2);
    expect(await add("c", "k")).toBe(3);
    expect(await add("d", null, T0 + 50)).toBe(4);
    expect(await waiting(0)).toEqual(["2 b", "3 c", "4 d"]);
    expect(await waiting(2)).toEqual(["3 c", "4 d"]);
    expect(await waiting(0, T0 + 50)).toEqual(["2 b", "3 c"]);
    expect((await store.commands.after(agent.id, 2, T0, 1))[0]).toEqual({
      agentId: agent.id,
      seq: 3,
      kind: "snapshot",
      issuedAtMs: T0,
      expiresAtMs: T0 + 100,
      payload: "c",
      signature: "signature 3",
    });
    await store.commands.forget(agent.id, 4);
    await store.commands.forget(agent.id, 4);
    expect(await waiting(0)).toEqual([]);
    expect(await store.commands.cursor(agent.id)).toBe(4);
    expect(await add("e", null)).toBe(5);
    expect(await store.commands.cursor("nobody")).toBe(0);
    await store.commands.forget("nobody", 9);
    const refused = store.commands.add(
      "nobody",
      { kind: "heartbeat", payload: "", issuedAtMs: 0, expiresAtMs: 1, coalesceKey: null },
      () => "",
    );
    expect(refused).rejects.toThrow("there is no agent nobody");
  });
});
