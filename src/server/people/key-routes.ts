/** API keys: made and revoked by admins. The key itself is told once, in the answer that makes it. */
import { createRoute, z } from "@hono/zod-openapi";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, Nothing, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { authenticatorOf } from "./authenticator.ts";
import { actorOf, forRole } from "./guard.ts";
import { newApiKey } from "./keys.ts";
import { IdParameter, KeySchema, NewKeyBody } from "./schemas.ts";

function routes(context: ServerContext) {
  const common = { tags: ["people"], ...forRole(context, "admin") };
  return {
    list: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/keys",
      summary: "The API keys, never their secrets",
      responses: answers("All of them", pageOf(KeySchema)),
    }),
    create: createRoute({
      ...common,
      method: "post",
      path: "/api/v1/keys",
      summary: "Make an API key; this answer is the only one that tells it",
      request: { body: jsonBody(NewKeyBody) },
      responses: answers("The key", z.object({ key: z.string(), summary: KeySchema })),
    }),
    revoke: createRoute({
      ...common,
      method: "delete",
      path: "/api/v1/keys/{id}",
      summary: "Make a key worthless, at once",
      request: { params: IdParameter },
      responses: answers("It opens nothing any more", Nothing, 404),
    }),
  };
}

export function registerKeyRoutes(app: App, context: ServerContext): void {
  const { people } = context.store;
  const { list, create, revoke } = routes(context);
  app.openapi(list, async (c) => c.json({ items: await people.keys(), nextCursor: null }, 200));
  app.openapi(create, async (c) => {
    const { name, role, expiresInMs } = c.req.valid("json");
    const { id, text, secretHash } = await newApiKey();
    const nowMs = context.clock.now();
    const expiresAtMs = expiresInMs === null ? null : nowMs + expiresInMs;
    const summary = await people.createKey({ id, name, role, secretHash, expiresAtMs }, actorOf(c), nowMs);
    return c.json({ key: text, summary }, 200);
  });
  app.openapi(revoke, async (c) => {
    const { id } = c.req.valid("param");
    const isRevoked = await people.revokeKey(id, actorOf(c), context.clock.now());
    authenticatorOf(context).keys.forget(id);
    if (!isRevoked) throw new FleetError("not_found", "there is no such key, or it is revoked already");
    return c.json({}, 200);
  });
}
