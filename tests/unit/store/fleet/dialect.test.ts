/** One story told to the store on SQLite and on PostgreSQL: every answer must be the same, so that the SQL is both of theirs. */
import { expect, test } from "bun:test";
import type { FleetStore, VerifiedBatch } from "../../../../src/store/fleet/contract.ts";
import { fleetStoreOn } from "../../../../src/store/fleet/open.ts";
import { fleetMigrations } from "../../../../src/store/fleet/schema.ts";
import {
  EPOCH_A,
  EPOCH_B,
  event,
  flow,
  hashFor,
  heartbeat,
  loss,
  MACHINE,
  note,
  Processes,
  T0,
  StoredAgent,
} from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";
import { testWith } from "../../../support/needs.ts";
import { temporaryPostgres } from "../../../support/postgres.ts";

const ANN = { name: "ann", address: null };
const AGENTS = [new StoredAgent(), new StoredAgent(), new StoredAgent()] as const;
const STEAM = {
  fingerprintHash: hashFor("steam"),
  name: "steam",
  path: null,
  fileHash: null,
  signature: null,
  publisher: null,
  version: null,
};

/** What was answered, in order. */
class Story {
  readonly store: FleetStore;
  readonly answers: unknown[] = [];

  constructor(store: FleetStore) {
    this.store = store;
  }

  async ask(answer: Promise<unknown>): Promise<void> {
    this.answers.push(await answer);
  }
}

async function joining({ store }: Story, ask: Story["ask"]): Promise<void> {
  const [first, second, third] = AGENTS;
  const actor = { actor: ANN, nowMs: T0 };
  const token = { id: "t", secretHash: "h", uses: 1, expiresAtMs: T0 + 10, requiresApproval: false };
  await ask(store.tokens.create({ ...token, ...actor }));
  const request = (agent: StoredAgent, by: { id: string; secretHash: string } | null) => ({
    agentId: agent.id,
    publicKey: agent.identity.publicKey,
    machine: { ...MACHINE, hostname: "a\0b" },
    token: by,
    commitment: "c",
    parentNonce: "n",
    address: "::1",
    nowMs: T0 + 0.5,
  });
  await ask(store.agents.join(request(first, token)));
  await ask(store.agents.join(request(second, token)));
  await ask(store.agents.join(request(second, null)));
  await ask(store.agents.setJoinCode(second.id, "ABCD-1234"));
  await ask(store.agents.joinRequests());
  await ask(store.agents.pendingJoin(second.id));
  await ask(store.agents.setState(second.id, "active", "right", ANN, T0));
  await ask(third.join(store, "third"));
  await ask(store.agents.setState(third.id, "removed", "gone", ANN, T0));
  await ask(store.agents.setInstance(first.id, "i", ["h"], 7));
  await ask(store.agents.setInstance(first.id, "j", ["i", "h"], 3));
  await ask(store.tokens.list());
  await ask(store.tokens.revoke("t", ANN, T0));
}

function processBatches(): VerifiedBatch[] {
  const [first, second] = AGENTS;
  const processes = new Processes();
  const [bash, steam] = [processes.running(1, "bash"), processes.running(2, "steam")];
  const items = [
    processes.snapshot([], { takenAtMs: T0 }),
    processes.started(bash),
    processes.started({ ...steam, startedAtMs: T0 + 0.25 }),
    processes.stopped(bash, T0 + 9.5),
  ];
  const whole = first.batch("process", items);
  processes.silently("stop", steam);
  const more = [processes.snapshot([bash], { takenAtMs: T0 + 20 })];
  return [
    whole,
    whole,
    first.batch("process", more, { previousChain: whole.chains[3] ?? null }),
    second.batch("flow", [event(1, "flow_summary", flow(1)), event(2, "flow_summary", flow(2)), loss(3, 9)]),
    second.batch("flow", [loss(1, 11)]),
    second.batch("flow", [event(1, "flow_summary", flow(9))]),
    second.batch("flow", [note(20)]),
    second.batch("health", [note(1), note(2)]),
    second.batch("health", [note(1)], {
      epoch: EPOCH_B,
      follows: { epoch: EPOCH_A, produced: 7, reason: "reboot" },
    }),
    second.batch("health", [note(3), note(4)]),
    second.batch("health", [event(9, "provider_health", "{}")]),
  ];
}

const BATCHES = processBatches();

async function telemetry({ store }: Story, ask: Story["ask"]): Promise<void> {
  const [first, second] = AGENTS;
  const beat = { clockOffsetMs: -0.5, counter: 9, receivedAtMs: T0 + 1.5 };
  const beats = [first, second].map(({ id }) =>
    Object.assign({ agentId: id, heartbeat: heartbeat(id) }, beat),
  );
  await ask(store.agents.storeHeartbeats([...beats, ...beats]));
  await ask(store.events.ingest(BATCHES));
  await ask(store.events.cursors(second.id, [{ stream: "health", epoch: EPOCH_A }]));
  await ask(store.events.reconciliation(second.id));
  const limit = 100;
  await ask(store.events.events({ limit }));
  await ask(
    store.events.events({ limit: 2, agentId: first.id, stream: "process", sinceMs: T0, untilMs: T0 + 3 }),
  );
  await ask(store.events.losses({ limit }));
  await ask(store.events.processes({ limit, search: "BA%", category: "utility" }));
  await ask(store.events.processes({ limit, running: true, agentId: first.id }));
  await ask(store.events.processes({ limit, running: false, sinceMs: T0, untilMs: T0 + 100, search: "st" }));
  await ask(store.events.connections({ limit, search: "EXAMPLE", sinceMs: T0, untilMs: T0 + 9e9 }));
  await ask(store.events.proof(first.id, "process", EPOCH_A, 2));
  await ask(store.agents.get(first.id));
  await ask(store.agents.summary(first.id, T0));
  await ask(store.agents.list({ limit: 1, onlineSinceMs: T0, search: "A" }));
  await ask(store.agents.counts(T0));
}

async function decisions({ store }: Story, ask: Story["ask"]): Promise<void> {
  const [first] = AGENTS;
  const { classifications, commands, people } = store;
  await ask(classifications.classify(STEAM, "utility", "builtin", 0.5, null, T0));
  await ask(classifications.override(STEAM.fingerprintHash, "game", "it is", ANN, T0 + 0.5));
  for (const agentId of ["1", "2", "3"]) {
    const suggestion = { category: "media", suggestedBy: "p", agentId, confidence: null } as const;
    await ask(classifications.suggest({ ...suggestion, fingerprintHash: hashFor("bash") }, T0));
  }
  await ask(classifications.getMany([hashFor("bash"), STEAM.fingerprintHash]));
  await ask(classifications.list({ limit: 1, search: "s" }));
  await ask(classifications.history(STEAM.fingerprintHash));
  await ask(classifications.updatesSince("1", 10));
  await ask(classifications.agentsWith(STEAM.fingerprintHash));
  const command = { kind: "snapshot", payload: "{}", issuedAtMs: T0, expiresAtMs: T0 + 5 } as const;
  for (const coalesceKey of ["k", null, "k"])
    await ask(commands.add(first.id, { ...command, coalesceKey }, (seq) => `s${seq}`));
  await ask(commands.after(first.id, 0, T0, 10));
  await ask(commands.forget(first.id, 2));
  await ask(commands.cursor(first.id));
  const user = { id: "u", name: "Ann", role: "admin", passwordHash: "h" } as const;
  await ask(people.createUser(user, ANN, T0));
  await ask(people.createUser({ ...user, id: "v", name: "aNN" }, ANN, T0));
  await ask(people.updateUser("u", { disabled: true }, ANN, T0));
  await ask(people.createSession({ tokenHash: "s", userId: "u", createdAtMs: T0, expiresAtMs: T0 + 9 }, ANN));
  await ask(people.session("s", T0));
  await ask(people.userByName("ANN"));
  await ask(people.endSession("s", ANN, T0));
  const key = { id: "k", name: "n", role: "viewer", secretHash: "h", expiresAtMs: null } as const;
  await ask(people.createKey(key, ANN, T0));
  await ask(people.touchKey("k", T0));
  await ask(people.key("k"));
  await ask(people.revokeKey("k", ANN, T0));
  await ask(people.keys());
  await ask(people.removeUser("u", ANN, T0));
  await ask(people.users());
  await ask(people.auditLog({ limit: 100 }));
  await ask(store.setSetting("a", "1"));
  await ask(store.setSetting("a", "2"));
  await ask(store.setting("a"));
  await ask(store.check());
  for (const rows of [2, 5, 1000]) await ask(store.events.prune(T0 + 500 * 86_400_000, rows));
  await ask(store.events.events({ limit: 10 }));
  await ask(store.events.losses({ limit: 10 }));
  await ask(classifications.list({ limit: 10 }));
}

async function tell(store: FleetStore): Promise<unknown[]> {
  const story = new Story(store);
  const ask = story.ask.bind(story);
  await joining(story, ask);
  await telemetry(story, ask);
  await decisions(story, ask);
  return story.answers;
}

testWith(["program:initdb", "program:postgres"], "PostgreSQL gives the same answers as SQLite", async () => {
  await using sqlite = await temporaryStore();
  await using postgres = await temporaryPostgres(fleetMigrations("postgresql"));
  const expected = await tell(sqlite.store);
  const answers = await tell(fleetStoreOn(postgres.database));
  expect(expected.length).toBeGreaterThan(70);
  for (const [index, answer] of answers.entries()) expect(answer).toEqual(expected[index]);
  const [entry] = await postgres.database.all("SELECT id FROM audit_log LIMIT 1");
  expect(entry).toBeDefined();
  expect(postgres.database.run("DELETE FROM audit_log")).rejects.toThrow("the audit log is only added to");
  expect(postgres.database.run("UPDATE audit_log SET actor = ''")).rejects.toThrow("only added to");
});

test("only the numeric keys and the guard of the audit log differ", () => {
  const common = (text: string): string =>
    text.replaceAll(/(?:BIGINT|INTEGER) PRIMARY KEY/g, "KEY").replace(/CREATE (?:TRIGGER|FUNCTION)[^]*$/, "");
  expect(fleetMigrations("postgresql").map(common)).toEqual(fleetMigrations("sqlite").map(common));
});
