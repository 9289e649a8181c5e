/** Leases: an agent that sends one heartbeat after the other is never taken for two, whatever is lost or late; two are found. */
import { describe, expect, test } from "bun:test";
import { array, assert, constantFrom, property } from "fast-check";
import { LeaseTrack } from "../../../../src/server/agents/lease-track.ts";

/** One parent and what it gives. */
class Parent {
  readonly track = new LeaseTrack();
  #given = 0;

  /** The answer's lease, or undefined where two are proven. */
  beat(shown: string | null, counter: number): string | undefined {
    if (this.track.isOfAnother(shown, counter)) return undefined;
    this.#given += 1;
    const lease = `lease${this.#given}`;
    this.track.give(lease);
    return lease;
  }
}

describe("leases", () => {
  test("find two that take turns, in their second round", () => {
    const parent = new Parent();
    const common = parent.beat(null, 1) ?? "";
    const first = parent.beat(common, 2) ?? "";
    const second = parent.beat(common, 3) ?? ""; // the copy goes on from the same lease; the answer of 2 may have been lost
    expect([first, second]).toEqual(["lease2", "lease3"]);
    expect(parent.beat(first, 4)).toBeUndefined();
  });

  test("find two where one is much more often there than the other", () => {
    const parent = new Parent();
    let mine: string | null = null;
    for (let counter = 1; counter <= 5; counter += 1) mine = parent.beat(mine, counter) ?? null;
    const copied = mine;
    for (let counter = 6; counter <= 10; counter += 1) mine = parent.beat(mine, counter) ?? null;
    expect(parent.beat(copied, 11)).toBeDefined(); // now all since then count as lost
    expect(parent.beat(mine, 12)).toBeUndefined();
  });

  test("prove nothing where they are of an instance before, or forgotten", () => {
    const parent = new Parent();
    const old = parent.beat(null, 1) ?? "";
    parent.beat(null, 2);
    parent.track.clear();
    expect(parent.beat(old, 3)).toBe("lease3");
    expect(parent.beat("never given", 4)).toBe("lease4");
  });

  test("never accuse one agent, whatever of its requests and answers is lost, late or doubled", () => {
    const fate = constantFrom("fine", "request lost", "answer lost", "request late");
    assert(
      property(array(fate, { maxLength: 60 }), (fates) => {
        const parent = new Parent();
        let held: string | null = null;
        const late: [string | null, number][] = [];
        for (const [index, fate] of fates.entries()) {
          const counter = index + 1;
          if (fate === "request late") late.push([held, counter]);
          if (fate === "request lost" || fate === "request late") continue;
          const answer = parent.beat(held, counter);
          expect(answer).toBeDefined();
          if (fate === "fine") held = answer ?? null;
          // What was given up arrives now: behind the one that was sent after it.
          for (const [shown, sentAt] of late.splice(0)) expect(parent.beat(shown, sentAt)).toBeDefined();
        }
      }),
    );
  });
});
