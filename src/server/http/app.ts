/**
 * The HTTP application without its routes: every answer has the security headers, every error is in the one form, every
 * request is counted. Nothing that a request does makes it throw.
 */
import { OpenAPIHono } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { TrieRouter } from "hono/router/trie-router";
import { canonicalIp } from "../../lib/ip.ts";
import { WbError } from "../../model/errors.ts";
import type { App, RequestVariables, ServerContext } from "../context.ts";
import { FleetError } from "./errors.ts";
import type { Middleware, RequestContext } from "./limits.ts";

/** What `app.fetch` is handed beside the request. */
export interface RequestEnvironment {
  readonly address: string;
}

/** Everything that a page needs comes from here; nobody frames it, nobody guesses types, nothing is told to other sites. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "no-referrer",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=()",
};
const ISSUES_TOLD_MAX = 5;
const METHODS = new Set(["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]);
const RETRY_MS = 5000;

function addressOf(environment: unknown): string {
  const { address } = (environment ?? {}) as Partial<RequestEnvironment>;
  return address === undefined ? "unknown" : (canonicalIp(address) ?? address);
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** `name: too long; role: …`, for a person. */
export function issuesText(issues: readonly Issue[]): string {
  return issues
    .slice(0, ISSUES_TOLD_MAX)
    .map(({ path, message }) => {
      const place = path.map(String).join(".");
      return `${place === "" ? "" : `${place}: `}${message}`;
    })
    .join("; ")
    .slice(0, 1000);
}

function asFleetError(error: unknown): FleetError | undefined {
  if (error instanceof FleetError) return error;
  if (error instanceof HTTPException && error.status === 415) {
    return new FleetError("bad_request", "the body must be JSON", {
      hint: "send it with content-type: application/json",
    });
  }
  if (error instanceof HTTPException && error.status < 500) {
    return new FleetError("bad_request", error.message === "" ? "this request is none" : error.message);
  }
  if (error instanceof WbError && error.code === "storage") {
    return new FleetError("storage_full", "the parent can't store anything now", { retryAfterMs: RETRY_MS });
  }
  return undefined;
}

/** What went wrong, in the form of all errors. What is our own fault is logged, and told without its details. */
export function errorAnswer(
  context: Pick<ServerContext, "log">,
  error: unknown,
  c: RequestContext,
): Response {
  const known = asFleetError(error);
  if (error instanceof WbError) context.log.error("the store failed", { error, path: c.req.path });
  else if (known === undefined) {
    const trace = error instanceof Error ? error.stack?.split("\n")[1]?.trim() : undefined;
    context.log.error("a request failed by a defect", { error, path: c.req.path, trace });
  }
  const told = known ?? new FleetError("internal", "the parent failed to answer: its log says more");
  // What was not read of a body is not to be taken for the next request.
  const isUnread = told.code === "too_large" || told.code === "too_slow";
  const close: Record<string, string> = isUnread ? { connection: "close" } : {};
  return c.json(told.toJSON(), told.status, { ...told.headers, ...close });
}

/** By the routes that there are: which methods a path has. */
function methodsAt(app: App): (path: string) => string[] {
  let router: TrieRouter<string> | undefined;
  return (path) => {
    if (router === undefined) {
      router = new TrieRouter<string>();
      for (const route of app.routes) {
        if (route.method !== "ALL") router.add("GET", route.path, route.method);
      }
    }
    return [...new Set(router.match("GET", path)[0].map(([method]) => method))];
  };
}

function common(context: ServerContext): Middleware {
  return async (c, next) => {
    c.set("address", addressOf(c.env));
    const beganMs = context.clock.monotonicMs();
    await next();
    for (const [name, value] of Object.entries(SECURITY_HEADERS)) c.res.headers.set(name, value);
    if (!c.res.headers.has("cache-control")) c.res.headers.set("cache-control", "no-store");
    // Which routes there are is bounded; which paths are asked for is not.
    const route = c.req.matchedRoutes.findLast(({ method }) => method !== "ALL")?.path ?? "none";
    const method = METHODS.has(c.req.method) ? c.req.method : "other";
    context.metrics.add("wb_http_requests_total", { method, route, status: String(c.res.status) });
    const seconds = (context.clock.monotonicMs() - beganMs) / 1000;
    context.metrics.observe("wb_http_request_seconds", { route }, seconds);
  };
}

/** An app to register routes on. */
export function createApp(context: ServerContext): App {
  const app = new OpenAPIHono<{ Variables: RequestVariables }>({
    defaultHook: (result) => {
      if (result.success) return undefined;
      const place = result.target === "json" ? "body" : result.target;
      throw new FleetError(
        "bad_request",
        `the ${place} is not as it should be: ${issuesText(result.error.issues)}`,
        {
          hint: "/docs tells what each route takes",
        },
      );
    },
  });
  app.use("*", common(context));
  app.onError((error, c) => errorAnswer(context, error, c));
  const methods = methodsAt(app);
  app.notFound((c) => {
    const allowed = methods(c.req.path);
    if (allowed.length === 0) {
      return errorAnswer(context, new FleetError("not_found", "there is nothing at this path"), c);
    }
    const refusal = new FleetError("method", `this path takes ${allowed.join(", ")} only`);
    c.header("allow", allowed.join(", "));
    return errorAnswer(context, refusal, c);
  });
  return app;
}
