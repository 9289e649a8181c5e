/** Joining: the code that two people compare, the commitment before it, and what is signed of a request to join and a command. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { toBase64Url } from "../../../../src/protocol/fleet/canonical.ts";
import {
  approvalCode,
  commandBytes,
  commitmentOf,
  joinBytes,
} from "../../../../src/protocol/fleet/proofs.ts";

const FACTS = {
  parentPin: "P".repeat(43),
  parentKey: "K".repeat(43),
  agentKey: "A".repeat(43),
  agentNonce: "N".repeat(43),
  parentNonce: "M".repeat(43),
};

describe("the code of an approval", () => {
  test("is the same on both sides and easy to read aloud", () => {
    expect(approvalCode(FACTS)).toBe(approvalCode({ ...FACTS }));
    const nonce = fc.uint8Array({ minLength: 32, maxLength: 32 }).map(toBase64Url);
    fc.assert(
      fc.property(nonce, nonce, (agentNonce, parentNonce) => {
        // Crockford's letters: no I, L, O or U.
        expect(approvalCode({ ...FACTS, agentNonce, parentNonce })).toMatch(
          /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/,
        );
      }),
    );
  });

  test("is another one where anything is: key, pin or nonce of either side", () => {
    const codes = Object.keys(FACTS).map((name) => approvalCode({ ...FACTS, [name]: "Z".repeat(43) }));
    const swapped = approvalCode({ ...FACTS, agentNonce: FACTS.parentNonce, parentNonce: FACTS.agentNonce });
    expect(new Set([approvalCode(FACTS), swapped, ...codes]).size).toBe(7);
  });

  test("stays what it is: two versions of the program must show the same", () => {
    expect(approvalCode(FACTS)).toBe("M8YZ-WN0T");
  });

  test("is spread evenly over its letters", () => {
    const letters = new Map<string, number>();
    for (let number = 0; number < 4000; number += 1) {
      const code = approvalCode({ ...FACTS, agentNonce: String(number) }).replace("-", "");
      for (const letter of code) letters.set(letter, (letters.get(letter) ?? 0) + 1);
    }
    expect(letters.size).toBe(32);
    for (const count of letters.values()) expect(Math.abs(count - 1000)).toBeLessThan(200);
  });
});

describe("what is signed", () => {
  test("a commitment is the hash of the nonce's bytes", () => {
    // SHA-256 of 32 zero bytes.
    const zeros = Buffer.from("66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925", "hex");
    expect(commitmentOf("A".repeat(43))).toBe(toBase64Url(zeros));
    expect(commitmentOf(`${"A".repeat(42)}E`)).not.toBe(commitmentOf("A".repeat(43)));
  });

  test("a request to join covers the pin that the agent saw, the key, the token, the commitment and the machine", () => {
    const machine = { hostname: "h", platform: "p", kernel: "k", version: "v", machineId: null };
    const request = { publicKey: "k".repeat(43), machine, token: null, commitment: "c".repeat(43) };
    const texts = [
      joinBytes(request, FACTS.parentPin),
      joinBytes(request, "Q".repeat(43)),
      joinBytes({ ...request, publicKey: "l".repeat(43) }, FACTS.parentPin),
      joinBytes({ ...request, token: "" }, FACTS.parentPin),
      joinBytes({ ...request, commitment: "d".repeat(43) }, FACTS.parentPin),
      joinBytes({ ...request, machine: { ...machine, machineId: "" } }, FACTS.parentPin),
    ].map((bytes) => Buffer.from(bytes).toString("hex"));
    expect(new Set(texts).size).toBe(texts.length);
  });

  test("a command covers its parent, its agent, its place, kind, times and payload", () => {
    const command = {
      agentId: "a".repeat(32),
      seq: 1,
      kind: "snapshot" as const,
      issuedAtMs: 1,
      expiresAtMs: 2,
      payload: "{}",
    };
    const changes = [
      {},
      { agentId: "b".repeat(32) },
      { seq: 2 },
      { kind: "heartbeat" as const },
      { issuedAtMs: 3 },
      { expiresAtMs: 3 },
      { payload: "{ }" },
    ];
    const texts = changes.map((change) =>
      Buffer.from(commandBytes("p".repeat(32), { ...command, ...change })).toString("hex"),
    );
    texts.push(Buffer.from(commandBytes("q".repeat(32), command)).toString("hex"));
    expect(new Set(texts).size).toBe(8);
  });
});
