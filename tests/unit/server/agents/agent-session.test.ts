/** Instances of one key: which is current, and what proves that a retired one still lives. */
import { describe, expect, test } from "bun:test";
import { TokenBucket } from "../../../../src/lib/token-bucket.ts";
import { Identity, importPublicKey } from "../../../../src/protocol/fleet/identity.ts";
import { AgentSession } from "../../../../src/server/agents/agent-session.ts";
import type { AgentRecord } from "../../../../src/store/fleet/contract.ts";

function session(change: Partial<AgentRecord> = {}): AgentSession {
  const { publicKey, id } = Identity.generate();
  const key = importPublicKey(publicKey);
  if (key === undefined) throw new Error("a generated key is one");
  const record: AgentRecord = {
    id,
    publicKey,
    state: "active",
    hostname: "host",
    machine: { hostname: "host", platform: "linux-x64", kernel: "6", version: "1", machineId: null },
    joinedAtMs: 0,
    instance: null,
    counterFloor: 0,
    retiredInstances: [],
    ...change,
  };
  return new AgentSession(record, key, new TokenBucket(10, 1, 0));
}

describe("an agent's instances", () => {
  test("take each other's place, and the store's are remembered", () => {
    const known = session({ instance: "b", retiredInstances: ["a"], counterFloor: 40 });
    expect(["a", "b", "c"].map((instance) => known.standing(instance))).toEqual([
      "retired",
      "current",
      "new",
    ]);
    expect(known.counters.highest).toBe(40);
    known.adopt("c");
    expect(["a", "b", "c"].map((instance) => known.standing(instance))).toEqual([
      "retired",
      "retired",
      "current",
    ]);
    expect(known.retired).toEqual(["b", "a"]);
  });

  test("are as before where the change could not be stored, unless another came since", () => {
    const known = session({ instance: "a" });
    known.adopt("b")();
    expect([known.instance, known.retired]).toEqual(["a", []]);
    const undo = known.adopt("b");
    known.adopt("c");
    undo();
    expect([known.instance, known.retired]).toEqual(["c", ["b", "a"]]);
  });

  test("of the past are remembered up to sixteen", () => {
    const known = session();
    for (let start = 0; start < 30; start += 1) known.adopt(`i${start}`);
    expect(known.retired).toEqual(Array.from({ length: 16 }, (_, index) => `i${28 - index}`));
  });
});

describe("a challenge", () => {
  test("is good once, for one instance, for a minute", () => {
    const known = session({ instance: "b", retiredInstances: ["a", "z"] });
    const challenge = known.challengeFor("a", 0);
    expect(known.isAlive("z", challenge, 1000)).toBe(false);
    expect(known.isAlive("a", `${challenge}x`, 1000)).toBe(false);
    expect(known.isAlive("a", challenge, 59_999)).toBe(true);
    expect(known.isAlive("a", challenge, 59_999)).toBe(false);
    expect(known.isAlive("a", known.challengeFor("a", 100_000), 160_000)).toBe(false);
  });

  test("can't be pushed out by old packets: it is told again while it is fresh", () => {
    const known = session({ instance: "b", retiredInstances: ["a"] });
    const challenge = known.challengeFor("a", 0);
    expect(known.challengeFor("a", 29_999)).toBe(challenge);
    const next = known.challengeFor("a", 31_000);
    expect(next).not.toBe(challenge);
    expect(known.isAlive("a", challenge, 31_000)).toBe(false);
    expect(known.isAlive("a", next, 31_000)).toBe(true);
  });

  test("is worth nothing after a person has decided", () => {
    const known = session({ instance: "b", retiredInstances: ["a"] });
    const challenge = known.challengeFor("a", 0);
    known.forgetInstances();
    expect(known.standing("a")).toBe("new");
    expect(known.isAlive("a", challenge, 1)).toBe(false);
  });
});
