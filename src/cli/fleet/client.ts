/** Asks a parent over HTTPS as a person does: by API key, its TLS key checked against the pin, errors as ours. */
import { parseAddress } from "../../agent/address.ts";
import { Connections, exchange } from "../../agent/exchange.ts";
import { connectPinned, WrongPinError } from "../../agent/pin.ts";
import { proxyFor } from "../../agent/proxy.ts";
import { WbError, type ErrorCode } from "../../model/errors.ts";
import type { Page } from "../../model/fleet.ts";
import { ErrorAnswer, type FleetErrorCode } from "../../protocol/fleet/messages.ts";
import { installedUnit } from "../../platform/systemd-service.ts";
import { say } from "../output.ts";
import { SERVE_UNIT_NAME } from "../serve-unit.ts";
import type { ParentAccess } from "./parent-options.ts";

export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Method = "GET" | "POST" | "PATCH" | "DELETE";

/** Longest time for an answer. */
const TIMEOUT_MS = 30_000;
const CONNECT_MS = 10_000;
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;
const PAGE_ROWS = 1000;
/** Empty pages one after the other: a parent that has more to look through than this leads nowhere. */
const EMPTY_PAGES_MAX = 1000;
/** Who waits longer than this is told for what. */
const SILENT_MS = 1000;

const CODES: Partial<Record<FleetErrorCode, ErrorCode>> = {
  bad_request: "usage",
  unauthenticated: "permission",
  forbidden: "permission",
  storage_full: "storage",
};

interface Asked {
  readonly method: Method;
  readonly target: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

type Told = Promise<{ readonly status: number; readonly text: string }>;

/** The first rows of a list. */
export interface Listed<Item> {
  readonly items: readonly Item[];
  /** Whether there are more than were asked for. */
  readonly more: boolean;
}

export class ParentApi {
  readonly #key: string;
  readonly #url: string;
  readonly #isLocal: boolean;
  readonly #send: (asked: Asked) => Told;

  constructor({ url, key, pin, isLocal = false }: ParentAccess) {
    this.#key = key;
    this.#url = url;
    this.#isLocal = isLocal;
    this.#send = pin === undefined ? sendTrusted : pinnedSender(url, pin);
  }

  /** @throws WbError for whatever the parent, or the network, refuses. */
  async request<Answer>(
    method: Method,
    path: string,
    options: { query?: Query; body?: unknown } = {},
  ): Promise<Answer> {
    const { status, text } = await this.#ask(method, path, options);
    if (status < 200 || status > 299) throw refused(status, text);
    try {
      return (text === "" ? {} : JSON.parse(text)) as Answer;
    } catch (cause) {
      throw noParent(status, cause);
    }
  }

  /** What is no JSON, or may be refused in order, as it came. @throws WbError where nothing came. */
  text(path: string): Told {
    return this.#ask("GET", path, {});
  }

  async #ask(method: Method, path: string, options: { query?: Query; body?: unknown }): Told {
    const target = new URL(path, this.#url);
    for (const [name, value] of Object.entries(options.query ?? {}))
      if (value !== undefined) target.searchParams.set(name, String(value));
    const body = options.body === undefined ? "" : JSON.stringify(options.body);
    const type = body === "" ? {} : { "content-type": "application/json" };
    const headers = { authorization: `Bearer ${this.#key}`, ...type };
    return await this.#told({ method, target, headers, body });
  }

  async #told(asked: Asked): Told {
    const waiting = setTimeout(() => say(`waiting for ${asked.target.host}…`), SILENT_MS);
    try {
      return await this.#send(asked);
    } catch (error) {
      throw unreachable(error, this.#isLocal);
    } finally {
      clearTimeout(waiting);
    }
  }

  get<Answer>(path: string, query: Query = {}): Promise<Answer> {
    return this.request("GET", path, { query });
  }

  post<Answer>(path: string, body: unknown): Promise<Answer> {
    return this.request("POST", path, { body });
  }

  /** The first so many items of a list, page by page. */
  async list<Item>(path: string, query: Query, limit: number): Promise<Listed<Item>> {
    const items: Item[] = [];
    let cursor: string | undefined;
    let empty = 0;
    do {
      // One more than is shown: whether there is more can't be told by a cursor, for a page may be empty.
      const rows = Math.min(limit + 1 - items.length, PAGE_ROWS);
      const page: Page<Item> = await this.get(path, { ...query, cursor, limit: rows });
      if (page.nextCursor !== null && page.nextCursor === cursor) throw noParent(200, undefined);
      empty = page.items.length === 0 ? empty + 1 : 0;
      if (empty > EMPTY_PAGES_MAX) throw noParent(200, undefined);
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined && items.length <= limit);
    return { items: items.slice(0, limit), more: items.length > limit };
  }
}

/** Every connection is checked against the pin before anything, the key above all, is sent over it. */
function pinnedSender(url: string, pin: string): (asked: Asked) => Told {
  const address = parseAddress(url);
  const proxy = proxyFor(address, undefined, process.env);
  const connections = new Connections((signal) => connectPinned({ address, proxy, pin }, signal), CONNECT_MS);
  return async ({ method, target, headers, body }) => {
    const answer = await exchange(connections, {
      method,
      path: target.pathname + target.search,
      host: target.host,
      headers,
      body: Buffer.from(body),
      timeoutMs: TIMEOUT_MS,
      answerBytesMax: ANSWER_BYTES_MAX,
      signal: undefined,
    });
    return { status: answer.status, text: new TextDecoder().decode(answer.body) };
  };
}

/** Without a pin its certificate must be one that this machine trusts. */
async function sendTrusted({ method, target, headers, body }: Asked): Told {
  try {
    const response = await fetch(target, {
      method,
      headers,
      ...(body === "" ? {} : { body }),
      redirect: "error",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WbError("unavailable", `the parent ${target.host} can't be asked: ${reason}`, {
      cause,
      hint: "is `wb serve` running there? A parent with its own certificate needs --pin, which it shows at its start",
    });
  }
}

function refused(status: number, text: string): WbError {
  let told: unknown;
  try {
    told = JSON.parse(text);
  } catch {
    told = undefined; // something in between answered
  }
  const parsed = ErrorAnswer.safeParse(told);
  if (!parsed.success) return noParent(status, undefined);
  const { code, message, hint = HINTS[code] } = parsed.data.error;
  // What is said of the HTTP interface is for programs: here it is an argument that is not right.
  const words = message.replace(/^the (?:body|param|query) is not as it should be: /, "");
  const isOurs = hint?.startsWith("/docs") === true;
  return new WbError(CODES[code] ?? "unavailable", words, {
    hint: isOurs
      ? "the command's --help tells what it takes"
      : (hint ?? "`wb serve audit` tells what was decided before"),
  });
}

const HINTS: Partial<Record<FleetErrorCode, string>> = {
  forbidden: "ask with a key of that role: an admin makes one with `wb serve key create NAME --role ROLE`",
  not_found: "the command that lists them shows what there is",
  rate_limited: "wait a moment and ask again",
  overloaded: "wait a moment and ask again",
  internal: "the parent's log says what happened",
};

function noParent(status: number, cause: unknown): WbError {
  return new WbError("protocol", `it answered with status ${status}, as no parent does`, {
    cause,
    hint: "see that the address is that of `wb serve`; its version may be another than this one's",
  });
}

/** What failed on the way, with what a person can do about it. */
function unreachable(error: unknown, isLocal: boolean): unknown {
  if (error instanceof WrongPinError) {
    return new WbError(
      "protocol",
      `${error.message.split(" is not the parent")[0]} has another key than this pin`,
      {
        cause: error,
        hint: "nothing was sent to it; `wb serve` shows its pin at its start: if that is another one, name it with --pin",
      },
    );
  }
  if (!(error instanceof WbError)) return error;
  if (!isLocal && error.hint !== undefined) return error;
  const isService = isLocal && installedUnit(SERVE_UNIT_NAME, process.env) !== undefined;
  const start = isService ? "`wb serve logs` tells why" : "start the parent of this machine with `wb serve`";
  const hint = isLocal
    ? `${start}; if it runs, it is busy: ask again`
    : "is `wb serve` running there, and does nothing in between keep its port closed?";
  return new WbError(error.code, error.message, { cause: error, hint });
}
