/**
 * What a request may cost: bodies are read within a size and a time, never compressed; strangers and callers have so many
 * requests per minute. Everything here is bounded by itself.
 */
import type { Context, MiddlewareHandler } from "hono";
import { parseIp } from "../../lib/ip.ts";
import { TokenBuckets } from "../../lib/token-bucket.ts";
import type { RequestVariables, ServerContext } from "../context.ts";
import { FleetError } from "./errors.ts";

export type RequestContext = Context<{ Variables: RequestVariables }>;
export type Middleware = MiddlewareHandler<{ Variables: RequestVariables }>;

/** As many addresses or callers are remembered. */
const KEYS_MAX = 10_000;
/** A caller may use a tenth of a minute's requests at once, but never fewer than so many. */
const BURST_MIN = 60;

/**
 * The address as a key of limits: of IPv6 the first 64 bits, for one machine may take any address of its network
 * (RFC 4291, section 2.5.4).
 */
export function addressKey(address: string): string {
  const bytes = parseIp(address);
  if (bytes === undefined || bytes.length === 4) return address;
  return Buffer.from(bytes.subarray(0, 8)).toString("hex");
}

/** So many requests a minute for each key. */
export class RequestLimit {
  readonly #buckets: TokenBuckets;

  constructor(perMinute: number) {
    this.#buckets = new TokenBuckets(Math.max(BURST_MIN, perMinute / 10), perMinute / 60, KEYS_MAX);
  }

  /** @throws FleetError("rate_limited") with the time until there is room. */
  take(key: string, nowMs: number): void {
    const waitMs = this.#buckets.of(key, nowMs).take(nowMs);
    if (waitMs > 0) {
      throw new FleetError("rate_limited", "too many requests", { retryAfterMs: waitMs });
    }
  }

  /** Of something that cost more than it was taken for: what is missing must come back first. */
  charge(key: string, nowMs: number, count: number): void {
    this.#buckets.of(key, nowMs).charge(nowMs, count);
  }

  giveBack(key: string, nowMs: number): void {
    this.#buckets.of(key, nowMs).giveBack();
  }
}

/** So many bytes of a body that was read for nothing count as one more request. */
const BAD_BYTES_PER_REQUEST = 16 * 1024;

/**
 * What a request cost beyond being one, in requests: a large body that turned out to be nothing took as long to find out as
 * hundreds of small ones. 0 where the answer is not that the request is wrong.
 */
export function costOfBadBody(c: RequestContext): number {
  if (c.res.status !== 400) return 0;
  const body = c.get("rawBody") as Uint8Array | undefined;
  return Math.floor((body?.byteLength ?? 0) / BAD_BYTES_PER_REQUEST);
}

function tooLarge(bytesMax: number): FleetError {
  return new FleetError("too_large", `the body is larger than ${bytesMax} bytes`);
}

/** Refuses what can be refused by the headers alone. */
function checkHeaders(c: RequestContext, bytesMax: number): void {
  const encoding = c.req.header("content-encoding");
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new FleetError("bad_request", "compressed bodies are not accepted", {
      hint: "send it without content-encoding",
    });
  }
  const length = Number(c.req.header("content-length") ?? 0);
  if (length > bytesMax) throw tooLarge(bytesMax);
}

type BodyReader = Pick<ReadableStreamDefaultReader<Uint8Array>, "read" | "cancel">;

/** Reads until the end, the limit or the deadline, whichever comes first; the rest is never read. */
async function readStream(
  reader: BodyReader,
  bytesMax: number,
  deadline: Promise<"late">,
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    let part: Awaited<ReturnType<typeof reader.read>> | "late";
    try {
      part = await Promise.race([reader.read(), deadline]);
    } catch (cause) {
      // The connection ended, or the runtime's own limit was passed: nobody reads the answer.
      throw new FleetError("bad_request", `the body could not be read: ${String(cause)}`);
    }
    if (part === "late") throw new FleetError("too_slow", "the body did not come in time");
    if (part.done) break;
    size += part.value.byteLength;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(part.value);
  }
  const [only] = chunks;
  return chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, size);
}

/**
 * The body, read once within its limits: it becomes `rawBody`, and what Hono parses JSON from.
 * @throws FleetError("too_large"), FleetError("too_slow"), FleetError("bad_request") where it comes compressed.
 */
export async function readBody(
  context: Pick<ServerContext, "limits">,
  c: RequestContext,
  bytesMax: number,
): Promise<Uint8Array> {
  const known = c.get("rawBody") as Uint8Array | undefined;
  if (known !== undefined) {
    if (known.byteLength > bytesMax) throw tooLarge(bytesMax);
    return known;
  }
  checkHeaders(c, bytesMax);
  const { body } = c.req.raw;
  let bytes: Uint8Array = new Uint8Array(0);
  if (body !== null) {
    const reader: BodyReader = body.getReader();
    const late = Promise.withResolvers<"late">();
    const timer = setTimeout(() => late.resolve("late"), context.limits.bodyMs);
    try {
      bytes = await readStream(reader, bytesMax, late.promise);
    } catch (error) {
      reader.cancel().catch(() => undefined); // the connection is given up anyway
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
  c.set("rawBody", bytes);
  // Hono keeps promises there (request.js, #cachedBody), whatever its type says.
  Object.assign(c.req.bodyCache, { arrayBuffer: Promise.resolve(new Uint8Array(bytes).buffer) });
  return bytes;
}

/** For routes without a guard: strangers are limited by their address, and so are their bodies. */
export function forStrangers(context: ServerContext, limit: RequestLimit): Middleware {
  return async (c, next) => {
    limit.take(addressKey(c.get("address")), context.clock.monotonicMs());
    await readBody(context, c, context.limits.bodyBytesMax);
    await next();
  };
}
