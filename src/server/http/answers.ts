/** What routes take and answer, as the OpenAPI document tells it: bodies, pages, and the one form of every refusal. */
import { z } from "@hono/zod-openapi";
import { ErrorAnswer } from "../../protocol/fleet/messages.ts";
import { STATUS } from "./errors.ts";

export const ErrorSchema = z.object(ErrorAnswer.shape).openapi("Error", {
  description: `Statuses by code: ${Object.entries(STATUS)
    .map(([code, status]) => `${code} ${status}`)
    .join(", ")}. Where it can help to come again, Retry-After says when.`,
});

const REFUSALS = {
  400: "The question, or the body, is not as it should be",
  401: "Nobody is logged in, or the key, session or signature opens nothing",
  403: "Who asks may not do this",
  404: "There is no such thing",
  409: "It does not fit to what is there",
  410: "The agent was removed",
  413: "The body is too large",
  429: "Too often: come again after Retry-After",
  503: "It can't be done or stored now: come again after Retry-After",
} as const;
export type Refusal = keyof typeof REFUSALS;

/** By status, and `default` for those that any request may get (405, 408, 413, 500). */
export function refusals(statuses: readonly Refusal[]) {
  const content = { "application/json": { schema: ErrorSchema } };
  const each = statuses.map((status) => [status, { description: REFUSALS[status], content }] as const);
  return { ...Object.fromEntries(each), default: { description: "Refused otherwise", content } };
}

// A type and no interface: createRoute wants what an index signature takes.
type Answers<T extends z.ZodType> = {
  readonly 200: {
    readonly description: string;
    readonly content: { readonly "application/json": { readonly schema: T } };
  };
};

/** Of a route for people: its own answer, what the guard refuses with, and `more`. */
export function answers<T extends z.ZodType>(
  description: string,
  schema: T,
  ...more: readonly Refusal[]
): Answers<T> {
  return {
    ...refusals([400, 401, 403, ...more, 429, 503]),
    200: { description, content: { "application/json": { schema } } },
  };
}

/** A body that must be there, as JSON. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { required: true, content: { "application/json": { schema } } } as const;
}

export const Nothing = z.strictObject({});

/** One page of a list; where it is short, of everything. */
export function pageOf<T extends z.ZodType>(item: T) {
  return z.object({ items: z.array(item), nextCursor: z.string().nullable() });
}
