/** Which name a flow has where the machine was seen to ask for names: by connection, process, anybody; and the bounds. */
import { expect, test } from "bun:test";
import * as fc from "fast-check";

import { FlowTable } from "../../../src/engine/flow-table.ts";
import { NAME_TIMES, NameCache } from "../../../src/engine/names.ts";
import { ObservedNames } from "../../../src/engine/observed-names.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { SocketSample } from "../../../src/model/flow.ts";
import type { NameAnswer, NameObservation } from "../../../src/model/names.ts";
import type { HostName } from "../../../src/model/snapshot.ts";
import {
  batchAt,
  closedAt,
  processInfo,
  socket,
  START_MS,
  STATUS,
  type SocketParts,
} from "../../support/batches.ts";

const NAMESPACE = 4_026_531_840;
const SERVER = "192.0.2.53";
const SHOP = "198.51.100.1";
const BROWSER = "boot:1:1";
const MAILER = "boot:2:1";

interface Shared {
  readonly address: string;
  readonly host: HostName;
  readonly ttlMs: number;
}

function world(nameOf?: (address: string) => HostName | undefined) {
  const clock = new ManualClock(START_MS);
  const shared: Shared[] = [];
  const names = new ObservedNames({
    clock,
    networkNamespace: NAMESPACE,
    share: (address, host, ttlMs) => shared.push({ address, host, ttlMs }),
  });
  const table = new FlowTable({ clock, observedNames: names, ...(nameOf === undefined ? {} : { nameOf }) });
  let isFirst = true;
  /** A sample one second later; gives the name of each flow. */
  const sample = (sockets: readonly SocketSample[], ended: readonly SocketSample[] = []) => {
    if (!isFirst) clock.advance(1000);
    isFirst = false;
    const seconds = (clock.nowMs() - START_MS) / 1000;
    const closed = ended.map((each) => closedAt(seconds, each));
    const processes = [processInfo(1, "browser"), processInfo(2, "mailer")];
    const { flows } = table.ingest(batchAt(seconds, { sockets, closed, processes }), STATUS);
    return Object.fromEntries(flows.map(({ id, remoteHost }) => [id, remoteHost]));
  };
  /** Sees them pass now, or so many milliseconds ago. */
  const observe = (observations: readonly NameObservation[], agoMs = 0): void => {
    const bootTimeNs = 1e15 + clock.monotonicMs() * 1e6;
    names.observe(
      observations.map((each) => ({ ...each, timeNs: bootTimeNs - agoMs * 1e6 })),
      bootTimeNs,
    );
  };
  return { clock, names, observe, shared, table, sample };
}

function answer(name: string, parts: Partial<NameObservation> = {}): NameObservation {
  return {
    source: "dns",
    name,
    chain: [],
    addresses: [{ address: SHOP, ttlSeconds: 60 }],
    socket: "udp:53",
    networkNamespace: NAMESPACE,
    timeNs: 1,
    server: SERVER,
    serverPort: 53,
    ...parts,
  };
}

function hello(name: string, cookie: number, address = SHOP): NameObservation {
  const addresses = [{ address, ttlSeconds: 0 }];
  return answer(name, {
    source: "sni",
    addresses,
    socket: `tcp:${cookie}`,
    server: address,
    serverPort: 443,
  });
}

/** The socket over which a process speaks with the name server. */
function asker(cookie: number, process: string | undefined, parts: SocketParts = {}): SocketSample {
  return socket(`udp:${cookie}`, 40, 80, {
    state: "connected",
    owners: process === undefined ? [] : [process],
    attribution: process === undefined ? "unknown" : "exact",
    ...parts,
    identity: { protocol: "udp", remoteAddress: SERVER, remotePort: 53, ...parts.identity },
  });
}

function connection(cookie: number | string, process: string, parts: SocketParts = {}): SocketSample {
  return socket(`tcp:${cookie}`, 10, 10, { owners: [process], attribution: "exact", ...parts });
}

const dns = (name: string): HostName => ({ name, source: "dns" });
const sni = (name: string): HostName => ({ name, source: "sni" });

test("each process's connections have the name that it asked for; who didn't ask has the latest of anybody", () => {
  const { names, observe, shared, sample } = world();
  sample([asker(53, BROWSER), asker(54, MAILER)]);
  observe([
    answer("www.shop.example", { chain: ["shop.example", "edge.example"] }),
    answer("mail.example", { socket: "udp:54" }),
  ]);
  const found = sample([connection(1, BROWSER), connection(2, MAILER), connection(3, "boot:3:1")]);
  expect(found["tcp:1"]).toEqual({ ...dns("www.shop.example"), chain: ["shop.example", "edge.example"] });
  expect(found["tcp:2"]).toEqual(dns("mail.example"));
  expect(found["tcp:3"]).toEqual(dns("mail.example"));
  expect(shared).toEqual([
    {
      address: SHOP,
      host: { ...dns("www.shop.example"), chain: ["shop.example", "edge.example"] },
      ttlMs: 60_000,
    },
    { address: SHOP, host: dns("mail.example"), ttlMs: 60_000 },
  ]);
  expect(names.stats()).toEqual({ dns: 2, sni: 0, unconfirmed: 0 });
});

test("the name that a TLS connection asked for goes ahead of everything but the hosts file", () => {
  const hosts: HostName = { name: "shop", source: "hosts" };
  const ptr: HostName = { name: "edge.cdn.example", source: "ptr" };
  const { observe, sample } = world((address) => (address === "198.51.100.2" ? hosts : ptr));
  expect(sample([connection(1, BROWSER)])["tcp:1"]).toBe(ptr);
  observe([hello("www.shop.example", 1), hello("hidden.example", 5, "198.51.100.2"), answer("a.example")]);
  const elsewhere = connection(5, BROWSER, { identity: { remoteAddress: "198.51.100.2" } });
  const found = sample([asker(53, BROWSER), connection(1, BROWSER), connection(2, BROWSER), elsewhere]);
  expect(found["tcp:1"]).toEqual(sni("www.shop.example"));
  expect(found["tcp:2"]).toEqual(dns("a.example"));
  expect(found["tcp:5"]).toBe(hosts);
  // Rows of further actors and peers, and of a socket that connects anew, are of the same socket.
  observe([hello("b.example", 6)]);
  const rows = [connection("6@boot:2:1", MAILER), connection("6#1%7", BROWSER)];
  expect(Object.values(sample(rows)).filter((host) => host?.name === "b.example")).toHaveLength(2);
});

test("a flow keeps its name: neither later questions nor their expiry rename it", () => {
  const { clock, observe, sample } = world();
  sample([asker(53, BROWSER)]);
  observe([answer("a.example")]);
  const first = connection(1, BROWSER);
  expect(sample([asker(53, BROWSER), first])["tcp:1"]).toEqual(dns("a.example"));
  for (let second = 0; second < 5; second += 1) sample([asker(53, BROWSER), first]);
  observe([answer("b.example")]);
  const second = connection(2, BROWSER);
  expect(sample([asker(53, BROWSER), first, second])).toMatchObject({
    "tcp:1": dns("a.example"),
    "tcp:2": dns("b.example"),
  });
  clock.advance(NAME_TIMES.observedMinMs);
  const found = sample([first, second, connection(3, BROWSER)]);
  expect(found).toMatchObject({ "tcp:1": dns("a.example"), "tcp:2": dns("b.example") });
  expect(found["tcp:3"]).toBeUndefined();
});

test("a flow that is older than the first answer has that one, and one that was seen just before it too", () => {
  const { observe, sample } = world();
  const old = connection(1, BROWSER);
  sample([asker(53, BROWSER), old]);
  expect(sample([asker(53, BROWSER), old])["tcp:1"]).toBeUndefined();
  for (let second = 0; second < 5; second += 1) sample([asker(53, BROWSER), old]);
  observe([answer("a.example")]);
  const next = connection(2, BROWSER);
  sample([asker(53, BROWSER), old, next]);
  observe([answer("b.example")], 5); // the record comes after the sample that has its connection
  expect(sample([asker(53, BROWSER), old, next])).toMatchObject({
    "tcp:1": dns("a.example"),
    "tcp:2": dns("b.example"),
  });
});

test("answers count in the order in which they passed, not in that in which they become known", () => {
  const { clock, observe, sample } = world();
  sample([asker(53, BROWSER)]);
  clock.advance(600);
  observe([answer("earlier.example", { socket: "udp:60" })], 500); // whose it is comes with the next sample
  observe([answer("later.example")], 100);
  const found = sample([asker(53, BROWSER), asker(60, BROWSER), connection(1, BROWSER)]);
  expect(found["tcp:1"]).toEqual(dns("later.example"));
});

test("an answer is believed when its socket is known to have asked that server, before or after", () => {
  const { observe, sample } = world();
  const flow = connection(1, BROWSER);
  observe([answer("a.example")]);
  expect(sample([flow])["tcp:1"]).toBeUndefined();
  // The socket was opened and closed between two samples.
  expect(sample([flow], [asker(53, BROWSER)])["tcp:1"]).toEqual(dns("a.example"));
  observe([answer("b.example", { addresses: [{ address: "198.51.100.7", ttlSeconds: 1 }] })]);
  const late = connection(2, BROWSER, { identity: { remoteAddress: "198.51.100.7" } });
  expect(sample([flow, late])["tcp:2"]).toEqual(dns("b.example"));
});

test("nobody can name an address by sending an answer that wasn't asked for", () => {
  const { names, observe, shared, sample } = world();
  const forged = answer("bank.example", { socket: "udp:9", server: "203.0.113.66" });
  observe([forged]);
  const open = asker(9, BROWSER, {
    state: "unconnected",
    identity: { remoteAddress: "0.0.0.0", remotePort: 0 },
  });
  const peer = asker(9, BROWSER, {
    counters: { bytesSent: 0, bytesReceived: 500, meaning: "payload", uncertaintyBytes: 0 },
    identity: { id: "udp:9>203.0.113.66:53", remoteAddress: "203.0.113.66" },
  });
  for (let second = 0; second < 32; second += 1) {
    expect(sample([open, peer, connection(1, BROWSER)])["tcp:1"]).toBeUndefined();
  }
  expect(names.stats()).toEqual({ dns: 0, sni: 0, unconfirmed: 1 });
  // The same from another server than the one that the socket asked.
  observe([answer("bank.example", { server: "203.0.113.66" })]);
  expect(sample([asker(53, BROWSER), connection(1, BROWSER)])["tcp:1"]).toBeUndefined();
  expect(shared).toEqual([]);
});

test("an asker without a process names the address for everybody, and is learned when it is told", () => {
  const { observe, sample } = world();
  sample([asker(53, undefined)]);
  observe([answer("a.example")]);
  expect(sample([asker(53, undefined), connection(1, BROWSER)])["tcp:1"]).toEqual(dns("a.example"));
});

test("addresses that mean another host elsewhere are named only where they were asked for", () => {
  const { names, observe, shared, sample } = world();
  const inside = (address: string) => ({ addresses: [{ address, ttlSeconds: 1 }] });
  const inContainer = asker(54, BROWSER, { identity: { id: "udp:54%7", networkNamespace: 7 } });
  sample([asker(53, BROWSER), inContainer]);
  observe([
    answer("own.example", inside("10.0.0.1")),
    answer("container.example", { ...inside("10.0.0.2"), socket: "udp:54" }),
    answer("public.example", { ...inside("198.51.100.3"), socket: "udp:54" }),
    // The kernel programs can't always tell a connection's namespace.
    { ...hello("unknown.example", 90, "10.0.0.4"), networkNamespace: 0 },
    hello("lan.example", 91, "10.0.0.5"),
    answer("loop.example", inside("127.0.0.5")),
    answer("blocked.example", inside("0.0.0.0")),
    answer("blocked.example", inside("::")),
    answer("group.example", inside("224.0.0.1")),
  ]);
  expect(shared.map(({ address }) => address)).toEqual(["10.0.0.1", "198.51.100.3", "10.0.0.5"]);
  const to = (cookie: number, remoteAddress: string, process: string): SocketSample =>
    connection(cookie, process, { identity: { remoteAddress } });
  const found = sample([
    to(1, "10.0.0.2", BROWSER),
    to(2, "10.0.0.2", MAILER),
    to(3, "127.0.0.5", BROWSER),
    to(90, "10.0.0.4", MAILER),
    to(92, "10.0.0.5", MAILER),
  ]);
  expect(found).toMatchObject({
    "tcp:1": dns("container.example"),
    "tcp:3": dns("loop.example"),
    "tcp:90": sni("unknown.example"),
    "tcp:92": sni("lan.example"),
  });
  expect(found["tcp:2"]).toBeUndefined();
  expect(names.of("0.0.0.0")).toBeUndefined();
});

test("a name that stays the same stays the same object, so that the row does", () => {
  const { observe, sample } = world();
  const flow = connection(1, BROWSER);
  sample([asker(53, BROWSER)]);
  observe([answer("a.example", { chain: ["b.example"] })]);
  const before = sample([asker(53, BROWSER), flow])["tcp:1"];
  observe([answer("a.example", { chain: ["b.example"] })]);
  expect(sample([asker(53, BROWSER), flow])["tcp:1"]).toBe(before as HostName);
});

test("nothing grows without a bound", () => {
  const { clock, names, observe, shared, sample } = world();
  sample([asker(53, BROWSER)]);
  const addressOf = (index: number): string =>
    `198.${18 + (index >> 16)}.${(index >> 8) & 255}.${index & 255}`;
  for (let index = 0; index < 12_000; index += 1) {
    const addresses = [{ address: addressOf(index), ttlSeconds: 1 }];
    observe([
      answer(`n${index}.example`, { addresses }),
      hello(`s${index}.example`, 100 + index, addressOf(index)),
    ]);
  }
  expect(shared).toHaveLength(24_000);
  expect(names.of(addressOf(1999))).toBeUndefined();
  expect(names.of(addressOf(2000))?.nameFor("tcp:2100", BROWSER, START_MS)).toEqual({
    host: sni("s2000.example"),
    by: "connection",
  });
  for (let index = 0; index < 2000; index += 1)
    observe([answer("w.example", { socket: `udp:${1000 + index}` })]);
  expect(names.stats().unconfirmed).toBe(2000 - 1024);
  clock.advance(30_000);
  sample([]);
  expect(names.stats().unconfirmed).toBe(2000);
  // Nine processes asked for one address: the one that asked first is forgotten and has the name of anybody.
  for (let index = 0; index < 9; index += 1) {
    sample([asker(5000 + index, `boot:${10 + index}:1`)]);
    observe([answer(`p${index}.example`, { socket: `udp:${5000 + index}` })]);
  }
  const nameOf = (process: string) => names.of(SHOP)?.nameFor("tcp:1", process, clock.nowMs())?.host.name;
  expect([nameOf("boot:10:1"), nameOf("boot:11:1"), nameOf("boot:18:1")]).toEqual([
    "p8.example",
    "p1.example",
    "p8.example",
  ]);
});

test("for an address, what a TLS client asked for goes ahead of its PTR record, behind an answer, and is not stored", async () => {
  const clock = new ManualClock(START_MS);
  const lookup = async (): Promise<NameAnswer> => ({ kind: "name", name: "edge.cdn.example", ttlMs: 60_000 });
  const cache = new NameCache({ clock, lookup });
  const client = sni("shop.example.org");
  cache.nameOf(SHOP); // the look-up is under way when the ClientHello is seen
  cache.observe(SHOP, client, 0);
  while (cache.stats().pending > 0) await Promise.resolve();
  expect(cache.nameOf(SHOP)).toBe(client);
  expect(cache.takeChanges(10)).toEqual([]);
  const answered: HostName = { ...dns("www.example.org"), chain: ["edge.example.org"] };
  cache.observe(SHOP, answered, 5000);
  cache.observe(SHOP, client, 0);
  expect(cache.nameOf(SHOP)).toBe(answered);
  const expiresAtMs = START_MS + NAME_TIMES.observedMinMs;
  expect(cache.takeChanges(10)).toEqual([
    { address: SHOP, name: "www.example.org", source: "dns", expiresAtMs },
  ]);
  clock.advance(NAME_TIMES.observedMinMs);
  cache.observe(SHOP, client, 0);
  expect(cache.nameOf(SHOP)).toBe(client);
});

test("in whatever order records and samples come, a name was asked for by its flow, its process or anybody", () => {
  const step = fc.record({
    kind: fc.constantFrom("dns", "sni", "sample", "wait"),
    cookie: fc.integer({ min: 1, max: 4 }),
    name: fc.constantFrom("a.example", "b.example", "c.example"),
    last: fc.integer({ min: 1, max: 3 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const { clock, observe, sample } = world();
      const asked = new Set<string>();
      const sockets: SocketSample[] = [];
      for (let cookie = 1; cookie <= 4; cookie += 1) {
        sockets.push(asker(cookie, cookie % 2 === 0 ? BROWSER : MAILER));
        const identity = { remoteAddress: `198.51.100.${(cookie % 3) + 1}` };
        sockets.push(connection(cookie, cookie % 2 === 0 ? BROWSER : MAILER, { identity }));
      }
      for (const { kind, cookie, name, last } of steps) {
        const address = `198.51.100.${last}`;
        if (kind === "wait") clock.advance(cookie * 1_000_000);
        if (kind === "dns") {
          observe([answer(name, { socket: `udp:${cookie}`, addresses: [{ address, ttlSeconds: 5 }] })]);
        }
        if (kind === "sni") observe([hello(name, cookie, address)]);
        if (kind === "dns" || kind === "sni") asked.add(`${kind} ${name} ${address}`);
        if (kind !== "sample") continue;
        const found = sample(sockets);
        for (const { identity } of sockets) {
          const host = found[identity.id];
          if (host !== undefined)
            expect(asked).toContain(`${host.source} ${host.name} ${identity.remoteAddress}`);
        }
      }
    }),
    { numRuns: 300 },
  );
});
