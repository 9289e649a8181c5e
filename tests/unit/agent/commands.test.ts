/** The parent's word: only what it has signed for this agent, above the cursor and in time, is done; in order, and no defect of one stops the next. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { carryOutAll, commandProblem } from "../../../src/agent/commands.ts";
import type { AgentState } from "../../../src/agent/contract.ts";
import { Link } from "../../../src/agent/link.ts";
import { toBase64Url } from "../../../src/protocol/fleet/canonical.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import type { Command } from "../../../src/protocol/fleet/messages.ts";
import { commandBytes } from "../../../src/protocol/fleet/proofs.ts";

const parent = Identity.generate();
const agent = Identity.generate();
const NOW = 1_700_000_000_000;
const HASH = "a".repeat(64);

function command(
  seq: number,
  kind: Command["kind"],
  payload: unknown = null,
  change: Partial<Command> = {},
): Command {
  const unsigned = {
    agentId: agent.id,
    seq,
    kind,
    issuedAtMs: NOW - 1000,
    expiresAtMs: NOW + 1000,
    payload: JSON.stringify(payload),
    ...change,
  };
  const signature = change.signature ?? toBase64Url(parent.sign(commandBytes(parent.id, unsigned)));
  return { ...unsigned, signature };
}

function world() {
  const done: string[] = [];
  const cursors: number[] = [];
  const lines: string[] = [];
  const log = (message: string): number => lines.push(message);
  let commandCursor = 0;
  const state = {
    identity: agent,
    parent: { parentId: parent.id, parentKey: parent.publicKey },
    get commandCursor() {
      return commandCursor;
    },
    setCommandCursor: (cursor: number) => {
      commandCursor = cursor;
      cursors.push(cursor);
    },
  } as unknown as AgentState;
  const link = new Link({ now: () => NOW, monotonicMs: () => 0 });
  const targets = {
    link,
    auditor: {
      requestSnapshot: () => void done.push("snapshot"),
      applyClassifications: (updates: readonly { classification: string }[]) =>
        void done.push(`classifications ${updates.map((each) => each.classification).join()}`),
    },
    flows: { watch: (intervalMs: number, forMs: number) => void done.push(`watch ${intervalMs} ${forMs}`) },
  };
  const run = (commands: readonly Command[]): boolean =>
    carryOutAll(commands, state, targets, NOW, { info: log, warn: log, error: log });
  return { done, cursors, lines, run, link };
}

test("each kind is done, in order, and the cursor follows", async () => {
  const { done, cursors, lines, run, link } = world();
  const update = {
    fingerprintHash: HASH,
    classification: "game",
    source: "parent_override",
    updatedAt: "2026-01-01T00:00:00Z",
  };
  const all = [
    command(3, "classifications", { updates: [update] }),
    command(4, "snapshot"),
    command(7, "watch", { intervalMs: 1000, forMs: 60_000 }),
    command(8, "heartbeat", null, { payload: "" }),
  ];
  expect(run(all)).toBe(true);
  expect(done).toEqual(["classifications game", "snapshot", "watch 1000 60000"]);
  expect(cursors).toEqual([3, 4, 7, 8]);
  await link.wanted.wait(1e9, new AbortController().signal);
  expect(run(all)).toBe(true);
  expect([done.length, lines]).toEqual([3, []]);
});

test("a forged one stops there, before it is done and without moving the cursor", () => {
  for (const forged of [
    command(2, "snapshot", null, { agentId: parent.id }),
    command(2, "snapshot", null, { signature: "A".repeat(86) }),
    { ...command(2, "snapshot"), seq: 3 },
    { ...command(2, "snapshot"), expiresAtMs: NOW + 99_999_999 },
    { ...command(2, "heartbeat"), kind: "snapshot" as const },
  ]) {
    const { done, cursors, lines, run } = world();
    expect(run([command(1, "snapshot"), forged, command(9, "snapshot")])).toBe(false);
    expect([done, cursors]).toEqual([["snapshot"], [1]]);
    expect(lines[0]).toMatch(/^a command was refused: it is (?:for another agent|not signed by the parent)$/);
  }
});

test("an expired one, and one whose payload makes no sense, are left and told; the next is done", () => {
  const { done, cursors, lines, run } = world();
  const expired = command(1, "snapshot", null, { expiresAtMs: NOW });
  expect(
    run([
      expired,
      command(2, "watch", { intervalMs: 1 }),
      command(3, "snapshot", null, { payload: "{" }),
      command(4, "snapshot"),
    ]),
  ).toBe(true);
  expect([done, cursors]).toEqual([["snapshot", "snapshot"].slice(1), [1, 2, 3, 4]]);
  expect(lines.map((line) => line.slice(0, 40))).toEqual([
    "the command 1 (snapshot) is left: it has",
    "the command 2 (watch) can't be carried o",
    "the command 3 (snapshot) can't be carrie",
  ]);
});

test("no change of any signed field goes unnoticed", () => {
  const honest = command(5, "watch", { intervalMs: 500, forMs: 1 });
  const facts = {
    agentId: agent.id,
    parent: { parentId: parent.id, parentKey: parent.publicKey },
    cursor: 0,
    nowMs: NOW,
  };
  expect(commandProblem(honest, facts)).toBeUndefined();
  const changed = fc.record(
    { seq: fc.nat(), issuedAtMs: fc.nat(), expiresAtMs: fc.nat(), payload: fc.string() },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(changed, (change) => {
      const other = { ...honest, ...change };
      fc.pre(JSON.stringify(other) !== JSON.stringify(honest));
      expect(commandProblem(other, facts)?.kind).toBe("forged");
    }),
  );
});
