/** The count of begun TCP connections, out of what the kernel writes and out of anything else. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseTcpOpens } from "../../../src/decode/proc-snmp.ts";

const RECORDED = `Ip: Forwarding DefaultTTL InReceives
Ip: 1 64 8402217
Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs
Tcp: 1 200 120000 -1 70123 70004 11 2233 3 901122
Udp: InDatagrams NoPorts
Udp: 12 0
`;

test("the sum of active and passive opens", () => {
  expect(parseTcpOpens(RECORDED)).toBe(140_127);
});

test("undefined where it is not told", () => {
  expect(parseTcpOpens("")).toBeUndefined();
  expect(parseTcpOpens("Tcp: ActiveOpens PassiveOpens\n")).toBeUndefined();
  expect(parseTcpOpens("Tcp: ActiveOpens\nTcp: 5\n")).toBeUndefined();
  expect(parseTcpOpens("Tcp: ActiveOpens PassiveOpens\nTcp: 5 x\n")).toBeUndefined();
});

test("any text and any mutation of a real one gives a count or undefined", () => {
  const mutated = fc
    .tuple(fc.nat(RECORDED.length - 1), fc.string({ maxLength: 3 }))
    .map(([at, put]) => RECORDED.slice(0, at) + put + RECORDED.slice(at + 1));
  fc.assert(
    fc.property(fc.oneof(fc.string(), mutated), (text) => {
      const opens = parseTcpOpens(text);
      expect(opens === undefined || (Number.isSafeInteger(opens) && opens >= 0)).toBe(true);
    }),
    { numRuns: 1000 },
  );
});
