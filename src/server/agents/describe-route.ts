/**
 * Tells the OpenAPI document of a route that agents use. Their bodies are signed as raw bytes, so that they are read and
 * checked by the route itself, with the same schemas that stand here.
 */
import type { z } from "zod";
import type { Role } from "../../model/fleet.ts";
import type { App } from "../context.ts";
import { refusals } from "../http/answers.ts";

export interface AgentRoute {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly answer: z.ZodType;
  /** Open to people and programs of this role too. `nobody`: who asks proves nothing yet. */
  readonly role?: Role | "nobody";
}

function securityOf(role: AgentRoute["role"]): Record<string, string[]>[] {
  if (role === "nobody") return [];
  return role === undefined ? [{ agent: [] }] : [{ agent: [] }, { key: [role] }, { session: [role] }];
}

export function describeAgentRoute(app: App, route: AgentRoute): void {
  const { method, path, summary, body, query, answer, role } = route;
  const json = (schema: z.ZodType) => ({ "application/json": { schema } });
  const request = {
    ...(body === undefined ? {} : { body: { content: json(body), required: true } }),
    ...(query === undefined ? {} : { query }),
  };
  app.openAPIRegistry.registerPath({
    method,
    path,
    summary,
    tags: ["agents"],
    security: securityOf(role),
    request,
    responses: {
      200: { description: "Done", content: json(answer) },
      ...refusals([400, 401, 403, 409, 410, 413, 429, 503]),
    },
  });
}
