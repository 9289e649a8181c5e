/**
 * Tells the OpenAPI document of a route that agents use. Their bodies are signed as raw bytes, so that they are read and
 * checked by the route itself, with the same schemas that stand here.
 */
import type { z } from "zod";
import { ErrorAnswer } from "../../protocol/fleet/messages.ts";
import type { App } from "../context.ts";

export interface AgentRoute {
  readonly method: "get" | "post";
  readonly path: string;
  readonly summary: string;
  readonly body?: z.ZodType;
  readonly query?: z.ZodObject;
  readonly answer: z.ZodType;
}

export function describeAgentRoute(app: App, route: AgentRoute): void {
  const { method, path, summary, body, query, answer } = route;
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
    request,
    responses: {
      200: { description: "Done", content: json(answer) },
      default: { description: "Refused", content: json(ErrorAnswer) },
    },
  });
}
