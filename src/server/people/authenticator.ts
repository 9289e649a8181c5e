/**
 * Who asks: by an API key (`Authorization: Bearer wbk_…`) or a session's cookie, never by both. Attempts with wrong ones are
 * bounded per address; but who has a right one is not kept out by others behind the same address. What costs more than looking it
 * up, the hash of a key that there is, is bounded before.
 */
import { getCookie } from "hono/cookie";
import type { Caller, ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { addressKey, RequestLimit, type RequestContext } from "../http/limits.ts";
import { KeyVerifier, parseApiKey } from "./keys.ts";
import { RefusalLog } from "./refusals.ts";
import { SESSION_COOKIE, Sessions } from "./sessions.ts";
import { LoginThrottle } from "./throttle.ts";

/** Wrong keys, wrong cookies and requests without either, from one address. */
const STRANGERS_PER_MINUTE = 120;

export class Authenticator {
  readonly keys: KeyVerifier;
  readonly sessions: Sessions;
  readonly throttle = new LoginThrottle();
  readonly refusals: RefusalLog;
  readonly strangers = new RequestLimit(STRANGERS_PER_MINUTE);
  /** Of logins: they have a limit of their own, so that wrong keys keep nobody from logging in. */
  readonly logins = new RequestLimit(STRANGERS_PER_MINUTE);
  /** Secrets that are compared, from one address; given back where they are right. */
  readonly #guesses = new RequestLimit(STRANGERS_PER_MINUTE);
  readonly callers: RequestLimit;
  readonly #context: ServerContext;

  constructor(context: ServerContext) {
    this.#context = context;
    this.keys = new KeyVerifier(context.store.people, context.clock);
    this.sessions = new Sessions(context.store.people, context.clock);
    this.refusals = new RefusalLog(context);
    this.callers = new RequestLimit(context.limits.requestsPerCallerPerMinute);
  }

  /** @throws FleetError("unauthenticated"), or "rate_limited" for who tried too often. */
  async identify(c: RequestContext): Promise<Caller> {
    const address = addressKey(c.get("address"));
    const monotonicMs = this.#context.clock.monotonicMs();
    const header = c.req.header("authorization");
    const key = header === undefined ? undefined : parseApiKey(header.replace(/^bearer +/i, "").trim());
    const remembered = key === undefined ? undefined : this.keys.remembered(key);
    if (remembered !== undefined) return this.#counted(remembered);
    const token = getCookie(c, SESSION_COOKIE);
    let caller: Caller | undefined;
    if (key !== undefined) {
      caller = await this.keys.verify(key, () => this.#guesses.take(address, monotonicMs));
      if (caller !== undefined) this.#guesses.giveBack(address, monotonicMs);
    } else if (header === undefined && token !== undefined) caller = await this.sessions.find(token);
    if (caller !== undefined) return this.#counted(caller);
    this.strangers.take(address, monotonicMs);
    throw unauthenticated(header !== undefined, token !== undefined);
  }

  /** More requests than one, as the one that it made cost. */
  chargeFor(caller: Caller, requests: number): void {
    if (requests > 0) {
      this.callers.charge(`${caller.kind}:${caller.id}`, this.#context.clock.monotonicMs(), requests);
    }
  }

  #counted(caller: Caller): Caller {
    this.callers.take(`${caller.kind}:${caller.id}`, this.#context.clock.monotonicMs());
    return caller;
  }
}

function unauthenticated(hasKey: boolean, hasCookie: boolean): FleetError {
  if (hasKey) {
    return new FleetError("unauthenticated", "this API key opens nothing", {
      hint: "it may be mistyped, expired or revoked: `wb serve key create` makes a new one",
    });
  }
  return new FleetError("unauthenticated", hasCookie ? "the session has ended" : "log in first", {
    hint: "log in on the page, or send Authorization: Bearer wbk_…",
  });
}

const authenticators = new WeakMap<ServerContext, Authenticator>();

/** The one of this server: guards and routes share what it remembers. */
export function authenticatorOf(context: ServerContext): Authenticator {
  const known = authenticators.get(context);
  if (known !== undefined) return known;
  const made = new Authenticator(context);
  authenticators.set(context, made);
  return made;
}
