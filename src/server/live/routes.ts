/**
 * GET /api/v1/live: what happens, as it happens. `Last-Event-ID` goes on where a connection broke; who was too slow, or away for
 * too long, is told by a `gap` event. A stream ends with the permission of who reads it.
 */
import { createRoute, z } from "@hono/zod-openapi";
import { getCookie } from "hono/cookie";
import { linkedSignal } from "../../lib/linked-signal.ts";
import type { LiveEvent } from "../../model/fleet.ts";
import type { App, Caller, ServerContext } from "../context.ts";
import { refusals } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { authenticatorOf } from "../people/authenticator.ts";
import { forRole } from "../people/guard.ts";
import { SESSION_COOKIE } from "../people/sessions.ts";
import { LiveEventSchema } from "../reading/schemas.ts";
import { followAudit } from "./audit-tail.ts";
import { eventStream } from "./event-stream.ts";

const LIVE_TYPES = [
  "agent",
  "process_started",
  "process_stopped",
  "connections",
  "classification",
  "loss",
  "audit",
] as const satisfies readonly LiveEvent["type"][];

export interface LiveRouteOptions {
  readonly keepAliveMs: number;
  readonly stallMs: number;
  /** Then the client comes again, and proves anew who it is: a session that was ended opens nothing for longer. */
  readonly lifetimeMs: number;
  readonly subscribersMax: number;
  readonly subscribersPerCallerMax: number;
}

/** Who may read no more is told nothing after this time. */
const RECHECK_MS = 1000;

const HEADERS = {
  "content-type": "text/event-stream; charset=utf-8",
  "cache-control": "no-store",
  // Proxies that collect answers before they pass them on must not do so here.
  "x-accel-buffering": "no",
} as const;

const OPTIONS: LiveRouteOptions = {
  keepAliveMs: 15_000,
  stallMs: 60_000,
  lifetimeMs: 10 * 60_000,
  subscribersMax: 256,
  subscribersPerCallerMax: 32,
};

const agentId = z.string().regex(/^[0-9a-f]{32}$/, "an agent's id has 32 hexadecimal digits");

const Types = z
  .string()
  .max(200)
  .transform((text) => text.split(","))
  .pipe(z.array(z.enum(LIVE_TYPES)).min(1).max(LIVE_TYPES.length))
  .openapi({ type: "string", example: "process_started,process_stopped" });

function liveRoute(context: ServerContext) {
  return createRoute({
    method: "get",
    path: "/api/v1/live",
    tags: ["live"],
    summary: "What happens, as it happens (server-sent events)",
    ...forRole(context, "viewer"),
    request: {
      query: z.strictObject({ agent: agentId.optional(), types: Types.optional() }),
      headers: z.object({ "last-event-id": z.string().max(32).optional() }),
    },
    responses: {
      ...refusals([400, 401, 403, 429, 503]),
      200: {
        description:
          "Events: `id`, `event` is the type, `data` the JSON of a LiveEvent; comments keep it alive. `Last-Event-ID` goes on after that one; what was missed is a `gap`",
        content: { "text/event-stream": { schema: z.string() } },
      },
    },
  });
}

export function registerLiveRoutes(
  app: App,
  context: ServerContext,
  given: Partial<LiveRouteOptions> = {},
): void {
  const options = { ...OPTIONS, ...given };
  const places = new Places(options);
  followAudit(context);
  app.openAPIRegistry.register("LiveEvent", LiveEventSchema);
  app.openapi(liveRoute(context), (c) => {
    const { agent, types } = c.req.valid("query");
    const afterId = parseLastEventId(c.req.valid("header")["last-event-id"]);
    // Nothing would ever be read of a stream that is asked for its head alone.
    if (c.req.method === "HEAD") return c.newResponse(null, 200, HEADERS);
    const caller = c.get("caller");
    const token = caller.kind === "user" ? getCookie(c, SESSION_COOKIE) : undefined;
    places.take(caller);
    const ending = linkedSignal([context.stopping, c.req.raw.signal], options.lifetimeMs);
    const startId = afterId === undefined ? context.bus.lastId : undefined;
    const events = context.bus.subscribe(
      { filter: filterOf(agent, types), ...optional(afterId) },
      ending.signal,
    );
    const body = eventStream({
      events: events[Symbol.asyncIterator](),
      startId,
      lastId: () => context.bus.lastId,
      keepAliveMs: options.keepAliveMs,
      stallMs: options.stallMs,
      now: () => context.clock.monotonicMs(),
      recheckMs: RECHECK_MS,
      mayGoOn: () => isStillAllowed(context, caller, token),
      ended: () => {
        ending.end();
        places.leave(caller);
      },
    });
    return c.newResponse(body, 200, HEADERS);
  });
}

function optional(afterId: number | undefined): { afterId?: number } {
  return afterId === undefined ? {} : { afterId };
}

function filterOf(
  agent: string | undefined,
  types: readonly LiveEvent["type"][] | undefined,
): (event: LiveEvent) => boolean {
  const wanted = types === undefined ? undefined : new Set(types);
  return (event) =>
    (wanted === undefined || wanted.has(event.type)) &&
    (agent === undefined || ("agentId" in event && event.agentId === agent));
}

function parseLastEventId(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return undefined;
  const id = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(id)) {
    throw new FleetError("bad_request", "Last-Event-ID is no id of an event", {
      hint: "send the id of the last event that was received, or no such header",
    });
  }
  return id;
}

/** `token`: of the session that a user asks by. It ends with a logout, and with any change of its user. */
async function isStillAllowed(
  context: ServerContext,
  caller: Caller,
  token: string | undefined,
): Promise<boolean> {
  if (caller.kind === "user") {
    return token !== undefined && (await authenticatorOf(context).sessions.isOpen(token));
  }
  const key = await context.store.people.key(caller.id);
  if (key === undefined || key.revoked) return false;
  return key.expiresAtMs === null || key.expiresAtMs > context.clock.now();
}

/** How many streams are open, in all and per caller. */
class Places {
  readonly #options: LiveRouteOptions;
  readonly #ofCaller = new Map<string, number>();
  #taken = 0;

  constructor(options: LiveRouteOptions) {
    this.#options = options;
  }

  take(caller: Caller): void {
    const { subscribersMax, subscribersPerCallerMax } = this.#options;
    const key = `${caller.kind}:${caller.id}`;
    const own = this.#ofCaller.get(key) ?? 0;
    if (this.#taken >= subscribersMax || own >= subscribersPerCallerMax) {
      throw new FleetError("overloaded", "too many live streams are open", {
        retryAfterMs: 5000,
        hint: "close a page that shows live events, or try again later",
      });
    }
    this.#taken += 1;
    this.#ofCaller.set(key, own + 1);
  }

  leave(caller: Caller): void {
    const key = `${caller.kind}:${caller.id}`;
    const own = (this.#ofCaller.get(key) ?? 1) - 1;
    this.#taken -= 1;
    if (own > 0) this.#ofCaller.set(key, own);
    else this.#ofCaller.delete(key);
  }
}
