/** What all questions of people share: pages, times, ids; and how a wrong cursor is refused. */
import { z } from "@hono/zod-openapi";
import { WbError } from "../../model/errors.ts";
import type { Page } from "../../model/fleet.ts";
import type { ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { SILENT_INTERVALS } from "../limits.ts";

const LIMIT_DEFAULT = 100;
const LIMIT_MAX = 1000;
const TIME_MAX = 8.64e15;

/** As a query has numbers: digits only, so that `1e3`, `0x10` and ` ` are refused. */
function wholeNumber(min: number, max: number) {
  return z
    .string()
    .regex(/^\d{1,16}$/, "a whole number is expected")
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

export const AgentId = z.string().regex(/^[0-9a-f]{32}$/, "an agent's id has 32 hexadecimal digits");
export const FingerprintHash = z.string().regex(/^[0-9a-f]{64}$/, "a fingerprint has 64 hexadecimal digits");
export const Search = z.string().min(1).max(256).optional();
export const TimeMs = wholeNumber(0, TIME_MAX)
  .optional()
  .openapi({ type: "integer", description: "Unix milliseconds" });
export const Flag = z.enum(["true", "false"]).transform((text) => text === "true");

export const PageFields = {
  cursor: z.string().min(1).max(512).optional().openapi({ description: "`nextCursor` of the answer before" }),
  limit: wholeNumber(1, LIMIT_MAX)
    .default(LIMIT_DEFAULT)
    .openapi({ type: "integer", minimum: 1, maximum: LIMIT_MAX, default: LIMIT_DEFAULT }),
};

/** Without what was not asked: the store takes an absent filter, not an undefined one. */
type Given<T> = { [K in keyof T as undefined extends T[K] ? never : K]: T[K] } & {
  [K in keyof T as undefined extends T[K] ? K : never]?: Exclude<T[K], undefined>;
};

export function given<T extends object>(values: T): Given<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Given<T>;
}

/** @throws FleetError("bad_request") where the store says that the question itself is wrong, as with a forged cursor. */
export async function asked<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "usage") throw error;
    throw new FleetError("bad_request", error.message, error.hint === undefined ? {} : { hint: error.hint });
  }
}

export async function askedPage<T>(
  answer: Promise<Page<T>>,
): Promise<{ items: T[]; nextCursor: string | null }> {
  const { items, nextCursor } = await asked(answer);
  return { items: [...items], nextCursor };
}

/** A list that is short enough for one page. */
export function wholePage<T>(items: readonly T[]): { items: T[]; nextCursor: null } {
  return { items: [...items], nextCursor: null };
}

/** Who was heard of since then is online: Unix ms. */
export function onlineSinceMs(context: Pick<ServerContext, "clock" | "limits">): number {
  return context.clock.now() - SILENT_INTERVALS * context.limits.heartbeatIntervalMs;
}
