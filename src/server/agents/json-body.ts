/** A body as JSON of a known shape. What is none, or another shape, is refused with the place where it differs. */
import type { z } from "zod";
import { FleetError } from "../http/errors.ts";

const MESSAGE_MAX = 200;
const decoder = new TextDecoder("utf-8", { fatal: true });

/** Undefined where it is no JSON in UTF-8. */
export function readJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decoder.decode(bytes)) as unknown;
  } catch {
    return undefined; // what it is not is told by who asked: no JSON text means undefined
  }
}

/** @throws FleetError("bad_request") */
export function readBodyAs<T>(schema: z.ZodType<T>, bytes: Uint8Array): T {
  const value = readJson(bytes);
  if (value === undefined) throw new FleetError("bad_request", "the body is no JSON");
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const place = issue?.path.map(String).join(".") ?? "";
  const text = `${place === "" ? "body" : place}: ${issue?.message ?? "not what is expected"}`;
  throw new FleetError("bad_request", text.slice(0, MESSAGE_MAX));
}
