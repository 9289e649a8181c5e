/** What machines ask: whether the parent lives, whether it can work, how it fares, and what its API is. */
import { VERSION } from "../../model/version.ts";
import type { App, ServerContext } from "../context.ts";
import type { MetricsRegistry } from "../metrics.ts";
import { requireRole } from "../people/guard.ts";
import { DOCS_STYLE, docsPage } from "./docs-page.ts";
import { forStrangers, type RequestLimit } from "./limits.ts";

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
    security: [{ key: [] }, { session: [] }],
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

/** Registered last: the document tells of all routes before it. */
export function registerSystemRoutes(
  app: App,
  context: ServerContext,
  metrics: MetricsRegistry,
  limit: RequestLimit,
): void {
  const guard = forStrangers(context, limit);
  registerSecuritySchemes(app);
  let checked: { readonly atMs: number; readonly problem: Promise<string | undefined> } | undefined;
  const problem = (): Promise<string | undefined> => {
    const nowMs = context.clock.monotonicMs();
    if (checked === undefined || nowMs - checked.atMs >= CHECK_MS) {
      checked = {
        atMs: nowMs,
        problem: context.store.check().catch((error: unknown) => String(error)),
      };
    }
    return checked.problem;
  };
  app.get("/healthz", guard, (c) => c.json({ status: "ok" }, 200));
  app.get("/readyz", guard, async (c) => {
    if (context.stopping.aborted) return c.json({ status: "stopping" }, 503);
    const found = await problem();
    // What is wrong in detail is for the log: strangers may ask this.
    return found === undefined ? c.json({ status: "ready" }, 200) : c.json({ status: "storage" }, 503);
  });
  app.get("/metrics", requireRole(context, "viewer"), (c) =>
    c.body(metrics.text(), 200, { "content-type": "text/plain; version=0.0.4; charset=utf-8" }),
  );
  let document: OpenApiDocument | undefined;
  let page: string | undefined;
  const documentOnce = (): OpenApiDocument => (document ??= openApiDocument(app, context.name));
  app.get("/openapi.json", guard, (c) => c.json(documentOnce(), 200));
  app.get("/docs", guard, (c) => c.html((page ??= docsPage(documentOnce()))));
  app.get("/docs.css", guard, (c) =>
    c.body(DOCS_STYLE, 200, {
      "content-type": "text/css; charset=utf-8",
      "cache-control": "no-cache",
    }),
  );
}
