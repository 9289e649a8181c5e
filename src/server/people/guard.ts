/**
 * The guard of all routes for people: who asks, whether that role may, whether the request comes from our own page where a
 * cookie speaks for it, and only then the body.
 */
import { ROLES, type Role } from "../../model/fleet.ts";
import type { Actor } from "../../store/fleet/contract.ts";
import type { Caller, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { costOfBadBody, readBody, type Middleware, type RequestContext } from "../http/limits.ts";
import { authenticatorOf } from "./authenticator.ts";

export const CSRF_HEADER = "x-wb-csrf";
const READING = new Set(["GET", "HEAD", "OPTIONS"]);

function hostOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).host : undefined;
}

/** Another site's page can send no such header, and its browser says where it is from. */
export function checkOrigin(c: RequestContext): void {
  const origin = c.req.header("origin");
  if (origin === undefined) return;
  const host = hostOf(origin);
  // What stands in Host is the client's to say, and need not be a host.
  if (host === undefined || host !== hostOf(c.req.url)) {
    throw new FleetError("forbidden", "this request comes from another site");
  }
}

function checkForgery(c: RequestContext, caller: Caller): void {
  if (READING.has(c.req.method) || caller.kind !== "user") return;
  checkOrigin(c);
  if (c.req.header(CSRF_HEADER) !== "1") {
    throw new FleetError("forbidden", `a change by a session needs the header ${CSRF_HEADER}: 1`);
  }
}

/** Lets through who has this role or a higher one, and sets `caller` and, within its limits, `rawBody`. */
export function requireRole(context: ServerContext, role: Role): Middleware {
  const authenticator = authenticatorOf(context);
  return async (c, next) => {
    const caller = await authenticator.identify(c);
    if (ROLES.indexOf(caller.role) < ROLES.indexOf(role)) {
      throw new FleetError("forbidden", `this needs the role ${role}, and you are ${caller.role}`);
    }
    checkForgery(c, caller);
    c.set("caller", caller);
    await readBody(context, c, context.limits.bodyBytesMax);
    await next();
    authenticator.chargeFor(caller, costOfBadBody(c));
  };
}

/** Of a route: its guard, and the same for the document (OpenAPI lets a requirement name roles). */
export function forRole(context: ServerContext, role: Role) {
  return {
    middleware: requireRole(context, role),
    security: [{ key: [role] }, { session: [role] }] satisfies Record<string, string[]>[],
  };
}

/** Who decides, as the audit log names them. */
export function actorOf(c: RequestContext): Actor {
  const caller = c.get("caller");
  return { name: caller.kind === "key" ? `key:${caller.name}` : caller.name, address: c.get("address") };
}
