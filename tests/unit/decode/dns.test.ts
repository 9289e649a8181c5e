/** DNS messages: what is asked, what is read, and that hostile ones do no harm. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";

import {
  decodeMessage,
  decodePtrReply,
  encodeQuery,
  ptrCodec,
  reverseName,
  TYPE_PTR,
} from "../../../src/decode/dns.ts";
import {
  NXDOMAIN,
  REFUSED,
  REPLY,
  SERVFAIL,
  soaData,
  TRUNCATED,
  wireName,
  writeMessage,
  type TestMessage,
} from "../../support/dns-message.ts";

const ADDRESS = "192.0.2.1";
const ASKED = "1.2.0.192.in-addr.arpa";
const QUESTION = { name: ASKED, type: TYPE_PTR };

function reply(parts: Partial<TestMessage>): ReturnType<typeof decodePtrReply> {
  return decodePtrReply(writeMessage({ id: 7, questions: [QUESTION], ...parts }), 7, ADDRESS);
}

const ptr = (target: string, ttl = 300, owner = ASKED) => ({
  owner,
  type: TYPE_PTR,
  ttl,
  data: wireName(target),
});

test("the reverse name of an address is that of RFC 1035 and RFC 3596", () => {
  expect(reverseName("192.0.2.1")).toBe(ASKED);
  expect(reverseName("2001:db8::567:89ab")).toBe(
    "b.a.9.8.7.6.5.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa",
  );
  expect(reverseName("::ffff:192.0.2.1")).toBe(ASKED);
  expect(reverseName("example.org")).toBeUndefined();
});

test("a query is byte for byte what RFC 1035 says", () => {
  expect(Buffer.from(encodeQuery(0xabcd, { name: "a.bc", type: TYPE_PTR })).toString("hex")).toBe(
    "abcd01000001000000000000016102626300000c0001",
  );
  expect(ptrCodec.encodeQuery(1, "no address")).toBeUndefined();
  expect(decodeMessage(ptrCodec.encodeQuery(5, ADDRESS) ?? new Uint8Array())).toMatchObject({
    id: 5,
    isReply: false,
    questions: [QUESTION],
    complete: true,
  });
});

test("reads a recorded answer with compressed names", () => {
  // dig -x 8.8.8.8, as it came from the wire: the owner is a pointer to the question.
  const recorded = Buffer.from(
    "1a2b81800001000100000000" +
      "0138013801380138" +
      "07696e2d61646472046172706100" +
      "000c0001" +
      "c00c000c000100005460000c0364" +
      "6e7306676f6f676c6500",
    "hex",
  );
  expect(decodePtrReply(recorded, 0x1a2b, "8.8.8.8")).toEqual({
    kind: "name",
    name: "dns.google",
    ttlSeconds: 21_600,
  });
});

test("a name in lower case with the smallest TTL on its way, through aliases", () => {
  expect(reply({ answers: [ptr("Host.Example")] })).toEqual({
    kind: "name",
    name: "host.example",
    ttlSeconds: 300,
  });
  const delegated = "1.0/25.2.0.192.in-addr.arpa";
  const alias = { owner: ASKED, type: 5, ttl: 60, data: wireName(delegated) };
  const owned = { ...ptr("host.example"), owner: delegated };
  expect(reply({ answers: [alias, owned] })).toEqual({ kind: "name", name: "host.example", ttlSeconds: 60 });
  expect(reply({ answers: [owned, alias] })).toEqual({ kind: "name", name: "host.example", ttlSeconds: 60 });
  expect(reply({ answers: [ptr("a.example", 0x8000_0000)] })).toEqual({
    kind: "name",
    name: "a.example",
    ttlSeconds: 0,
  });
});

test("records that do not belong to the question give no name", () => {
  expect(reply({ answers: [ptr("evil.example", 300, "2.2.0.192.in-addr.arpa")] }).kind).toBe("absent");
  expect(reply({ answers: [{ ...ptr("evil.example"), recordClass: 3 }] }).kind).toBe("absent");
  const loop = { owner: ASKED, type: 5, ttl: 60, data: wireName(ASKED) };
  expect(reply({ answers: [loop] }).kind).toBe("absent");
});

test("hostile names are passed over, and the next good one is taken", () => {
  const hostile = ["a\u001b[31m.example", "a b.example", "10.0.0.1", "", "-x.example", "a\u0000b.example"];
  for (const name of hostile) expect([name, reply({ answers: [ptr(name)] }).kind]).toEqual([name, "absent"]);
  expect(reply({ answers: [...hostile.map((name) => ptr(name)), ptr("good.example")] })).toMatchObject({
    name: "good.example",
  });
});

test("absence has the time of the SOA record: the smaller of its TTL and its MINIMUM", () => {
  const soa = (ttl: number, minimum: number) => ({
    owner: "2.0.192.in-addr.arpa",
    type: 6,
    ttl,
    data: soaData(minimum),
  });
  expect(reply({ flags: NXDOMAIN, authorities: [soa(900, 300)] })).toEqual({
    kind: "absent",
    ttlSeconds: 300,
  });
  expect(reply({ flags: NXDOMAIN, authorities: [soa(120, 300)] })).toEqual({
    kind: "absent",
    ttlSeconds: 120,
  });
  expect(reply({ flags: REPLY })).toEqual({ kind: "absent", ttlSeconds: undefined });
});

test("refusals and truncation are told apart", () => {
  expect(reply({ flags: SERVFAIL })).toEqual({ kind: "unusable", code: 2 });
  expect(reply({ flags: REFUSED })).toEqual({ kind: "unusable", code: 5 });
  expect(reply({ flags: TRUNCATED })).toEqual({ kind: "truncated" });
});

test("an answer to anything else is foreign", () => {
  const right = { id: 7, questions: [QUESTION], answers: [ptr("host.example")] };
  const foreign: readonly TestMessage[] = [
    { ...right, id: 8 },
    { ...right, flags: 0x0100 },
    { ...right, flags: 0x8180 | (5 << 11) },
    { ...right, questions: [] },
    { ...right, questions: [QUESTION, QUESTION] },
    { ...right, questions: [{ name: "2.2.0.192.in-addr.arpa", type: TYPE_PTR }] },
    { ...right, questions: [{ name: ASKED, type: 1 }] },
    { ...right, questions: [{ name: ASKED, type: TYPE_PTR, questionClass: 3 }] },
  ];
  for (const message of foreign)
    expect(decodePtrReply(writeMessage(message), 7, ADDRESS)).toEqual({ kind: "foreign" });
  expect(decodePtrReply(new Uint8Array(0), 7, ADDRESS)).toEqual({ kind: "foreign" });
  // The case of letters is not part of a name.
  const upper = writeMessage({ ...right, questions: [{ name: ASKED.toUpperCase(), type: TYPE_PTR }] });
  expect(decodePtrReply(upper, 7, ADDRESS)).toMatchObject({ name: "host.example" });
});

test("compression that loops, leads forward or outside gives nothing", () => {
  const header = [0, 7, 0x81, 0x80, 0, 1, 0, 0, 0, 0, 0, 0];
  const names: readonly (readonly number[])[] = [
    [0xc0, 12], // itself
    [1, 97, 0xc0, 12], // back to its own start
    [0xc0, 40], // forward
    [0xff, 0xff], // outside
    [0xc0], // half a pointer
    [0x80, 0], // a reserved kind of label
    [64], // likewise
    [5, 97], // cut short
  ];
  for (const name of names) expect(decodeMessage(Uint8Array.from([...header, ...name]))).toBeUndefined();
  // Forward to what would be a name: RFC 1035 allows prior occurrences only.
  const forward = [0xc0, 18, 0, 12, 0, 1, 1, 97, 0];
  expect(decodeMessage(Uint8Array.from([...header, ...forward]))).toBeUndefined();
});

test("a chain of pointers is followed as far as a name can have labels, and no further", () => {
  const chained = (pointers: number) => {
    const name = [...wireName("host.example")];
    const start = 12 + wireName(ASKED).length + 4 + wireName(ASKED).length + 10;
    const data = [...name];
    let target = start;
    for (let index = 1; index < pointers; index += 1) {
      const here = start + data.length;
      data.push(0xc0 | (target >> 8), target & 0xff);
      target = here;
    }
    const holder = { owner: ASKED, type: 99, ttl: 1, data: Uint8Array.from(data) };
    const last = {
      owner: ASKED,
      type: TYPE_PTR,
      ttl: 1,
      data: Uint8Array.of(0xc0 | (target >> 8), target & 0xff),
    };
    return reply({ answers: [holder, last] });
  };
  expect(chained(1)).toEqual({ kind: "name", name: "host.example", ttlSeconds: 1 });
  expect(chained(127)).toEqual({ kind: "name", name: "host.example", ttlSeconds: 1 });
  expect(chained(128)).toEqual({ kind: "unusable", code: 0 });
  expect(chained(8000)).toEqual({ kind: "unusable", code: 0 });
});

test("no bytes make it throw, hang or invent", () => {
  const base = writeMessage({
    id: 7,
    questions: [QUESTION],
    answers: [
      { owner: ASKED, type: 5, ttl: 60, data: wireName("x.example") },
      ptr("host.example", 5, "x.example"),
    ],
    authorities: [{ owner: "example", type: 6, ttl: 1, data: soaData(2) }],
  });
  const mutated = fc
    .tuple(fc.array(fc.tuple(fc.nat(base.length - 1), fc.nat(255)), { maxLength: 8 }), fc.nat(base.length))
    .map(([changes, length]) => {
      const bytes = base.slice();
      for (const [at, value] of changes) bytes[at] = value;
      return bytes.subarray(0, length);
    });
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 600 }), mutated), (bytes) => {
      const answer = decodePtrReply(bytes, 7, ADDRESS);
      if (answer.kind === "name") expect(answer.name).toMatch(/^[a-z0-9_.-]{1,253}$/);
    }),
    { numRuns: 10_000 },
  );
});

test("a message cut anywhere is never taken for a whole one", () => {
  const whole = writeMessage({ id: 7, questions: [QUESTION], answers: [ptr("host.example")] });
  for (let length = 0; length < whole.length; length += 1) {
    expect(["foreign", "unusable"]).toContain(decodePtrReply(whole.subarray(0, length), 7, ADDRESS).kind);
  }
  expect(decodePtrReply(whole, 7, ADDRESS).kind).toBe("name");
});
