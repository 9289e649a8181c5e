/** Users: made, changed and removed by admins. The last admin who may log in can't be lost. */
import { randomUUID } from "node:crypto";
import { createRoute, z } from "@hono/zod-openapi";
import type { UserSummary } from "../../model/fleet.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, Nothing, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { actorOf, forRole } from "./guard.ts";
import { hashSecret } from "./passwords.ts";
import { IdParameter, NewUserBody, UserChangeBody, UserSchema } from "./schemas.ts";

async function userById(context: ServerContext, id: string): Promise<UserSummary> {
  const found = (await context.store.people.users()).find((user) => user.id === id);
  if (found === undefined) throw new FleetError("not_found", "there is no such user");
  return found;
}

function refuse(outcome: "done" | "absent" | "last_admin"): void {
  if (outcome === "absent") throw new FleetError("not_found", "there is no such user");
  if (outcome === "last_admin") {
    throw new FleetError("conflict", "this is the last admin: nobody could let anybody in any more", {
      hint: "make another user admin first",
    });
  }
}

function routes(context: ServerContext) {
  const common = { tags: ["people"], ...forRole(context, "admin") };
  return {
    list: createRoute({
      ...common,
      method: "get",
      path: "/api/v1/users",
      summary: "The users",
      responses: answers("All of them", pageOf(UserSchema)),
    }),
    create: createRoute({
      ...common,
      method: "post",
      path: "/api/v1/users",
      summary: "Add a user",
      request: { body: jsonBody(NewUserBody) },
      responses: answers("The user", z.object({ user: UserSchema }), 409),
    }),
    change: createRoute({
      ...common,
      method: "patch",
      path: "/api/v1/users/{id}",
      summary: "Change a user's role or password, disable or enable one; ends the user's sessions",
      request: { params: IdParameter, body: jsonBody(UserChangeBody) },
      responses: answers("The user", z.object({ user: UserSchema }), 404, 409),
    }),
    remove: createRoute({
      ...common,
      method: "delete",
      path: "/api/v1/users/{id}",
      summary: "Remove a user and end the user's sessions",
      request: { params: IdParameter },
      responses: answers("It is gone", Nothing, 404, 409),
    }),
  };
}

export function registerUserRoutes(app: App, context: ServerContext): void {
  const { people } = context.store;
  const { list, create, change, remove } = routes(context);
  app.openapi(list, async (c) => c.json({ items: await people.users(), nextCursor: null }, 200));
  app.openapi(create, async (c) => {
    const { name, role, password } = c.req.valid("json");
    const id = randomUUID();
    const passwordHash = await hashSecret(password);
    const isMade = await people.createUser({ id, name, role, passwordHash }, actorOf(c), context.clock.now());
    if (!isMade)
      throw new FleetError("conflict", `there is a user ${name} already`, {
        hint: `take another name; \`wb serve user change ${name}\` changes that one`,
      });
    return c.json({ user: await userById(context, id) }, 200);
  });
  app.openapi(change, async (c) => {
    const { id } = c.req.valid("param");
    const { role, disabled, password } = c.req.valid("json");
    const outcome = await people.updateUser(
      id,
      {
        ...(role === undefined ? {} : { role }),
        ...(disabled === undefined ? {} : { disabled }),
        ...(password === undefined ? {} : { passwordHash: await hashSecret(password) }),
      },
      actorOf(c),
      context.clock.now(),
    );
    refuse(outcome);
    return c.json({ user: await userById(context, id) }, 200);
  });
  app.openapi(remove, async (c) => {
    refuse(await people.removeUser(c.req.valid("param").id, actorOf(c), context.clock.now()));
    return c.json({}, 200);
  });
}
