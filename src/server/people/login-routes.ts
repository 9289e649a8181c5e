/** Logging in and out, and who one is. A login tells nobody which names there are: neither by its words nor by its time. */
import { createRoute, z } from "@hono/zod-openapi";
import { deleteCookie, getCookie, setCookie } from "hono/cookie";
import type { UserSummary } from "../../model/fleet.ts";
import { VERSION } from "../../model/version.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, Nothing } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { addressKey, forStrangers } from "../http/limits.ts";
import { authenticatorOf, type Authenticator } from "./authenticator.ts";
import { actorOf, checkOrigin, forRole } from "./guard.ts";
import { isNobodysSecret, isSecret } from "./passwords.ts";
import { CallerSchema, LoginBody, UserSchema } from "./schemas.ts";
import { SESSION_COOKIE, SESSION_MS } from "./sessions.ts";

const COOKIE = { httpOnly: true, secure: true, sameSite: "Strict", path: "/" } as const;

const MeSchema = z.object({
  caller: CallerSchema,
  server: z.object({ name: z.string(), version: z.string(), pin: z.string(), parentId: z.string() }),
});

interface Attempt {
  readonly name: string;
  readonly password: string;
  readonly address: string;
}

/** The user, or undefined where name or password are wrong or the user is disabled. */
async function checkPassword(context: ServerContext, attempt: Attempt): Promise<UserSummary | undefined> {
  const found = await context.store.people.userByName(attempt.name);
  const isRight =
    found === undefined
      ? await isNobodysSecret(attempt.password)
      : await isSecret(attempt.password, found.passwordHash);
  if (!isRight || found === undefined || found.disabled) return undefined;
  const { passwordHash: _, ...user } = found;
  return user;
}

async function throttled(
  context: ServerContext,
  { throttle, refusals }: Authenticator,
  attempt: Attempt,
): Promise<UserSummary | undefined> {
  const place = addressKey(attempt.address);
  const waitMs = throttle.begin(attempt.name, place, context.clock.monotonicMs());
  if (waitMs > 0) {
    context.metrics.add("wb_logins_total", { outcome: "throttled" });
    await refusals.write("login.throttled", attempt.name, attempt.address);
    throw new FleetError("rate_limited", "too many logins failed: wait before the next", {
      retryAfterMs: waitMs,
    });
  }
  try {
    const user = await checkPassword(context, attempt);
    if (user !== undefined) throttle.succeeded(attempt.name, place);
    return user;
  } catch (error) {
    throttle.abandoned(attempt.name, place);
    throw error;
  }
}

export function registerLoginRoutes(app: App, context: ServerContext): void {
  const authenticator = authenticatorOf(context);
  const loginRoute = createRoute({
    method: "post",
    path: "/api/v1/login",
    tags: ["people"],
    summary: "Begin a session: sets the cookie wb_session",
    security: [],
    middleware: [forStrangers(context, authenticator.logins)] as const,
    request: { body: jsonBody(LoginBody) },
    responses: answers("Who logged in", z.object({ user: UserSchema })),
  });
  app.openapi(loginRoute, async (c) => {
    checkOrigin(c);
    const attempt: Attempt = { ...c.req.valid("json"), address: c.get("address") };
    const user = await throttled(context, authenticator, attempt);
    if (user === undefined) {
      context.metrics.add("wb_logins_total", { outcome: "failed" });
      await authenticator.refusals.write("login.failed", attempt.name, attempt.address);
      throw new FleetError("unauthenticated", "wrong name or password");
    }
    const token = await authenticator.sessions.begin(user.id, { name: user.name, address: attempt.address });
    context.metrics.add("wb_logins_total", { outcome: "done" });
    setCookie(c, SESSION_COOKIE, token, { ...COOKIE, maxAge: SESSION_MS / 1000 });
    return c.json({ user }, 200);
  });
  registerMeRoutes(app, context, authenticator);
}

function registerMeRoutes(app: App, context: ServerContext, { sessions }: Authenticator): void {
  const logoutRoute = createRoute({
    method: "post",
    path: "/api/v1/logout",
    tags: ["people"],
    summary: "End the session",
    ...forRole(context, "viewer"),
    responses: answers("It has ended", Nothing),
  });
  app.openapi(logoutRoute, async (c) => {
    const token = getCookie(c, SESSION_COOKIE);
    if (token !== undefined && c.get("caller").kind === "user") await sessions.end(token, actorOf(c));
    deleteCookie(c, SESSION_COOKIE, COOKIE);
    return c.json({}, 200);
  });
  const meRoute = createRoute({
    method: "get",
    path: "/api/v1/me",
    tags: ["people"],
    summary: "Who asks, and whom",
    ...forRole(context, "viewer"),
    responses: answers("The caller and this parent", MeSchema),
  });
  app.openapi(meRoute, (c) => {
    const { name, pin, identity } = context;
    const { kind, id, name: callerName, role } = c.get("caller");
    const server = { name, version: VERSION, pin, parentId: identity.id };
    return c.json({ caller: { kind, id, name: callerName, role }, server }, 200);
  });
}
