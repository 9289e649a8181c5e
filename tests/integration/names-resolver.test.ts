/** The resolver against a real name server on loopback: right answers, wrong ones, and none. */
import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { readdirSync } from "node:fs";

import { ptrCodec, TYPE_PTR } from "../../src/decode/dns.ts";
import type { NameResolver } from "../../src/model/names.ts";
import { openResolver } from "../../src/platform/resolver.ts";
import { dnsServer, type DnsQuery } from "../support/dns-server.ts";
import {
  NXDOMAIN,
  REFUSED,
  SERVFAIL,
  soaData,
  TRUNCATED,
  wireName,
  writeMessage,
  type TestMessage,
} from "../support/dns-message.ts";
import { testWith } from "../support/needs.ts";
import { waitFor } from "../support/wait-for.ts";

interface Patience {
  readonly timeoutMs?: number;
  readonly attempts?: number;
  readonly deadlineMs?: number;
}

function resolverFor(ports: readonly number[], patience: Patience = {}): NameResolver {
  const { timeoutMs = 5000, attempts = 1, deadlineMs = 3000 } = patience;
  const servers = ports.map((port) => ({ address: "127.0.0.1", port }));
  return openResolver({
    codec: ptrCodec,
    settings: { servers, timeoutMs, attempts, rotate: false },
    deadlineMs,
  });
}

function answerTo(query: DnsQuery, parts: Partial<TestMessage> = {}): Uint8Array {
  return writeMessage({ id: query.id, questions: [{ name: query.name, type: TYPE_PTR }], ...parts });
}

function named(query: DnsQuery, name: string, ttl = 300): Uint8Array {
  return answerTo(query, { answers: [{ owner: query.name, type: TYPE_PTR, ttl, data: wireName(name) }] });
}

/** A port of this machine on which nobody answers, because its socket only listens. */
async function silentPort(): Promise<AsyncDisposable & { port: number; count: () => number }> {
  const socket = createSocket("udp4");
  let count = 0;
  socket.on("message", () => (count += 1));
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", () => resolve()));
  return {
    port: socket.address().port,
    count: () => count,
    [Symbol.asyncDispose]: async () => {
      socket.close();
    },
  };
}

const openDescriptors = (): number => readdirSync("/proc/self/fd").length;

test("a name with its TTL, for IPv4 and IPv6, each question from a port of its own", async () => {
  await using server = await dnsServer((query) => [
    named(query, query.name.endsWith("ip6.arpa") ? "six.example" : "four.example", 77),
  ]);
  const resolver = resolverFor([server.port]);
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "name", name: "four.example", ttlMs: 77_000 });
  expect(await resolver.lookup("2001:db8::1")).toEqual({ kind: "name", name: "six.example", ttlMs: 77_000 });
  expect(server.queries.map(({ name }) => name.slice(0, 14))).toEqual(["1.2.0.192.in-a", "1.0.0.0.0.0.0."]);
  for (let count = 0; count < 20; count += 1) await resolver.lookup("192.0.2.1");
  expect(new Set(server.queries.map(({ port }) => port)).size).toBeGreaterThan(15);
  expect(new Set(server.queries.map(({ id }) => id)).size).toBeGreaterThan(15);
  resolver.close();
});

test("absence with the server's time, and without", async () => {
  await using server = await dnsServer((query) => {
    const authority = { owner: "in-addr.arpa", type: 6, ttl: 600, data: soaData(120) };
    return [
      query.name.startsWith("1.")
        ? answerTo(query, { flags: NXDOMAIN, authorities: [authority] })
        : answerTo(query),
    ];
  });
  const resolver = resolverFor([server.port]);
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "absent", ttlMs: 120_000 });
  expect(await resolver.lookup("192.0.2.2")).toEqual({ kind: "absent", ttlMs: undefined });
  resolver.close();
});

test("a truncated answer is asked for again over TCP", async () => {
  const longName = `${"a".repeat(60)}.example`;
  await using server = await dnsServer((query) => [
    query.transport === "udp" ? answerTo(query, { flags: TRUNCATED }) : named(query, longName),
  ]);
  const resolver = resolverFor([server.port]);
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "name", name: longName, ttlMs: 300_000 });
  expect(server.queries.map(({ transport }) => transport)).toEqual(["udp", "tcp"]);
  resolver.close();
});

test("truncated over TCP too, or garbage there, is a server's failure", async () => {
  await using server = await dnsServer((query) => {
    if (query.transport === "udp") return [answerTo(query, { flags: TRUNCATED })];
    return [query.name.startsWith("1.") ? answerTo(query, { flags: TRUNCATED }) : Uint8Array.of(1, 2, 3)];
  });
  const resolver = resolverFor([server.port]);
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "server" });
  expect(await resolver.lookup("192.0.2.2")).toEqual({ kind: "failed", reason: "server" });
  resolver.close();
});

test("a server that refuses is passed over for the next; if all refuse, it is a failure of servers", async () => {
  await using bad = await dnsServer((query) => [
    answerTo(query, { flags: query.id % 2 === 0 ? SERVFAIL : REFUSED }),
  ]);
  await using good = await dnsServer((query) => [named(query, "good.example")]);
  const both = resolverFor([bad.port, good.port]);
  expect(await both.lookup("192.0.2.1")).toMatchObject({ name: "good.example" });
  expect(await both.lookup("192.0.2.2")).toMatchObject({ name: "good.example" });
  expect(bad.queries).toHaveLength(1); // the one that answered is asked first from then on
  both.close();
  const onlyBad = resolverFor([bad.port]);
  expect(await onlyBad.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "server" });
  onlyBad.close();
});

test("answers with a wrong id, another question or no sense are ignored, and the right one behind them is taken", async () => {
  await using server = await dnsServer((query) => [
    new Uint8Array(0),
    Uint8Array.of(0xff, 0xff, 0xff),
    crypto.getRandomValues(new Uint8Array(512)),
    named({ ...query, id: (query.id + 1) & 0xffff }, "spoofed.example"),
    named({ ...query, name: "9.9.9.9.in-addr.arpa" }, "spoofed.example"),
    named(query, "right.example"),
  ]);
  const resolver = resolverFor([server.port]);
  for (let count = 0; count < 10; count += 1) {
    expect(await resolver.lookup("192.0.2.1")).toMatchObject({ name: "right.example" });
  }
  resolver.close();
});

test("nobody but the server can answer: a datagram from another port does not arrive", async () => {
  const stranger = createSocket("udp4");
  stranger.on("error", () => undefined); // that nobody listens where it sends
  await using server = await dnsServer((query) => {
    stranger.send(named(query, "spoofed.example"), query.port, "127.0.0.1");
    return [];
  });
  const resolver = resolverFor([server.port], { timeoutMs: 200 });
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "unreachable" });
  resolver.close();
  stranger.close();
});

test("a server that only says wrong things is given up after fifty of them", async () => {
  await using server = await dnsServer((query) =>
    Array.from({ length: 60 }, () => named({ ...query, id: query.id ^ 1 }, "spoofed.example")),
  );
  const resolver = resolverFor([server.port], { deadlineMs: 60_000, timeoutMs: 30_000 });
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "unreachable" });
  resolver.close();
});

test("a silent server is given up within the deadline, having been asked as often as configured", async () => {
  await using silent = await silentPort();
  const resolver = resolverFor([silent.port], { deadlineMs: 2000, attempts: 2 });
  const startMs = performance.now();
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "unreachable" });
  const tookMs = performance.now() - startMs;
  expect(tookMs).toBeGreaterThan(1900);
  expect(tookMs).toBeLessThan(4900);
  expect(silent.count()).toBe(2);
  resolver.close();
});

test("a port where nobody listens is known to be dead at once", async () => {
  const gone = await silentPort();
  await gone[Symbol.asyncDispose]();
  const resolver = resolverFor([gone.port], { attempts: 2 });
  const startMs = performance.now();
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "unreachable" });
  expect(performance.now() - startMs).toBeLessThan(2500);
  resolver.close();
});

test("a server to which there is no way is unreachable, at once or after its time", async () => {
  // 2001:db8::/32 is for documentation (RFC 3849), the other an address of no kind: no route, or nobody there.
  const servers = ["2001:db8::53", "255.255.255.255"].map((address) => ({ address, port: 53 }));
  const settings = { servers, timeoutMs: 100, attempts: 2, rotate: false };
  const before = openDescriptors();
  const resolver = openResolver({ codec: ptrCodec, settings, deadlineMs: 1000 });
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "unreachable" });
  await waitFor("the sockets to be closed", () => openDescriptors() <= before);
  resolver.close();
});

testWith(["root", "program:unshare"], "without any network a look-up ends at once, unreachable", async () => {
  const script = `
    import { ptrCodec } from "./src/decode/dns.ts";
    import { openResolver } from "./src/platform/resolver.ts";
    const servers = [{ address: "192.0.2.53", port: 53 }, { address: "127.0.0.1", port: 53 }];
    const settings = { servers, timeoutMs: 5000, attempts: 2, rotate: false };
    const startMs = performance.now();
    const answer = await openResolver({ codec: ptrCodec, settings }).lookup("192.0.2.1");
    console.log(answer.kind, answer.reason, performance.now() - startMs < 2500 ? "at once" : "late");
  `;
  const command = ["unshare", "--net", process.execPath, "-e", script];
  const child = Bun.spawn(command, { cwd: new URL("../..", import.meta.url).pathname, stderr: "pipe" });
  const output = await new Response(child.stdout).text();
  const words = await new Response(child.stderr).text();
  expect([words, output, await child.exited]).toEqual(["", "failed unreachable at once\n", 0]);
});

test("a lost question is asked again", async () => {
  let count = 0;
  await using server = await dnsServer((query) => {
    count += 1;
    return count === 1 ? [] : [named(query, "second.example")];
  });
  const resolver = resolverFor([server.port], { attempts: 2, timeoutMs: 1000 });
  expect(await resolver.lookup("192.0.2.1")).toMatchObject({ name: "second.example" });
  resolver.close();
});

test("close ends what is under way at once and leaves no descriptor open", async () => {
  await using silent = await silentPort();
  const before = openDescriptors();
  const resolver = resolverFor([silent.port]);
  const waiting = Array.from({ length: 50 }, (_, index) => resolver.lookup(`192.0.2.${index}`));
  await waitFor("the questions to arrive", () => silent.count() === 50);
  const startMs = performance.now();
  resolver.close();
  const answers = await Promise.all(waiting);
  expect(performance.now() - startMs).toBeLessThan(2500);
  expect(new Set(answers.map((answer) => JSON.stringify(answer)))).toEqual(
    new Set([JSON.stringify({ kind: "failed", reason: "stopped" })]),
  );
  expect(await resolver.lookup("192.0.2.1")).toEqual({ kind: "failed", reason: "stopped" });
  await waitFor("the sockets to be closed", () => openDescriptors() <= before);
});

test("500 look-ups leave no descriptor open either", async () => {
  await using server = await dnsServer((query) => [named(query, "x.example")]);
  const resolver = resolverFor([server.port]);
  await resolver.lookup("192.0.2.1");
  const before = openDescriptors();
  for (let round = 0; round < 10; round += 1) {
    await Promise.all(Array.from({ length: 50 }, (_, index) => resolver.lookup(`192.0.2.${index}`)));
  }
  await waitFor("the sockets to be closed", () => openDescriptors() <= before);
  resolver.close();
});

test("an open look-up does not keep the program alive", async () => {
  await using silent = await silentPort();
  const script = `
    import { ptrCodec } from "./src/decode/dns.ts";
    import { openResolver } from "./src/platform/resolver.ts";
    const settings = { servers: [{ address: "127.0.0.1", port: ${silent.port} }], timeoutMs: 30000, attempts: 1, rotate: false };
    void openResolver({ codec: ptrCodec, settings, deadlineMs: 30000 }).lookup("192.0.2.1");
    console.log("asked");
  `;
  const startMs = performance.now();
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: new URL("../..", import.meta.url).pathname,
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  expect([await new Response(child.stderr).text(), output, await child.exited]).toEqual(["", "asked\n", 0]);
  expect(performance.now() - startMs).toBeLessThan(25_000);
});
