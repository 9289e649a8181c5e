/** The HTTP application over a real TLS socket: headers, the one form of errors, limits of bodies, times and heads. */
import { connect, type TLSSocket } from "node:tls";
import { expect, test } from "bun:test";
import { createRoute, z } from "@hono/zod-openapi";
import { WbError } from "../../../../src/model/errors.ts";
import type { App, ServerContext } from "../../../../src/server/context.ts";
import { FleetError } from "../../../../src/server/http/errors.ts";
import { forStrangers, readBody, RequestLimit } from "../../../../src/server/http/limits.ts";
import { bareServer } from "../../../support/fleet/bare-server.ts";

const ErrorForm = z.strictObject({
  error: z.strictObject({ code: z.string(), message: z.string(), hint: z.string().optional() }),
});

async function codeOf(answer: Response): Promise<string> {
  return ErrorForm.parse(await answer.json()).error.code;
}

const typed = createRoute({
  method: "post",
  path: "/typed",
  request: {
    body: { required: true, content: { "application/json": { schema: z.object({ name: z.string() }) } } },
  },
  responses: { 200: { description: "The same" } },
});

function routes(app: App, context: ServerContext): void {
  app.get("/here", (c) => c.text(c.get("address")));
  app.post("/here", (c) => c.text("posted"));
  app.get("/things/:id", (c) => c.text(c.req.param("id")));
  app.post("/echo", async (c) => {
    const bytes = await readBody(context, c, 1000);
    return c.json({ size: bytes.byteLength, parsed: await c.req.json<unknown>() });
  });
  app.get("/defect", () => {
    throw new Error("secret of the house");
  });
  app.get("/full", () => {
    throw new WbError("storage", "no space left on /secret");
  });
  app.get("/wait", () => {
    throw new FleetError("overloaded", "too much", { retryAfterMs: 1200 });
  });
  app.openapi(typed, (c) => c.json(c.req.valid("json"), 200));
  app.get("/limited", forStrangers(context, new RequestLimit(60)), (c) => c.text("in"));
}

/** Sends bytes as they are, and gives all that comes back before the end. */
async function raw(port: number, send: (socket: TLSSocket) => void | Promise<void>): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  const ended = Promise.withResolvers<string>();
  let text = "";
  socket.on("data", (chunk) => (text += String(chunk)));
  socket.on("error", (error) => (text += `[${error.message}]`));
  socket.on("close", () => ended.resolve(text));
  socket.on("secureConnect", () => void send(socket));
  return await ended.promise;
}

test("every answer has the security headers, errors too", async () => {
  await using server = await bareServer(routes);
  for (const path of ["/here", "/nothing", "/defect"]) {
    const { headers } = await server.fetch(path);
    expect(headers.get("content-security-policy")).toBe(
      "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
    );
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-frame-options")).toBe("DENY");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cache-control")).toBe("no-store");
  }
  expect(await (await server.fetch("/here")).text()).toBe("127.0.0.1");
});

test("paths that are not, and methods that a path does not take, are told apart", async () => {
  await using server = await bareServer(routes);
  const absent = await server.fetch("/nothing");
  expect([absent.status, await codeOf(absent)]).toEqual([404, "not_found"]);
  const method = await server.fetch("/here", { method: "DELETE" });
  expect([method.status, await codeOf(method), method.headers.get("allow")]).toEqual([
    405,
    "method",
    "GET, POST",
  ]);
  const parameter = await server.fetch("/things/3", { method: "PUT" });
  expect([parameter.status, parameter.headers.get("allow")]).toEqual([405, "GET"]);
});

test("defects and a full disk are answered without their details, which are logged", async () => {
  await using server = await bareServer(routes);
  const defect = await server.fetch("/defect");
  expect(defect.status).toBe(500);
  expect(await defect.text()).toBe(
    '{"error":{"code":"internal","message":"the parent failed to answer: its log says more"}}',
  );
  const full = await server.fetch("/full");
  expect([full.status, full.headers.get("retry-after")]).toEqual([503, "5"]);
  expect(await full.text()).not.toContain("/secret");
  expect(server.lines.join("\n")).toContain("secret of the house");
  const wait = await server.fetch("/wait");
  expect([wait.status, wait.headers.get("retry-after")]).toEqual([503, "2"]);
});

test("bodies are read once, within their size, and never compressed", async () => {
  await using server = await bareServer(routes);
  const post = (body: Bun.BodyInit, headers: Record<string, string> = {}): Promise<Response> =>
    server.fetch("/echo", { method: "POST", body, headers });
  expect(await (await post('{"a":1}')).json()).toEqual({ size: 7, parsed: { a: 1 } });
  const large = await post(JSON.stringify("x".repeat(2000)));
  expect([large.status, await codeOf(large)]).toEqual([413, "too_large"]);
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let index = 0; index < 20; index += 1) yield new TextEncoder().encode("x".repeat(100));
  }
  const streamed = await post(chunks());
  expect([streamed.status, await codeOf(streamed)]).toEqual([413, "too_large"]);
  const packed = await post(Bun.gzipSync("{}"), { "content-encoding": "gzip" });
  expect([packed.status, await codeOf(packed)]).toEqual([400, "bad_request"]);
});

test("a body that is no JSON, or is not called so, is refused with what to do", async () => {
  await using server = await bareServer(routes);
  const post = (type: string, body: string): Promise<Response> =>
    server.fetch("/typed", { method: "POST", headers: { "content-type": type }, body });
  expect(await (await post("application/json; charset=utf-8", '{"name":"a"}')).json()).toEqual({ name: "a" });
  for (const [type, body, message] of [
    ["text/plain", '{"name":"a"}', "the body must be JSON"],
    ["application/x-www-form-urlencoded", "name=a", "the body must be JSON"],
    ["application/json", "{", "Malformed JSON in request body"],
  ] as const) {
    const answer = await post(type, body);
    expect(answer.status).toBe(400);
    expect(ErrorForm.parse(await answer.json()).error).toMatchObject({ code: "bad_request", message });
  }
});

test("a gigabyte is refused by its head alone", async () => {
  await using server = await bareServer(routes);
  const answer = await raw(server.port, (socket) => {
    socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n{");
  });
  expect(answer).toStartWith("HTTP/1.1 413 ");
});

test("a body that comes too slowly is refused in time", async () => {
  await using server = await bareServer(routes, { limits: { bodyMs: 200 } });
  const answer = await raw(server.port, async (socket) => {
    socket.write("POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 500\r\n\r\n{");
    while (!socket.destroyed && !socket.readableEnded) {
      socket.write(" ");
      await Bun.sleep(20);
    }
  });
  expect(answer).toStartWith("HTTP/1.1 408 ");
  expect(answer.toLowerCase()).toContain("\r\nconnection: close\r\n");
  expect(answer).toContain('"code":"too_slow","message":"the body did not come in time"');
});

test("a head that is too large is refused, and the server goes on", async () => {
  await using server = await bareServer(routes);
  const answer = await raw(server.port, (socket) => {
    socket.write(`GET /here HTTP/1.1\r\nHost: a\r\nX-Large: ${"x".repeat(100_000)}\r\n\r\n`);
  });
  expect(answer).toStartWith("HTTP/1.1 431 ");
  expect((await server.fetch("/here")).status).toBe(200);
});

test("requests beyond the limit of an address are told when to come again", async () => {
  await using server = await bareServer(routes);
  server.clock.hold();
  const answers: Response[] = [];
  for (let index = 0; index < 70; index += 1) answers.push(await server.fetch("/limited"));
  const refused = answers.filter(({ status }) => status === 429);
  expect(answers.slice(0, 60).every(({ status }) => status === 200)).toBe(true);
  expect(refused).toHaveLength(10);
  expect(Number(refused[0]?.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
});

test("requests are counted by route, not by path", async () => {
  await using server = await bareServer(routes);
  for (const id of ["1", "2", "3"]) await server.fetch(`/things/${id}`);
  for (let index = 0; index < 5; index += 1) await server.fetch(`/random${index}`);
  const text = server.metrics.text();
  expect(text).toContain('wb_http_requests_total{method="GET",route="/things/:id",status="200"} 3\n');
  expect(text).toContain('wb_http_requests_total{method="GET",route="none",status="404"} 5\n');
});

test("an end in order answers what runs, and takes nothing new", async () => {
  const begun = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  await using server = await bareServer((app) => {
    app.get("/slow", async (c) => {
      begun.resolve();
      await go.promise;
      return c.text("answered");
    });
  });
  const running = server.fetch("/slow");
  await begun.promise;
  const stopped = server.stop(5000);
  const refused = await server.fetch("/slow", { headers: { connection: "close" } }).then(
    () => "answered",
    () => "refused",
  );
  expect(refused).toBe("refused");
  go.resolve();
  expect(await (await running).text()).toBe("answered");
  await stopped;
});

test("what doesn't end by itself is cut off", async () => {
  const begun = Promise.withResolvers<void>();
  await using server = await bareServer((app) => {
    app.get("/never", () => {
      begun.resolve();
      return new Promise<Response>(() => undefined);
    });
  });
  const running = server.fetch("/never").then(
    () => "answered",
    () => "cut off",
  );
  await begun.promise;
  await server.stop(100); // it would go on for ever
  expect(await running).toBe("cut off");
});

test("a certificate that is another's is refused by who pins it", async () => {
  await using server = await bareServer(routes);
  await using other = await bareServer(routes);
  const [certificate] = [await peerCertificate(other.port)];
  const outcome = await fetch(`https://127.0.0.1:${server.port}/here`, { tls: { ca: certificate } }).then(
    () => "believed",
    () => "refused",
  );
  expect(outcome).toBe("refused");
});

async function peerCertificate(port: number): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port, rejectUnauthorized: false });
  await new Promise((resolve) => socket.once("secureConnect", resolve));
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  const lines = raw.toString("base64").match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join("\n")}\n-----END CERTIFICATE-----\n`;
}

test("a connection that was refused a stream, or a long-poll, ends like any other that is silent", async () => {
  await using server = await bareServer(routes, { listen: { requestSeconds: 2 } });
  const ask = (path: string): Promise<string> =>
    raw(server.port, (socket) => void socket.write(`GET ${path} HTTP/1.1\r\nHost: a\r\n\r\n`));
  // Without a guard there is nothing at these paths: an answer, and then silence.
  const answers = await Promise.all([ask("/api/v1/live"), ask("/here")]);
  expect(answers.map((answer) => answer.slice(0, 12))).toEqual(["HTTP/1.1 404", "HTTP/1.1 200"]);
}, 30_000);
