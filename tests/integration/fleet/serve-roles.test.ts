/** Who may what, on every route that there is: the table below is the whole of it, and the document lists the same. */
import { expect, test } from "bun:test";
import { ROLES, type Role } from "../../../src/model/fleet.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { DEFAULT_LIMITS } from "../../../src/server/limits.ts";

/** Least role by route; `agent`: by an agent's signature alone; `open`: by anybody. The classification API takes an agent's too. */
const ACCESS: Readonly<Record<string, Role | "agent" | "open">> = {
  "POST /api/v1/login": "open",
  "POST /api/v1/logout": "viewer",
  "GET /api/v1/me": "viewer",
  "GET /api/v1/users": "admin",
  "POST /api/v1/users": "admin",
  "PATCH /api/v1/users/{id}": "admin",
  "DELETE /api/v1/users/{id}": "admin",
  "GET /api/v1/keys": "admin",
  "POST /api/v1/keys": "admin",
  "DELETE /api/v1/keys/{id}": "admin",
  "GET /api/v1/tokens": "viewer",
  "POST /api/v1/tokens": "operator",
  "DELETE /api/v1/tokens/{id}": "operator",
  "GET /api/v1/join-requests": "viewer",
  "POST /api/v1/agents/{id}/approve": "operator",
  "POST /api/v1/agents/{id}/remove": "operator",
  "POST /api/v1/agents/{id}/release": "operator",
  "GET /api/v1/agents": "viewer",
  "GET /api/v1/agents/{id}": "viewer",
  "GET /api/v1/agents/{id}/streams": "viewer",
  "POST /api/v1/agents/{id}/watch": "viewer",
  "GET /api/v1/processes": "viewer",
  "GET /api/v1/connections": "viewer",
  "GET /api/v1/events": "viewer",
  "GET /api/v1/events/{agent}/{stream}/{epoch}/{seq}/proof": "viewer",
  "GET /api/v1/losses": "viewer",
  "GET /api/v1/classifications": "viewer",
  "GET /api/v1/classifications/{hash}/history": "viewer",
  "POST /api/v1/processes/override": "operator",
  "GET /api/v1/audit": "viewer",
  "GET /api/v1/live": "viewer",
  "POST /api/agent/join": "open",
  "POST /api/agent/join/reveal": "agent",
  "GET /api/agent/join/status": "agent",
  "POST /api/agent/heartbeat": "agent",
  "GET /api/agent/commands": "agent",
  "POST /api/agent/process-events": "agent",
  "POST /api/agent/telemetry": "agent",
  "POST /api/agent/leave": "agent",
  "POST /api/v1/processes/classify": "viewer",
  "POST /api/v1/processes/suggest": "operator",
  "GET /api/v1/processes/sync": "viewer",
  "POST /api/v2/classify-processes": "viewer",
  "GET /api/v2/classifications/sync": "viewer",
  "GET /healthz": "open",
  "GET /readyz": "open",
  "GET /metrics": "viewer",
  "GET /openapi.json": "open",
};
const BY_AGENTS_TOO = /\/processes\/(?:classify|suggest|sync)$|\/api\/v2\//;

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

interface Operation {
  readonly summary?: string;
  readonly security?: readonly Readonly<Record<string, readonly string[]>>[];
  readonly parameters?: readonly { readonly name: string; readonly in: string }[];
  readonly responses: Readonly<Record<string, unknown>>;
}

/** As the document tells it. */
function requirements(route: string, needed: Role | "agent" | "open"): Record<string, string[]>[] {
  if (needed === "open") return [];
  if (needed === "agent") return [{ agent: [] }];
  const byPeople = [{ key: [needed] }, { session: [needed] }];
  return BY_AGENTS_TOO.test(route) ? [{ agent: [] }, ...byPeople] : byPeople;
}

function routesOf(document: Document): string[] {
  return Object.entries(document.paths)
    .flatMap(([path, item]) => Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`))
    .sort();
}

/** A path that means nothing that there is. */
function concrete(path: string): string {
  return path
    .replace("{epoch}", "0".repeat(16))
    .replace("{seq}", "1")
    .replace("{stream}", "process")
    .replace("{hash}", "0".repeat(64))
    .replaceAll(/\{\w+\}/g, "0".repeat(32));
}

test("the document lists every route, and each has a summary", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const document = (await (await fleet.fetch("/openapi.json")).json()) as Document;
  expect(document.openapi).toBe("3.1.0");
  expect(routesOf(document)).toEqual(Object.keys(ACCESS).sort());
  const silent = Object.values(document.paths)
    .flatMap((item) => Object.values(item))
    .filter(({ summary }) => summary === undefined || summary === "");
  expect(silent).toEqual([]);
});

test("the document says of each route who may, what it takes from its path and how it refuses", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const document = (await (await fleet.fetch("/openapi.json")).json()) as Document;
  for (const [route, needed] of Object.entries(ACCESS)) {
    const [method = "", path = ""] = route.split(" ");
    const operation = document.paths[path]?.[method.toLowerCase()];
    expect({ route, needs: operation?.security }).toEqual({ route, needs: requirements(route, needed) });
    const named = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => name);
    const told = (operation?.parameters ?? []).filter((each) => each.in === "path").map(({ name }) => name);
    expect([route, ...told]).toEqual([route, ...named]);
    const statuses = Object.keys(operation?.responses ?? {});
    const expected = ["200", "429", "default", ...(needed === "open" ? [] : ["401", "403"])];
    expect([route, ...expected.filter((status) => !statuses.includes(status))]).toEqual([route]);
  }
  const text = JSON.stringify(document);
  const shapes = (JSON.parse(text) as { components: { schemas: object } }).components.schemas;
  const references = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(
    ([, name = ""]) => name,
  );
  expect(references.filter((name) => !(name in shapes))).toEqual([]);
});

test("no role opens more than the table says", async () => {
  await using fleet = await TestParent.start();
  const keys = new Map<Role, string>();
  for (const role of ROLES) keys.set(role, (await fleet.newKey(role)).key);
  const wrong: string[] = [];
  for (const [route, needed] of Object.entries(ACCESS)) {
    const [method = "", path = ""] = route.split(" ");
    if (needed === "open") continue;
    for (const role of ROLES) {
      const body = method === "GET" || method === "DELETE" ? undefined : {};
      const answer = await fleet.ask(keys.get(role) ?? "", method, concrete(path), body);
      await answer.body?.cancel();
      const isIn = answer.status !== 401 && answer.status !== 403;
      const may = needed !== "agent" && ROLES.indexOf(role) >= ROLES.indexOf(needed);
      if (isIn !== may) wrong.push(`${route} as ${role}: ${answer.status}`);
    }
  }
  expect(wrong).toEqual([]);
}, 60_000);

test("without a key nothing is opened, whatever the body", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const opened: string[] = [];
  for (const [route, needed] of Object.entries(ACCESS)) {
    const [method = "", path = ""] = route.split(" ");
    if (needed === "open") continue;
    const answer = await fleet.fetch(concrete(path), {
      method,
      headers: { "content-type": "application/json" },
      ...(method === "GET" ? {} : { body: "{ no JSON" }),
    });
    await answer.body?.cancel();
    if (answer.status !== 401 && answer.status !== 429) opened.push(`${route}: ${answer.status}`);
  }
  expect(opened).toEqual([]);
});

test("/metrics needs a key; health does not", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  expect((await fleet.fetch("/metrics")).status).toBe(401);
  const { key } = await fleet.newKey("viewer");
  const metrics = await fleet.ask(key, "GET", "/metrics");
  expect(metrics.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  expect(await metrics.text()).toMatch(/^wb_build_info\{version="\d+\.\d+\.\d+"\} 1$/m);
  expect(await (await fleet.fetch("/healthz")).json()).toEqual({ status: "ok" });
  expect(await (await fleet.fetch("/readyz")).json()).toEqual({ status: "ready" });
});

test("the page and its files come with their types, tags and headers; /docs needs no script", async () => {
  const bytes = new TextEncoder().encode("<!doctype html>");
  await using fleet = await TestParent.start({
    limits: DEFAULT_LIMITS,
    assets: new Map([
      ["/", { type: "text/html; charset=utf-8", bytes }],
      ["/assets/app-1a2b.js", { type: "text/javascript", bytes: new TextEncoder().encode("1") }],
    ]),
  });
  const page = await fleet.fetch("/");
  expect(await page.text()).toBe("<!doctype html>");
  expect(page.headers.get("cache-control")).toBe("no-cache");
  expect(page.headers.get("content-security-policy")).toStartWith("default-src 'self'; ");
  const etag = page.headers.get("etag") ?? "";
  const again = await fleet.fetch("/", { headers: { "if-none-match": etag } });
  expect([again.status, await again.text()]).toEqual([304, ""]);
  const script = await fleet.fetch("/assets/app-1a2b.js");
  expect(script.headers.get("cache-control")).toBe("public, max-age=31536000, immutable");
  expect((await fleet.fetch("/assets/../tls-key.pem")).status).toBe(404);
  expect((await fleet.fetch("/assets/%2e%2e%2ftls-key.pem")).status).toBe(404);
  const docs = await fleet.fetch("/docs");
  const text = await docs.text();
  expect(docs.headers.get("content-security-policy")).toStartWith("default-src 'self'; ");
  expect(text).toContain("<code>/api/v1/users/{id}</code>");
  expect(text).not.toContain("<script");
});
