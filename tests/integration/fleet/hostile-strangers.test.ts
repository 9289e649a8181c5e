/**
 * Strangers on the network against `wb serve`, a process of its own behind its real TLS: bytes that are no HTTP, bodies without end,
 * connections that say nothing, and random requests by the ten thousand. It answers others meanwhile, its memory stays within its
 * bounds, nothing is stored, and nothing of it is a defect.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import { INJECTIONS, RequestMaker, type Document } from "../../support/fleet/hostile/random-request.ts";
import { RawClient, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { workedFor, workedMeanwhile } from "../../support/fleet/hostile/held-up.ts";
import { FROM_SOURCE, serveProcess, type ServeProcess } from "../../support/fleet/serve-process.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const TIMEOUT_MS = 240_000;
/** Enough to find what one in thousands finds; WB_HOSTILE_REQUESTS=100000 for more of them. */
const REQUESTS = Number(process.env["WB_HOSTILE_REQUESTS"] ?? 20_000);
/** WB_SERVE=dist/wb takes the binary. */
const BY = process.env["WB_SERVE"] === undefined ? FROM_SOURCE : [process.env["WB_SERVE"]];
const AT_ONCE = 16;
const KEYS = 12;
/** What the parent's memory may grow by in any of these, however much is sent. */
const GROWTH_MIB_MAX = 150;

function residentMib(serve: ServeProcess): number {
  const status = readFileSync(`/proc/${serve.child.pid}/status`, "utf8");
  return Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) / 1024;
}

function stateDirectory(home: string): string {
  return join(home, ".local", "state", "wirebound", "serve");
}

/** By the parent's own time. */
async function isHealthyWithinASecond(serve: ServeProcess): Promise<boolean> {
  return (await workedFor(serve.child.pid, () => serve.fetch("/healthz"))) < 1000;
}

/** The status of the first answer, or `closed`. */
async function firstAnswer(port: number, text: string): Promise<string> {
  await using client = await RawClient.open(port);
  await client.write(Buffer.from(text, "latin1"));
  return await waitFor(
    "an answer",
    () => /^HTTP\/1\.1 (\d{3})/.exec(client.received)?.[1] ?? (client.isClosed && "closed"),
  );
}

const LOGIN = '{"name":"anna","password":"12345"}';
const LOGIN_HEAD = `Content-Type: application/json\r\nContent-Length: ${LOGIN.length}\r\n\r\n${LOGIN}`;
/** What is sent, and what may come of it. */
const NO_HTTP: Readonly<Record<string, readonly [string, readonly string[]]>> = {
  "another protocol": ["\u0016\u0003\u0001 hello\r\n\r\n", ["400", "closed"]],
  "HTTP/2 without asking": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ["400", "505", "closed"]],
  "no host": ["GET /healthz HTTP/1.1\r\n\r\n", ["400"]],
  "an empty host": ["GET /healthz HTTP/1.1\r\nHost: \r\n\r\n", ["400", "404", "200"]],
  "a path in the host": ["GET /healthz HTTP/1.1\r\nHost: a/api/v1/live?x=\r\n\r\n", ["400", "404", "200"]],
  "a host that is none, with an origin": [
    `POST /api/v1/login HTTP/1.1\r\nHost: [::\r\nOrigin: https://x\r\n${LOGIN_HEAD}`,
    ["400", "403", "404"],
  ],
  "another one": [
    `POST /api/v1/login HTTP/1.1\r\nHost: %%%\r\nOrigin: https://x\r\n${LOGIN_HEAD}`,
    ["400", "403", "404"],
  ],
  "bytes in the host": [
    `POST /api/v1/login HTTP/1.1\r\nHost: \u00ff\u00fe\r\nOrigin: null\r\n${LOGIN_HEAD}`,
    ["400", "403", "404"],
  ],
  "another site's address": [
    "GET http://evil.example/healthz HTTP/1.1\r\nHost: a\r\n\r\n",
    ["200", "400", "404"],
  ],
  "a redirect to another site": ["GET //evil.example/%2f.. HTTP/1.1\r\nHost: a\r\n\r\n", ["404"]],
  "a way out of the assets": [
    "GET /assets/../../../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    ["404", "400"],
  ],
  "an encoded one": [
    "GET /assets/%2e%2e%2f%2e%2e%2fidentity.pem HTTP/1.1\r\nHost: a\r\n\r\n",
    ["404", "400"],
  ],
  "a wrong encoding": ["GET /api/v1/agents/%E0%A4%A HTTP/1.1\r\nHost: a\r\n\r\n", ["401", "400"]],
  "a NUL in the path": ["GET /heal\0thz HTTP/1.1\r\nHost: a\r\n\r\n", ["400", "505", "closed"]],
  "a line break in a header": [
    "GET /healthz HTTP/1.1\r\nHost: a\r\nx-agent-id: a\rb\r\n\r\n",
    ["400", "closed"],
  ],
  "two lengths": [
    "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\na",
    ["400", "closed"],
  ],
  "a length and chunks": [
    "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    ["400", "closed"],
  ],
  "a negative length": [
    "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    ["400", "closed"],
  ],
  "an endless length": [
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ["400", "413"],
  ],
  "a chunk without end": [
    "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
    ["400", "closed"],
  ],
  "a gigabyte, as it says": [
    "POST /api/agent/telemetry HTTP/1.1\r\nHost: a\r\nContent-Length: 1073741824\r\n\r\nx",
    ["413"],
  ],
  "a body that is a bomb, as it says": [
    "POST /api/v1/login HTTP/1.1\r\nHost: a\r\nContent-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc",
    ["400"],
  ],
  "a head without end": [
    `GET /healthz HTTP/1.1\r\nHost: a\r\nx: ${"a".repeat(100_000)}\r\n\r\n`,
    ["431", "closed"],
  ],
  "a thousand headers": [
    `GET /healthz HTTP/1.1\r\nHost: a\r\n${"x: y\r\n".repeat(1000)}\r\n`,
    ["431", "closed"],
  ],
  "a method that is none": [`${"F".repeat(500)} / HTTP/1.1\r\nHost: a\r\n\r\n`, ["400", "405", "closed"]],
  "a tunnel": ["CONNECT evil.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", ["400", "404", "405", "closed"]],
  "an echo": ["TRACE /healthz HTTP/1.1\r\nHost: a\r\n\r\n", ["400", "405", "closed"]],
};

test(
  "what is no HTTP, or HTTP that lies, is answered with a refusal or not at all",
  async () => {
    await using home = await tmpdir();
    await using serve = await serveProcess(home.path, { by: BY });
    const before = rowCounts(stateDirectory(home.path));
    for (const [name, [text, expected]] of Object.entries(NO_HTTP)) {
      const answer = await firstAnswer(serve.announced.port, text);
      expect([name, answer, expected.includes(answer)]).toEqual([name, answer, true]);
    }
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    expect(rowCounts(stateDirectory(home.path))).toEqual(before);
    expect(serve.stderr()).not.toContain('"level":"error"');
  },
  TIMEOUT_MS,
);

test(
  "bodies without end cost no memory, whether anybody would have read them or not",
  async () => {
    await using home = await tmpdir();
    await using serve = await serveProcess(home.path, { by: BY });
    const before = rowCounts(stateDirectory(home.path));
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    const beginMib = residentMib(serve);
    const chunk = Buffer.concat([
      Buffer.from("100000\r\n"),
      Buffer.alloc(1 << 20, 0x20),
      Buffer.from("\r\n"),
    ]);
    const paths = [
      "/api/v1/login",
      "/api/agent/join",
      "/api/agent/telemetry",
      "/api/v1/users",
      "/healthz",
      "/no",
    ];
    await Promise.all(
      paths.map(async (path) => {
        await using client = await RawClient.open(serve.announced.port);
        client.socket.setMaxListeners(0);
        await client.write(`POST ${path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`);
        // 1 GB in all; a connection that is cut off has had its answer.
        for (let sent = 0; sent < 171 && !client.isClosed; sent += 1) await client.write(chunk);
        await waitFor("its refusal", () => /^HTTP\/1\.1 4\d\d/.test(client.received) || client.isClosed);
      }),
    );
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    const clients = await Promise.all(Array.from({ length: 50 }, () => RawClient.open(serve.announced.port)));
    const body = Buffer.alloc(15_000_000, 0x20);
    for (const client of clients) {
      void client.write(`POST /api/agent/heartbeat HTTP/1.1\r\nHost: a\r\nContent-Length: 16000000\r\n\r\n`);
      void client.write(body);
    }
    await waitFor("all to be refused", () => clients.every((each) => each.received !== "" || each.isClosed));
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    expect(residentMib(serve) - beginMib).toBeLessThan(GROWTH_MIB_MAX);
    for (const client of clients) await client[Symbol.asyncDispose]();
    expect(rowCounts(stateDirectory(home.path))).toEqual(before);
  },
  TIMEOUT_MS,
);

test(
  "hundreds of slow heads, slow bodies and silent connections hold nobody up, and are ended",
  async () => {
    await using home = await tmpdir();
    await using serve = await serveProcess(home.path, { by: BY });
    const { port } = serve.announced;
    const open = (count: number): Promise<RawClient[]> =>
      Promise.all(Array.from({ length: count }, () => RawClient.open(port)));
    const [silent, heads, bodies] = [await open(100), await open(100), await open(100)];
    const dripping = setInterval(() => {
      for (const client of heads) void client.write("a");
    }, 500);
    for (const client of [...heads, ...bodies]) client.socket.setMaxListeners(0);
    for (const client of heads) void client.write("GET /healthz HTTP/1.1\r\nHost: a\r\nx: ");
    for (const client of bodies) {
      void client.write("POST /api/agent/join HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\n{");
    }
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    try {
      await waitFor("all slow ones to be ended", () => heads.every((each) => each.isClosed));
      await waitFor(
        "all slow bodies to be refused",
        () => bodies.every((each) => each.isClosed || /^HTTP\/1\.1 4\d\d/.test(each.received)),
        40_000,
      );
      await waitFor("all silent ones to be ended", () => silent.every((each) => each.isClosed));
    } finally {
      clearInterval(dripping);
    }
    expect(await isHealthyWithinASecond(serve)).toBe(true);
    for (const client of bodies) await client[Symbol.asyncDispose]();
  },
  TIMEOUT_MS,
);

test(
  "random requests over every route: refused with a reason, nothing stored, no defect, memory bounded",
  async () => {
    await using home = await tmpdir();
    await using serve = await serveProcess(home.path, { by: BY });
    const { key } = JSON.parse(readFileSync(join(stateDirectory(home.path), "local.json"), "utf8")) as {
      key: string;
    };
    const admin = { authorization: `Bearer ${key}`, "content-type": "application/json" };
    const keys: string[] = [];
    for (let count = 0; count < KEYS; count += 1) {
      const body = JSON.stringify({ name: `viewer${count}`, role: "viewer", expiresInMs: null });
      const made = await serve.fetch("/api/v1/keys", { method: "POST", headers: admin, body });
      keys.push(`Bearer ${((await made.json()) as { key: string }).key}`);
    }
    const document = (await (await serve.fetch("/openapi.json")).json()) as Document;
    const maker = new RequestMaker(document, keys, 20_261_120);
    const before = rowCounts(stateDirectory(home.path));
    const beginMib = residentMib(serve);
    const statuses = new Map<number, number>();
    const odd: string[] = [];
    let left = REQUESTS;
    // By a key: the limit of strangers, whom the random ones use up, is not what is looked at here.
    const look = (): Promise<Response> => serve.fetch("/api/v1/me", { headers: admin });
    const send = async (): Promise<void> => {
      while (left > 0) {
        left -= 1;
        const { method, path, headers, body } = maker.next();
        const ending = new AbortController();
        const answer = await serve.fetch(path, {
          method,
          headers,
          redirect: "manual",
          signal: ending.signal,
          ...(body === undefined ? {} : { body }),
        });
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1);
        const isStream = answer.headers.get("content-type")?.startsWith("text/event-stream") === true;
        if (isStream) ending.abort();
        else if (answer.status >= 400 && method !== "HEAD") {
          const { error } = (await answer.json()) as { error?: { code?: string; message?: string } };
          if (error?.code === undefined) odd.push(`${method} ${path}: an error of another form`);
        } else await answer.body?.cancel();
        if (answer.status >= 500 || (answer.status >= 300 && answer.status < 400))
          odd.push(`${answer.status} ${method} ${path} ${body?.slice(0, 200)}`);
        if (answer.headers.has("access-control-allow-origin"))
          odd.push(`${method} ${path}: open to other sites`);
      }
    };
    const slowestMs = await workedMeanwhile(serve.child.pid, look, () =>
      Promise.all(Array.from({ length: AT_ONCE }, send)),
    );
    // A viewer has 32 streams at once: those beyond are told to come again (503 with Retry-After).
    expect(odd.filter((line) => !/^503 (?:GET|HEAD) \/api\/v1\/live/.test(line))).toEqual([]);
    for (const each of [200, 400, 401, 403, 404, 405, 429])
      expect([each, statuses.has(each)]).toEqual([each, true]);
    expect(slowestMs).toBeLessThan(1000);
    const after = rowCounts(stateDirectory(home.path));
    // Logins that fail are in the audit log: thirty a minute, and then how many more.
    expect((after["audit_log"] ?? 0) - (before["audit_log"] ?? 0)).toBeLessThanOrEqual(130);
    expect({ ...after, audit_log: 0 }).toEqual({ ...before, audit_log: 0 });
    expect(residentMib(serve) - beginMib).toBeLessThan(GROWTH_MIB_MAX);
    const log = serve.stderr();
    expect(log).not.toContain('"level":"error"');
    for (const line of log.trim().split("\n").slice(1)) expect(JSON.parse(line)).toHaveProperty("message");
    const metrics = await (await serve.fetch("/metrics", { headers: admin })).text();
    for (const line of metrics.trim().split("\n")) {
      expect(line).toMatch(/^(?:# (?:HELP|TYPE) wb_\w+ .*|wb_\w+(?:\{[^{}]*\})? \S+)$/);
    }
    for (const text of INJECTIONS) expect(metrics.includes(text)).toBe(false);
  },
  TIMEOUT_MS + REQUESTS * 6,
);
