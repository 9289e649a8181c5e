/** What machines ask: whether the parent lives, whether it can work, how it fares, and what its API is. */
import { createRoute, z } from "@hono/zod-openapi";
import { VERSION } from "../../model/version.ts";
import type { App, ServerContext } from "../context.ts";
import type { MetricsRegistry } from "../metrics.ts";
import { forRole } from "../people/guard.ts";
import { refusals } from "./answers.ts";
import { DOCS_STYLE, docsPage } from "./docs-page.ts";
import { forStrangers, type Middleware, type RequestLimit } from "./limits.ts";

/** Probes may come often: the store is not asked more often than this. */
const CHECK_MS = 1000;

export type OpenApiDocument = ReturnType<App["getOpenAPI31Document"]>;

/** The document of all routes that are registered now. */
export function openApiDocument(app: App, name: string): OpenApiDocument {
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: `WireBound parent ${name}`,
      version: VERSION,
      description:
        "People and programs ask by an API key (`Authorization: Bearer wbk_…`) or a session; agents sign each request. Times are Unix milliseconds. Lists come in pages: hand `nextCursor` back as `cursor`.",
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "fleet", description: "Agents, and what people decide about them." },
      { name: "join tokens", description: "By which machines join." },
      { name: "records", description: "What agents told, and what people decided." },
      { name: "classifications", description: "What programs are taken for." },
      { name: "live", description: "What happens, as it happens." },
      { name: "people", description: "Users, sessions and API keys." },
      { name: "system", description: "For machines that watch over this one." },
      {
        name: "agents",
        description: "Spoken by `wb agent`. The classification API takes an API key as well.",
      },
    ],
  });
}

function registerSecuritySchemes(app: App): void {
  const register = (
    name: string,
    scheme: Parameters<typeof app.openAPIRegistry.registerComponent>[2],
  ): void => {
    app.openAPIRegistry.registerComponent("securitySchemes", name, scheme);
  };
  register("key", { type: "http", scheme: "bearer", description: "An API key: wbk_<id>_<secret>" });
  register("session", { type: "apiKey", in: "cookie", name: "wb_session", description: "Set by a login" });
  register("agent", {
    type: "apiKey",
    in: "header",
    name: "x-wb-signature",
    description: "Ed25519 over the request, with x-agent-id, x-wb-instance and x-wb-counter",
  });
}

const Status = z.object({ status: z.string() });

function json(description: string, schema: z.ZodType) {
  return { description, content: { "application/json": { schema } } };
}

function routes(context: ServerContext, guard: Middleware) {
  const tags = ["system"];
  const open = { method: "get" as const, tags, security: [], middleware: guard };
  return {
    health: createRoute({
      ...open,
      path: "/healthz",
      summary: "Whether the parent lives",
      responses: { ...refusals([429]), 200: json("It does", Status) },
    }),
    ready: createRoute({
      ...open,
      path: "/readyz",
      summary: "Whether the parent can work: not while it stops, or can't write its database",
      responses: { ...refusals([429]), 200: json("It can", Status), 503: json("It can't", Status) },
    }),
    metrics: createRoute({
      method: "get",
      tags,
      ...forRole(context, "viewer"),
      path: "/metrics",
      summary: "How the parent fares, in Prometheus' text form",
      responses: {
        ...refusals([401, 403, 429]),
        200: { description: "All of it", content: { "text/plain": { schema: z.string() } } },
      },
    }),
    document: createRoute({
      ...open,
      path: "/openapi.json",
      summary: "This document; /docs is the same to read",
      responses: { ...refusals([429]), 200: json("OpenAPI 3.1", z.looseObject({})) },
    }),
  };
}

/** What is found out about the store; not more often than CHECK_MS. */
function storageCheck(context: ServerContext): () => Promise<string | undefined> {
  let checked: { readonly atMs: number; readonly problem: Promise<string | undefined> } | undefined;
  return () => {
    const nowMs = context.clock.monotonicMs();
    if (checked === undefined || nowMs - checked.atMs >= CHECK_MS) {
      checked = {
        atMs: nowMs,
        problem: context.store.check().catch((error: unknown) => String(error)),
      };
    }
    return checked.problem;
  };
}

/** The document is made when it is first asked for, so that it tells of all routes. */
export function registerSystemRoutes(
  app: App,
  context: ServerContext,
  metrics: MetricsRegistry,
  limit: RequestLimit,
): void {
  const guard = forStrangers(context, limit);
  registerSecuritySchemes(app);
  const { health, ready, metrics: numbers, document: all } = routes(context, guard);
  const problem = storageCheck(context);
  app.openapi(health, (c) => c.json({ status: "ok" }, 200));
  app.openapi(ready, async (c) => {
    if (context.stopping.aborted) return c.json({ status: "stopping" }, 503);
    const found = await problem();
    // What is wrong in detail is for the log: strangers may ask this.
    return found === undefined ? c.json({ status: "ready" }, 200) : c.json({ status: "storage" }, 503);
  });
  app.openapi(numbers, (c) =>
    c.text(metrics.text(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  let document: OpenApiDocument | undefined;
  let page: string | undefined;
  const documentOnce = (): OpenApiDocument => (document ??= openApiDocument(app, context.name));
  app.openapi(all, (c) => c.json(documentOnce(), 200));
  app.get("/docs", guard, (c) => c.html((page ??= docsPage(documentOnce()))));
  app.get("/docs.css", guard, (c) =>
    c.body(DOCS_STYLE, 200, {
      "content-type": "text/css; charset=utf-8",
      "cache-control": "no-cache",
    }),
  );
}
