/** The way to the parent: pinned on every connection, signed with counters that never come twice, through proxies, never throwing. */
import { expect, test } from "bun:test";
import {
  createParentClient,
  ParentTransport,
  retryAfterOf,
  type ClosableParentClient,
} from "../../../src/agent/client.ts";
import type { AgentLog, AgentState } from "../../../src/agent/contract.ts";
import { openState } from "../../../src/agent/state.ts";
import { isRequestSigned } from "../../../src/protocol/fleet/request-proof.ts";
import { connectProxy } from "../../support/fleet/connect-proxy.ts";
import { pinnedServer, serverKey } from "../../support/fleet/pinned-server.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const PARENT_ID = "ab".repeat(16);
const quiet: AgentLog = { info: () => undefined, warn: () => undefined, error: () => undefined };
const echo = (value: unknown): unknown => value;

interface World {
  readonly state: AgentState;
  readonly client: ClosableParentClient;
  readonly transport: ParentTransport;
}

function world(
  directory: string,
  options: {
    addresses: string[];
    pin: string;
    proxy?: string;
    env?: Record<string, string>;
    onWorked?: (order: readonly string[]) => void;
  },
): World & Disposable {
  const state = openState(directory, quiet);
  const { addresses, pin, proxy, env = {}, onWorked } = options;
  const transport = new ParentTransport({
    addresses,
    pin,
    proxy,
    env,
    connectMs: 3000,
    ...(onWorked === undefined ? {} : { onWorked }),
  });
  const client = createParentClient({ state, transport, parentId: PARENT_ID });
  return {
    state,
    client,
    transport,
    [Symbol.dispose]: () => {
      client.close();
      state.close();
    },
  };
}

test("every request is signed over its method, path, query and body, with a counter that rises", async () => {
  await using directory = await tmpdir();
  const seen: { signed: boolean; counter: number; instance: string }[] = [];
  let publicKey = "";
  await using server = await pinnedServer(async (request) => {
    const { pathname, search } = new URL(request.url);
    const counter = Number(request.headers.get("x-wb-counter"));
    const instance = request.headers.get("x-wb-instance") ?? "";
    const facts = {
      parentId: PARENT_ID,
      agentId: request.headers.get("x-agent-id") ?? "",
      instance,
      counter,
      method: request.method,
      path: pathname + search,
      body: new Uint8Array(await request.arrayBuffer()),
    };
    const signature = request.headers.get("x-wb-signature") ?? "";
    seen.push({ signed: isRequestSigned(publicKey, facts, signature), counter, instance });
    return Response.json({ path: pathname + search, body: Buffer.from(facts.body).toString() });
  });
  using at = world(directory.path, { addresses: [server.address], pin: server.pin });
  publicKey = at.state.identity.publicKey;
  const first = await at.client.request("POST", "/api/agent/heartbeat", { some: "ü" }, echo);
  const second = await at.client.request("GET", "/api/agent/commands?after=3&wait=1", undefined, echo);
  expect(first).toEqual({ kind: "ok", value: { path: "/api/agent/heartbeat", body: '{"some":"ü"}' } });
  expect(second).toEqual({ kind: "ok", value: { path: "/api/agent/commands?after=3&wait=1", body: "" } });
  const { instance } = at.client;
  expect(seen).toEqual([
    { signed: true, counter: 1, instance },
    { signed: true, counter: 2, instance },
  ]);
});

test("a server with another key is refused, and nothing is sent to it", async () => {
  await using directory = await tmpdir();
  let requests = 0;
  await using server = await pinnedServer(() => {
    requests += 1;
    return Response.json({});
  });
  const other = await serverKey();
  using at = world(directory.path, { addresses: [server.address], pin: other.pin });
  const answer = await at.client.request("GET", "/x", undefined, echo);
  expect(answer.kind).toBe("unreachable");
  if (answer.kind !== "unreachable") return;
  expect(answer.error.message).toBe(
    `${server.address} is not the parent that this agent knows: it has the key ${server.pin}`,
  );
  expect(answer.error.hint).toStartWith("nothing was sent to it");
  expect(requests).toBe(0);
});

test("a certificate that is made anew with the same key is the same parent, also one that has ended or is of tomorrow", async () => {
  await using directory = await tmpdir();
  const key = await serverKey();
  const day = 86_400_000;
  const now = Date.now();
  const certificates = [
    await key.certificate(),
    await key.certificate(now - 2 * day, now - day),
    await key.certificate(now + day, now + 2 * day),
  ];
  let port = 0;
  const answers: string[] = [];
  using at = await (async () => {
    await using first = await pinnedServer(() => Response.json("0"), {
      key,
      certificate: certificates[0] ?? "",
    });
    ({ port } = first);
    const made = world(directory.path, { addresses: [first.address], pin: key.pin });
    answers.push((await made.client.request("GET", "/x", undefined, echo)).kind);
    return made;
  })();
  expect((await at.client.request("GET", "/x", undefined, echo)).kind).toBe("unreachable");
  for (const certificate of certificates.slice(1)) {
    await using _ = await pinnedServer(() => Response.json("1"), { key, certificate, port });
    answers.push((await at.client.request("GET", "/x", undefined, echo)).kind);
  }
  expect(answers).toEqual(["ok", "ok", "ok"]);
});

test("another server in the parent's place is refused on a later connection too", async () => {
  await using directory = await tmpdir();
  const key = await serverKey();
  let port = 0;
  using at = await (async () => {
    await using first = await pinnedServer(() => Response.json("parent"), { key });
    ({ port } = first);
    const made = world(directory.path, { addresses: [first.address], pin: key.pin });
    expect((await made.client.request("GET", "/x", undefined, echo)).kind).toBe("ok");
    return made;
  })();
  let requests = 0;
  await using _ = await pinnedServer(() => Response.json((requests += 1)), { port });
  const answer = await at.client.request("POST", "/x", { secret: 1 }, echo);
  expect(answer.kind === "unreachable" && answer.error.message).toContain(
    "is not the parent that this agent knows",
  );
  expect(requests).toBe(0);
});

test("addresses are tried in order, and the one that works is remembered", async () => {
  await using directory = await tmpdir();
  await using server = await pinnedServer(() => Response.json("here"));
  await using impostor = await pinnedServer(() => Response.json("not me"));
  const orders: (readonly string[])[] = [];
  const addresses = ["127.0.0.1:1", impostor.address, server.address];
  using at = world(directory.path, { addresses, pin: server.pin, onWorked: (order) => orders.push(order) });
  expect(await at.client.request("GET", "/x", undefined, echo)).toEqual({ kind: "ok", value: "here" });
  expect(await at.client.request("GET", "/x", undefined, echo)).toEqual({ kind: "ok", value: "here" });
  expect(orders).toEqual([[server.address, "127.0.0.1:1", impostor.address]]);
});

test("a counter that was used is raised above what the parent says, and the request sent once more", async () => {
  await using directory = await tmpdir();
  const counters: number[] = [];
  await using server = await pinnedServer((request) => {
    const counter = Number(request.headers.get("x-wb-counter"));
    counters.push(counter);
    if (counter > 5000) return Response.json("taken");
    return Response.json({ error: { code: "replayed", message: "used", floor: 5000 } }, { status: 409 });
  });
  {
    using at = world(directory.path, { addresses: [server.address], pin: server.pin });
    expect(await at.client.request("GET", "/x", undefined, echo)).toEqual({ kind: "ok", value: "taken" });
  }
  using again = world(directory.path, { addresses: [server.address], pin: server.pin });
  await again.client.request("GET", "/x", undefined, echo);
  expect(counters.slice(0, 2)).toEqual([1, 5001]);
  expect(counters[2]).toBeGreaterThan(5001);
});

test("a parent that says replayed for ever is asked twice, not for ever", async () => {
  await using directory = await tmpdir();
  let requests = 0;
  await using server = await pinnedServer((request) => {
    requests += 1;
    const floor = Number(request.headers.get("x-wb-counter")) + 10;
    return Response.json({ error: { code: "replayed", message: "used", floor } }, { status: 409 });
  });
  using at = world(directory.path, { addresses: [server.address], pin: server.pin });
  const answer = await at.client.request("GET", "/x", undefined, echo);
  expect(answer.kind === "refused" && answer.error.code).toBe("replayed");
  expect(requests).toBe(2);
});

test("refusals have their code, status and Retry-After; what is no answer of a parent says so", async () => {
  await using directory = await tmpdir();
  const answers: Record<string, () => Response> = {
    "/gap": () => Response.json({ error: { code: "gap", message: "m", cursor: 7 } }, { status: 409 }),
    "/later": () =>
      Response.json(
        { error: { code: "overloaded", message: "m" } },
        { status: 503, headers: { "retry-after": "7" } },
      ),
    "/gateway": () => new Response("<html>", { status: 502, headers: { "retry-after": "3" } }),
    "/page": () => new Response("<html>", { status: 404 }),
    "/not-json": () => new Response("hello"),
    "/large": () => new Response(new Uint8Array(5 * 1024 * 1024)),
  };
  await using server = await pinnedServer(
    (request) => answers[new URL(request.url).pathname]?.() ?? Response.json(1),
  );
  using at = world(directory.path, { addresses: [server.address], pin: server.pin });
  const strict = (value: unknown): unknown => {
    if (value === undefined) throw new Error("no JSON");
    return value;
  };
  const ask = (path: string) => at.client.request("GET", path, undefined, strict);
  expect(await ask("/gap")).toEqual({
    kind: "refused",
    status: 409,
    error: { code: "gap", message: "m", cursor: 7 },
    retryAfterMs: undefined,
  });
  expect(await ask("/later")).toMatchObject({ kind: "refused", status: 503, retryAfterMs: 7000 });
  expect(await ask("/gateway")).toMatchObject({
    kind: "refused",
    status: 502,
    error: { code: "overloaded" },
    retryAfterMs: 3000,
  });
  for (const [path, message] of [
    ["/page", "it answered with status 404, as no parent does"],
    ["/not-json", "the parent answered something that this agent does not understand"],
    ["/large", "the parent's answer is larger than 4194304 bytes"],
  ] as const) {
    const answer = await ask(path);
    expect(answer.kind === "unreachable" && answer.error.message).toBe(message);
  }
});

test("a connection that the parent has closed meanwhile is replaced, and a request that gets no answer ends in time", async () => {
  await using directory = await tmpdir();
  const key = await serverKey();
  const first = await pinnedServer(() => Response.json("first"), { key });
  using at = world(directory.path, { addresses: [first.address], pin: key.pin });
  expect((await at.client.request("GET", "/x", undefined, echo)).kind).toBe("ok");
  await first[Symbol.asyncDispose]();
  await using _ = await pinnedServer(
    (request) =>
      request.url.endsWith("/slow") ? new Promise<Response>(() => undefined) : Response.json("second"),
    { key, port: first.port },
  );
  expect(await at.client.request("GET", "/x", undefined, echo)).toEqual({ kind: "ok", value: "second" });
  const slow = await at.client.request("GET", "/slow", undefined, echo, { timeoutMs: 100 });
  expect(slow.kind === "unreachable" && slow.error.message).toBe("the parent did not answer in time");
  const stop = new AbortController();
  const given = at.client.request("GET", "/slow", undefined, echo, { signal: stop.signal });
  stop.abort();
  expect((await given).kind).toBe("unreachable");
});

test("through a proxy: named or from the environment, with a password, never where NO_PROXY says; it sees TLS only", async () => {
  await using directory = await tmpdir();
  await using server = await pinnedServer(() => Response.json("through"));
  await using proxy = await connectProxy({ user: "name:pass word" });
  const ask = async (proxyName: string | undefined, env: Record<string, string>): Promise<string> => {
    using at = world(directory.path, {
      addresses: [server.address],
      pin: server.pin,
      env,
      ...(proxyName === undefined ? {} : { proxy: proxyName }),
    });
    const answer = await at.client.request("POST", "/x", { readable: "only by the parent" }, echo);
    return answer.kind === "unreachable" ? answer.error.message : answer.kind;
  };
  const url = `http://name:pass%20word@127.0.0.1:${proxy.port}`;
  expect(await ask(url, {})).toBe("ok");
  expect(await ask(undefined, { HTTPS_PROXY: url })).toBe("ok");
  expect(await ask(undefined, { all_proxy: url })).toBe("ok");
  expect(proxy.tunnels).toEqual([server.address, server.address, server.address]);
  expect(proxy.seen()).not.toContain("readable");
  expect(await ask(undefined, { HTTPS_PROXY: url, NO_PROXY: "localhost,127.0.0.0/8" })).toBe("ok");
  expect(await ask("none", { HTTPS_PROXY: url })).toBe("ok");
  expect(proxy.tunnels).toHaveLength(3);
  expect(await ask(`127.0.0.1:${proxy.port}`, {})).toBe(
    `the proxy 127.0.0.1:${proxy.port} wants a name and a password`,
  );
  expect(await ask(`name:wrong@127.0.0.1:${proxy.port}`, {})).toBe(
    `the proxy 127.0.0.1:${proxy.port} does not accept this name and password`,
  );
});

test("a proxy that refuses, or speaks for the parent, is told; a wrong pin is seen through it too", async () => {
  await using directory = await tmpdir();
  await using server = await pinnedServer(() => Response.json("x"));
  await using forbids = await connectProxy({ refuse: "403 Forbidden" });
  await using talks = await connectProxy({ extra: "HTTP/1.1 200 OK\r\n\r\n{}" });
  await using kerberos = await connectProxy({
    refuse: "407 Who are you\r\nProxy-Authenticate: Negotiate\r\nProxy-Authenticate: NTLM",
  });
  await using plain = await connectProxy();
  const ask = async (port: number, pin: string): Promise<string> => {
    using at = world(directory.path, { addresses: [server.address], pin, proxy: `http://127.0.0.1:${port}` });
    const answer = await at.client.request("GET", "/x", undefined, echo);
    return answer.kind === "unreachable" ? answer.error.message : answer.kind;
  };
  expect(await ask(forbids.port, server.pin)).toBe(
    `the proxy 127.0.0.1:${forbids.port} refuses to connect to the parent: 403 Forbidden`,
  );
  expect(await ask(kerberos.port, server.pin)).toBe(
    `the proxy 127.0.0.1:${kerberos.port} lets in by Negotiate, NTLM only, which is not known here`,
  );
  expect(await ask(talks.port, server.pin)).toBe(
    `the proxy 127.0.0.1:${talks.port} says more than it should`,
  );
  expect(await ask(1, server.pin)).toContain("the proxy 127.0.0.1:1 can't be reached");
  expect(await ask(plain.port, (await serverKey()).pin)).toContain("is not the parent that this agent knows");
});

test("Retry-After is seconds or a date, held against the answer's own date", () => {
  const now = Date.parse("2020-01-01T00:00:00Z");
  expect(retryAfterOf({ "retry-after": "12" }, now)).toBe(12_000);
  const date = "Wed, 21 Oct 2026 07:28:00 GMT";
  expect(retryAfterOf({ "retry-after": "Wed, 21 Oct 2026 07:28:30 GMT", date }, now)).toBe(30_000);
  expect(retryAfterOf({ "retry-after": "Wed, 21 Oct 2026 07:27:30 GMT", date }, now)).toBe(0);
  expect(retryAfterOf({ "retry-after": "soon" }, now)).toBeUndefined();
  expect(retryAfterOf({}, now)).toBeUndefined();
});
