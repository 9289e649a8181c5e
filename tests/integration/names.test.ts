/** Naming as the commands wire it: hosts file, name server, file of names; and that a dead server delays nothing. */
import { expect, test } from "bun:test";
import { createSocket } from "node:dgram";
import { chmodSync, existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { CLOSE_MS, startNames, type NamesOptions } from "../../src/cli/names.ts";
import { TYPE_PTR } from "../../src/decode/dns.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { readNameCounters } from "../../src/store/names.ts";
import { dnsServer, type DnsQuery } from "../support/dns-server.ts";
import { NXDOMAIN, wireName, writeMessage } from "../support/dns-message.ts";
import { socket } from "../support/batches.ts";
import { CLIENT_HELLO, joined, nameRecord, recordedNames } from "../support/observed-names.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

function optionsFor(directory: string, port: number, parts: Partial<NamesOptions> = {}): NamesOptions {
  return {
    enabled: true,
    clock: systemClock,
    persist: true,
    resolver: { servers: [{ address: "127.0.0.1", port }], timeoutMs: 5000, attempts: 2, rotate: false },
    hostsPath: join(directory, "hosts"),
    storePath: join(directory, "names.db"),
    ...parts,
  };
}

/** Answers `192.0.2.7` with `host-7.example`, and that there is no name for what ends in zero. */
function answer(query: DnsQuery): readonly Uint8Array[] {
  const questions = [{ name: query.name, type: TYPE_PTR }];
  const last = query.name.split(".")[0] ?? "";
  if (last === "0") return [writeMessage({ id: query.id, flags: NXDOMAIN, questions })];
  const data = wireName(`host-${last}.example`);
  return [
    writeMessage({
      id: query.id,
      questions,
      answers: [{ owner: query.name, type: TYPE_PTR, ttl: 3600, data }],
    }),
  ];
}

test("names come from the hosts file at once, from the server soon, and from the file in the next run", async () => {
  await using directory = await tmpdir();
  writeFileSync(join(directory.path, "hosts"), "127.0.0.1 localhost\n192.0.2.9 nine.example\n");
  await using server = await dnsServer(answer);
  const options = optionsFor(directory.path, server.port);

  const first = startNames(options);
  expect(first.nameOf("127.0.0.1")).toEqual({ name: "localhost", source: "hosts" });
  expect(first.nameOf("192.0.2.9")).toEqual({ name: "nine.example", source: "hosts" });
  expect(first.nameOf("192.0.2.7")).toBeUndefined();
  expect(first.nameOf("192.0.2.0")).toBeUndefined();
  expect(await waitFor("the server's answer", () => first.nameOf("192.0.2.7"))).toEqual({
    name: "host-7.example",
    source: "ptr",
  });
  await waitFor("both answers", () => first.stats().entries === 2);
  expect(server.queries).toHaveLength(2);
  const stats = first.stats();
  expect(stats.persistence).toMatchObject({ state: "on", path: options.storePath, loaded: 0 });
  await first.close();
  expect(first.stats().persistence.saved).toBe(2);
  expect(readNameCounters(join(directory.path, "names.db"), Date.now())).toEqual({
    hits: stats.hits,
    misses: stats.misses,
    lookups: 2,
    failures: 0,
    unreachable: 0,
    dropped: 0,
    observedDns: 0,
    observedSni: 0,
    entries: 2,
  });

  const second = startNames(options);
  await second.load();
  expect(second.stats().persistence).toMatchObject({ state: "on", loaded: 2 });
  expect(second.nameOf("192.0.2.7")).toEqual({ name: "host-7.example", source: "ptr" });
  expect(second.nameOf("192.0.2.0")).toBeUndefined();
  expect(second.stats()).toMatchObject({ hits: 2, misses: 0, hitRate: 1, lookups: 0 });
  await second.close();
  expect(server.queries).toHaveLength(2);
});

test("--no-dns: no packet leaves, nothing is stored, the hosts file still counts", async () => {
  await using directory = await tmpdir();
  writeFileSync(join(directory.path, "hosts"), "192.0.2.9 nine.example\n");
  await using server = await dnsServer(answer);
  const names = startNames(optionsFor(directory.path, server.port, { enabled: false }));
  await names.load();
  expect(names.nameOf("192.0.2.9")?.name).toBe("nine.example");
  expect(names.nameOf("192.0.2.7")).toBeUndefined();
  await names.close();
  expect(names.stats()).toMatchObject({ enabled: false, lookups: 0, persistence: { state: "off" } });
  expect(existsSync(join(directory.path, "names.db"))).toBe(false);
  expect(server.queries).toHaveLength(0);
});

test("who asks nobody still shows what is stored, and stores nothing", async () => {
  await using directory = await tmpdir();
  await using server = await dnsServer(answer);
  const reader = optionsFor(directory.path, server.port, { asks: false });
  const none = startNames(reader);
  await none.load();
  expect(none.nameOf("192.0.2.7")).toBeUndefined();
  await none.close();
  expect(readdirSync(directory.path)).toEqual([]);

  const asking = startNames(optionsFor(directory.path, server.port));
  asking.nameOf("192.0.2.7");
  await waitFor("the server's answer", () => asking.nameOf("192.0.2.7"));
  await asking.close();
  const counters = readNameCounters(join(directory.path, "names.db"), Date.now());

  const second = startNames(reader);
  await second.load();
  expect(second.nameOf("192.0.2.7")).toEqual({ name: "host-7.example", source: "ptr" });
  expect(second.nameOf("192.0.2.8")).toBeUndefined();
  await second.close();
  expect(server.queries).toHaveLength(1);
  expect(readNameCounters(join(directory.path, "names.db"), Date.now())).toEqual(counters);
  expect(readdirSync(directory.path)).toEqual(["names.db"]);
});

test("more names than one transaction takes are all stored, and counted once", async () => {
  await using directory = await tmpdir();
  await using server = await dnsServer(answer);
  const names = startNames(optionsFor(directory.path, server.port));
  await names.load();
  for (let index = 0; index < 1200; index += 1) names.nameOf(`198.51.${index >> 8}.${index & 255}`);
  const stats = await waitFor("all answers", () => (names.stats().pending === 0 ? names.stats() : undefined));
  await names.close();
  expect(names.stats().persistence.saved).toBe(1200);
  expect(readNameCounters(join(directory.path, "names.db"), Date.now())).toMatchObject({
    entries: 1200,
    lookups: 1200,
    misses: stats.misses,
  });
});

test("without persistence nothing is written", async () => {
  await using directory = await tmpdir();
  await using server = await dnsServer(answer);
  const names = startNames(optionsFor(directory.path, server.port, { persist: false }));
  names.nameOf("192.0.2.7");
  await waitFor("the server's answer", () => names.nameOf("192.0.2.7"));
  await names.close();
  expect(readdirSync(directory.path)).toEqual([]);
});

test("a dead name server delays nothing: 1,000 addresses each frame, and a prompt end", async () => {
  await using directory = await tmpdir();
  const silent = createSocket("udp4");
  let questions = 0;
  silent.on("message", () => (questions += 1));
  await new Promise<void>((resolve) => silent.bind(0, "127.0.0.1", () => resolve()));
  const names = startNames(optionsFor(directory.path, silent.address().port));
  await names.load();

  const addresses = Array.from({ length: 1000 }, (_, index) => `198.51.${index >> 8}.${index & 255}`);
  const callsMs: number[] = [];
  let longestGapMs = 0;
  let lastTickMs = performance.now();
  const ticker = setInterval(() => {
    longestGapMs = Math.max(longestGapMs, performance.now() - lastTickMs);
    lastTickMs = performance.now();
  }, 2);
  const endMs = performance.now() + 1500;
  while (performance.now() < endMs) {
    for (const address of addresses) {
      const startMs = performance.now();
      expect(names.nameOf(address)).toBeUndefined();
      callsMs.push(performance.now() - startMs);
    }
    await Bun.sleep(50); // the time between two frames, not a wait for anything
  }
  clearInterval(ticker);
  callsMs.sort((left, right) => left - right);
  expect(callsMs[Math.floor(callsMs.length * 0.99)]).toBeLessThan(5);
  expect(longestGapMs).toBeLessThan(1000); // the event loop was never held up: a question waits for longer
  expect(questions).toBeGreaterThan(0);
  expect(questions).toBeLessThanOrEqual(16); // eight at a time, two attempts each, within the first deadline
  expect(names.stats()).toMatchObject({ pending: 1000, entries: 0 });

  const startMs = performance.now();
  await names.close();
  expect(performance.now() - startMs).toBeLessThan(CLOSE_MS + 1000);
  silent.close();
});

test("a file of names that can't be used is told, and names work without it", async () => {
  await using directory = await tmpdir();
  await using server = await dnsServer(answer);
  writeFileSync(join(directory.path, "file"), "");
  const names = startNames(
    optionsFor(directory.path, server.port, { storePath: join(directory.path, "file", "names.db") }),
  );
  await names.load();
  names.nameOf("192.0.2.7");
  expect(await waitFor("the server's answer", () => names.nameOf("192.0.2.7"))).toMatchObject({
    name: "host-7.example",
  });
  await names.close();
  expect(names.stats().persistence).toMatchObject({ state: "unwritable", saved: 0 });
  expect(names.stats().persistence.message).toBeString();
});

test("a read-only directory is tolerated, for an ordinary user too", async () => {
  await using directory = await tmpdir();
  const script = `
    import { startNames } from "./src/cli/names.ts";
    import { systemClock } from "./src/lib/clock.ts";
    if (process.getuid() === 0) process.setuid(65534);
    const names = startNames({ enabled: true, clock: systemClock, persist: true, env: { XDG_CACHE_HOME: ${JSON.stringify(directory.path)} } });
    await names.load();
    await names.close();
    console.log(names.stats().persistence.state);
  `;
  chmodSync(directory.path, 0o555);
  const child = Bun.spawn([process.execPath, "-e", script], {
    cwd: new URL("../..", import.meta.url).pathname,
    stderr: "pipe",
  });
  const output = await new Response(child.stdout).text();
  expect([await new Response(child.stderr).text(), output, await child.exited]).toEqual([
    "",
    "unwritable\n",
    0,
  ]);
  chmodSync(directory.path, 0o755);
});

test("a corrupt file of names is set aside and told", async () => {
  await using directory = await tmpdir();
  const options = optionsFor(directory.path, 9);
  writeFileSync(join(directory.path, "names.db"), "nonsense".repeat(1000));
  const names = startNames(options);
  await names.load();
  expect(names.stats().persistence.state).toBe("set_aside");
  await names.close();
  expect(readdirSync(directory.path).filter((name) => name.startsWith("names.db"))).toEqual([
    "names.db",
    "names.db.corrupt",
  ]);
});

test("closing at once, before anything was loaded or asked, takes no time and leaves no file", async () => {
  await using directory = await tmpdir();
  const names = startNames(optionsFor(directory.path, 9));
  names.nameOf("192.0.2.7");
  const startMs = performance.now();
  await names.close();
  await names.close();
  expect(performance.now() - startMs).toBeLessThan(CLOSE_MS + 1000);
  expect(readdirSync(directory.path)).toEqual([]);
});

test("what is observed names addresses at once, asks nobody, and is there in the next run", async () => {
  await using directory = await tmpdir();
  writeFileSync(join(directory.path, "hosts"), "");
  await using server = await dnsServer(answer);
  const options = optionsFor(directory.path, server.port);
  const recorded = recordedNames();
  const first = startNames(options);
  const records = joined(
    nameRecord(recorded("dns-alias-a"), { cookie: 11 }),
    nameRecord(recorded("hello-chromium"), { type: CLIENT_HELLO, cookie: 12, remote: [198, 51, 100, 9] }),
    nameRecord(recorded("dns-many-truncated")),
    new Uint8Array(7),
  );
  expect(first.observeRecords(records)).toEqual([{ cause: "malformed_record", count: 1, bytes: undefined }]);
  expect(first.nameOf("198.51.100.9")).toEqual({ name: "browser.shop.example", source: "sni" });
  expect(first.observed.of("192.0.2.20")).toBeUndefined(); // nobody is known to have asked
  const identity = { id: "udp:11", protocol: "udp", remoteAddress: "192.0.2.53", remotePort: 53 } as const;
  first.observed.learn([socket("udp:11", 40, 80, { identity })], []);
  const chain = ["shop.example", "edge.cdn.example"];
  expect(first.nameOf("192.0.2.20")).toEqual({ name: "www.shop.example", source: "dns", chain });
  expect(first.stats()).toMatchObject({
    observedDns: 1,
    observedSni: 1,
    observations: { malformed: 1, undecoded: 1, unconfirmed: 0 },
  });
  await first.load();
  await first.close();
  expect(server.queries).toEqual([]);
  expect(readNameCounters(join(directory.path, "names.db"), Date.now())).toMatchObject({
    observedDns: 1,
    observedSni: 1,
    entries: 1,
  });
  const second = startNames(options);
  await second.load();
  expect(second.nameOf("192.0.2.20")).toEqual({ name: "www.shop.example", source: "dns" });
  await second.close();

  const withoutLookUps = startNames({ ...options, enabled: false });
  expect(withoutLookUps.observeRecords(records.subarray(0, records.length - 7))).toEqual([]);
  expect(withoutLookUps.nameOf("198.51.100.9")?.name).toBe("browser.shop.example");
  await withoutLookUps.close();
});
