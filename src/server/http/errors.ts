/** How the parent refuses: one error with a closed set of codes, which becomes the same JSON for agents and people. */
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ErrorAnswer, FleetErrorCode } from "../../protocol/fleet/messages.ts";

export const STATUS: Readonly<Record<FleetErrorCode, ContentfulStatusCode>> = {
  bad_request: 400,
  unauthenticated: 401,
  replayed: 409,
  superseded: 409,
  quarantined: 403,
  pending: 403,
  removed: 410,
  gap: 409,
  conflict: 409,
  token: 403,
  forbidden: 403,
  not_found: 404,
  method: 405,
  too_large: 413,
  too_slow: 408,
  rate_limited: 429,
  overloaded: 503,
  storage_full: 503,
  internal: 500,
};

export interface Refusal {
  readonly hint?: string;
  readonly floor?: number;
  readonly challenge?: string;
  readonly cursor?: number;
  /** Becomes Retry-After, in whole seconds, at least one. */
  readonly retryAfterMs?: number;
}

/** Thrown by any route; the app answers it. Its message is for a person and tells nothing that the caller may not know. */
export class FleetError extends Error {
  readonly code: FleetErrorCode;
  readonly refusal: Refusal;

  constructor(code: FleetErrorCode, message: string, refusal: Refusal = {}) {
    super(message);
    this.name = "FleetError";
    this.code = code;
    this.refusal = refusal;
  }

  get status(): ContentfulStatusCode {
    return STATUS[this.code];
  }

  get headers(): Record<string, string> {
    const { retryAfterMs } = this.refusal;
    return retryAfterMs === undefined
      ? {}
      : { "retry-after": String(Math.max(1, Math.ceil(retryAfterMs / 1000))) };
  }

  toJSON(): ErrorAnswer {
    const { retryAfterMs: _, ...rest } = this.refusal;
    return { error: { code: this.code, message: this.message, ...rest } };
  }
}
