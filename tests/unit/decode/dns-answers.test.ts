/** Answers of real name servers, whole and cut; which of their records are believed; and that hostile ones do no harm. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";

import { decodeAnswer, decodeStreamAnswers, type DecodedAnswer } from "../../../src/decode/dns-answers.ts";
import { hostName } from "../../../src/lib/host-name.ts";
import { canonicalIp } from "../../../src/lib/ip.ts";
import {
  NXDOMAIN,
  REPLY,
  SERVFAIL,
  TRUNCATED,
  wireName,
  writeMessage,
  type TestMessage,
  type TestRecord,
} from "../../support/dns-message.ts";
import { joined, recordedNames } from "../../support/observed-names.ts";

const recorded = recordedNames();
const A = 1;
const CNAME = 5;
const AAAA = 28;
const HTTPS = 65;

const a = (owner: string, last: number, ttl = 300): TestRecord => ({
  owner,
  type: A,
  ttl,
  data: Uint8Array.of(192, 0, 2, last),
});
const alias = (owner: string, target: string, ttl = 60): TestRecord => ({
  owner,
  type: CNAME,
  ttl,
  data: wireName(target),
});

function answered(parts: Partial<TestMessage>): DecodedAnswer {
  const questions = [{ name: "www.example", type: A }];
  return decodeAnswer(writeMessage({ id: 7, questions, ...parts }), true);
}

const address = (last: number, ttlSeconds = 300) => ({ address: `192.0.2.${last}`, ttlSeconds });

test("what real name servers answer", () => {
  expect(decodeAnswer(recorded("dns-plain"), true)).toEqual({
    kind: "answer",
    name: "plain.example",
    chain: [],
    addresses: [{ address: "192.0.2.10", ttlSeconds: 0 }],
  });
  expect(decodeAnswer(recorded("dns-dual-aaaa"), true)).toEqual({
    kind: "answer",
    name: "dual.example",
    chain: [],
    addresses: [{ address: "2001:db8::11", ttlSeconds: 300 }],
  });
  expect(decodeAnswer(recorded("dns-alias-a"), true)).toEqual({
    kind: "answer",
    name: "www.shop.example",
    chain: ["shop.example", "edge.cdn.example"],
    addresses: [{ address: "192.0.2.20", ttlSeconds: 20 }],
  });
  expect(decodeAnswer(recorded("dns-unbound-a"), true)).toEqual({
    kind: "answer",
    name: "shop.example",
    chain: [],
    addresses: [{ address: "192.0.2.50", ttlSeconds: 300 }],
  });
  const many = decodeAnswer(recorded("dns-many-edns"), true);
  expect(many.kind === "answer" && new Set(many.addresses.map((each) => each.address)).size).toBe(60);
  for (const label of [
    "dns-refused",
    "dns-refused-https",
    "dns-ptr",
    "dns-unbound-https",
    "dns-unbound-nxdomain",
  ]) {
    expect([label, decodeAnswer(recorded(label), true)]).toEqual([label, { kind: "none" }]);
  }
  // TC: the resolver must not use it and asks again over TCP (RFC 2181 section 9).
  expect(decodeAnswer(recorded("dns-many-truncated"), true)).toEqual({ kind: "undecoded" });
});

test("over TCP, each message of a segment has its length in front", () => {
  expect(decodeStreamAnswers(recorded("dns-alias-aaaa-tcp"), true)).toEqual([
    {
      kind: "answer",
      name: "www.shop.example",
      chain: ["shop.example", "edge.cdn.example"],
      addresses: [{ address: "2001:db8::20", ttlSeconds: 20 }],
    },
  ]);
  // Three answers to three questions sent at once, as one read of a busy receiver would have them.
  const three = joined(...[1, 2, 3].map((part) => recorded(`dns-unbound-tcp-${part}`)));
  expect(decodeStreamAnswers(three, true).map(({ kind }) => kind)).toEqual(["answer", "none", "answer"]);
});

test("of a message that is cut, the records that are whole are used", () => {
  const many = recorded("dns-many-tcp");
  for (let length = 1; length < many.length; length += 1) {
    const decoded = decodeStreamAnswers(many.subarray(0, length), false);
    const records = Math.min(60, Math.floor((length - 2 - 12 - 18) / 16));
    if (records < 1) expect([length, decoded]).toEqual([length, [{ kind: "undecoded" }]]);
    else {
      const [first] = decoded;
      expect([length, first?.kind === "answer" && first.addresses.length]).toEqual([length, records]);
    }
  }
  // The middle of a message says nothing: neither where it began nor where the next one does.
  expect(decodeStreamAnswers(many.subarray(700), true)).toEqual([{ kind: "undecoded" }]);
  expect(decodeStreamAnswers(many.subarray(0, 2), true)).toEqual([{ kind: "undecoded" }]);
  // A segment that was captured only to the end of a message may have held another.
  const whole = recorded("dns-unbound-tcp-1");
  expect(decodeStreamAnswers(whole, false).map(({ kind }) => kind)).toEqual(["answer", "undecoded"]);
  // Aliases without the address that was to follow.
  const aliases = recorded("dns-alias-a");
  expect(decodeAnswer(aliases.subarray(0, aliases.length - 20), false)).toEqual({ kind: "undecoded" });
});

test("only records that the question leads to are believed", () => {
  const poison = a("bank.example", 66);
  expect(answered({ answers: [poison, a("www.example", 1)] })).toMatchObject({ addresses: [address(1)] });
  expect(answered({ answers: [poison] })).toEqual({ kind: "none" });
  expect(answered({ answers: [], authorities: [a("www.example", 66)] })).toEqual({ kind: "none" });
  expect(answered({ answers: [{ ...a("www.example", 1), recordClass: 3 }] })).toEqual({ kind: "none" });
  expect(answered({ answers: [{ ...a("www.example", 1), data: Uint8Array.of(1, 2, 3) }] })).toEqual({
    kind: "none",
  });
  const wrongType = { owner: "www.example", type: AAAA, ttl: 9, data: new Uint8Array(16).fill(1) };
  expect(answered({ answers: [wrongType, a("www.example", 1)] })).toMatchObject({ addresses: [address(1)] });
  expect(answered({ answers: [a("WWW.Example", 1), a("www.example", 1, 5)] })).toMatchObject({
    addresses: [address(1, 5)],
  });
});

test("aliases are followed in whatever order they come, with the smallest time to live on the way", () => {
  const answers = [
    a("c.example", 1, 600),
    a("c.example", 2, 10),
    alias("b.example", "c.example", 30),
    alias("www.example", "b.example", 90),
  ];
  expect(answered({ answers })).toEqual({
    kind: "answer",
    name: "www.example",
    chain: ["b.example", "c.example"],
    addresses: [address(1, 30), address(2, 10)],
  });
  expect(answered({ answers: [alias("www.example", "odd name.example"), a("odd name.example", 1)] })).toEqual(
    {
      kind: "answer",
      name: "www.example",
      chain: [],
      addresses: [address(1, 60)],
    },
  );
});

test("loops and endless chains lead nowhere", () => {
  const loop = [alias("www.example", "b.example"), alias("b.example", "www.example")];
  expect(answered({ answers: loop })).toEqual({ kind: "none" });
  expect(answered({ answers: [alias("www.example", "www.example")] })).toEqual({ kind: "none" });
  const chain = (length: number): TestRecord[] => [
    alias("www.example", "n1.example"),
    ...Array.from({ length: length - 1 }, (_, index) =>
      alias(`n${index + 1}.example`, `n${index + 2}.example`),
    ),
    a(`n${length}.example`, 1),
  ];
  expect(answered({ answers: chain(16) })).toMatchObject({ kind: "answer", addresses: [address(1, 60)] });
  expect(answered({ answers: chain(17) })).toEqual({ kind: "none" });
});

test("what is no answer to one question about addresses tells nothing", () => {
  const answers = [a("www.example", 1)];
  const question = { name: "www.example", type: A };
  expect(answered({ answers, flags: 0x0100 })).toEqual({ kind: "undecoded" });
  expect(answered({ answers, flags: REPLY | (4 << 11) })).toEqual({ kind: "undecoded" });
  expect(answered({ answers, flags: NXDOMAIN })).toEqual({ kind: "none" });
  expect(answered({ answers, flags: SERVFAIL })).toEqual({ kind: "none" });
  expect(answered({ answers, flags: TRUNCATED })).toEqual({ kind: "undecoded" });
  expect(answered({ answers, questions: [] })).toEqual({ kind: "undecoded" });
  expect(answered({ answers, questions: [question, question] })).toEqual({ kind: "undecoded" });
  expect(answered({ answers, questions: [{ ...question, questionClass: 3 }] })).toEqual({ kind: "none" });
  expect(answered({ answers, questions: [{ ...question, type: HTTPS }] })).toEqual({ kind: "none" });
  expect(answered({ answers: [a("a b.example", 1)], questions: [{ name: "a b.example", type: A }] })).toEqual(
    {
      kind: "none",
    },
  );
  expect(decodeAnswer(new Uint8Array(11), true)).toEqual({ kind: "undecoded" });
});

test("whatever the bytes are, it ends, and what is told is names and addresses", () => {
  const messages = [
    "dns-alias-a",
    "dns-many-edns",
    "dns-unbound-a",
    "dns-alias-aaaa-tcp",
    "dns-unbound-nxdomain",
  ].map(recorded);
  const damaged = fc
    .tuple(
      fc.constantFrom(...messages),
      fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 6 }),
    )
    .map(([message, changes]) => {
      const bytes = Uint8Array.from(message);
      for (const [at, value] of changes) bytes[at % bytes.length] = value;
      return bytes;
    });
  fc.assert(
    fc.property(
      fc.oneof(damaged, fc.uint8Array({ maxLength: 200 })),
      fc.nat(1100),
      fc.boolean(),
      (bytes, length, isWhole) => {
        const around = new Uint8Array(bytes.length + 64).fill(0xc0);
        around.set(bytes);
        const part = around.subarray(0, Math.min(length, bytes.length));
        const decoded = [decodeAnswer(part, isWhole), ...decodeStreamAnswers(part, isWhole)];
        const copy = Uint8Array.from(part);
        expect(decoded).toEqual([decodeAnswer(copy, isWhole), ...decodeStreamAnswers(copy, isWhole)]);
        for (const answer of decoded) {
          if (answer.kind !== "answer") continue;
          for (const each of [answer.name, ...answer.chain]) expect(hostName(each)).toBe(each);
          for (const each of answer.addresses) {
            expect(canonicalIp(each.address)).toBe(each.address);
            expect(each.ttlSeconds).toBeGreaterThanOrEqual(0);
          }
          expect(answer.addresses.length).toBeGreaterThan(0);
        }
      },
    ),
    { numRuns: 2000 },
  );
});
