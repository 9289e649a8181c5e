/**
 * The parent's HTTP API for people, typed by model/fleet.ts. Every call answers what the API says or throws an ApiError with
 * words for a person. A change carries the header that the parent asks of a browser, so that no other site can cause one.
 */
import type { ClassificationSource, ProcessCategory } from "../model/categories.ts";
import type {
  AgentState,
  AgentSummary,
  AuditEntry,
  ClassificationChange,
  ClassificationEntry,
  ConnectionRecord,
  JoinRequestSummary,
  JoinTokenSummary,
  LossRecord,
  Page,
  ProcessRecord,
  Role,
} from "../model/fleet.ts";

/** What was refused, and what to do about it. `status` 0: the parent did not answer. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;
  readonly hint: string | undefined;

  constructor(status: number, code: string, message: string, hint: string | undefined) {
    super(message);
    this.name = "ApiError";
    this.status = status;
    this.code = code;
    this.hint = hint;
  }
}

export interface Me {
  readonly caller: {
    readonly kind: "user" | "key";
    readonly id: string;
    readonly name: string;
    readonly role: Role;
  };
  readonly server: {
    readonly name: string;
    readonly version: string;
    readonly pin: string;
    readonly parentId: string;
  };
}

/** What the parent stored of one epoch of a stream, beside what the agent says it produced. */
export interface StreamReconciliation {
  readonly stream: string;
  readonly epoch: string;
  readonly cursor: number;
  readonly stored: number;
  readonly lost: number;
  readonly produced: number | null;
}

type Values = Readonly<Record<string, string | number | boolean | null | undefined>>;

interface Asked {
  readonly limit: number;
  readonly cursor?: string | undefined;
}

/** `?a=1&b=x` of what is there; empty where nothing is. */
export function queryOf(values: Values): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(values))
    if (value !== undefined && value !== null && value !== "") query.set(name, String(value));
  const text = query.toString();
  return text === "" ? "" : `?${text}`;
}

/** Parent's clock minus this browser's, in ms: from the Date header, so to the second. Small differences count as none. */
let skewMs = 0;
let onUnauthenticated: () => void = () => undefined;

/** The parent's time now, in Unix ms. */
export function parentNowMs(): number {
  return Date.now() + skewMs;
}

/** Called at each answer that says that this session is no longer one. */
export function whenUnauthenticated(then: () => void): void {
  onUnauthenticated = then;
}

function noteTime(response: Response): void {
  const toldMs = Date.parse(response.headers.get("date") ?? "");
  if (!Number.isFinite(toldMs)) return;
  const difference = toldMs + 500 - Date.now();
  skewMs = Math.abs(difference) > 3000 ? difference : 0;
}

async function refusalOf(response: Response): Promise<ApiError> {
  const text = await response.text();
  let told: { code?: unknown; message?: unknown; hint?: unknown } = {};
  try {
    const body: unknown = JSON.parse(text);
    if (typeof body === "object" && body !== null && "error" in body) told = body.error ?? {};
  } catch {
    // Not the parent's JSON: something in between answered. The status says what is known.
  }
  const message = typeof told.message === "string" ? told.message : `The parent answered ${response.status}.`;
  const retry = response.headers.get("retry-after");
  const wait = retry === null ? undefined : `Try again in ${retry} s.`;
  const hint = typeof told.hint === "string" ? told.hint : wait;
  return new ApiError(response.status, typeof told.code === "string" ? told.code : "unknown", message, hint);
}

async function call<T>(method: string, path: string, body?: unknown, signal?: AbortSignal): Promise<T> {
  const headers: Record<string, string> = { accept: "application/json" };
  if (method !== "GET") headers["x-wb-csrf"] = "1";
  if (body !== undefined) headers["content-type"] = "application/json";
  let response: Response;
  try {
    response = await fetch(path, {
      method,
      headers,
      credentials: "same-origin",
      cache: "no-store",
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(
      0,
      "unreachable",
      "The parent does not answer.",
      "Is `wb serve` running, and is the network up?",
    );
  }
  noteTime(response);
  if (!response.ok) {
    const refusal = await refusalOf(response);
    if (refusal.status === 401 && !path.endsWith("/login")) onUnauthenticated();
    throw refusal;
  }
  const text = await response.text();
  return (text === "" ? undefined : JSON.parse(text)) as T;
}

const get = <T>(path: string, signal?: AbortSignal): Promise<T> => call("GET", path, undefined, signal);
const post = <T>(path: string, body: unknown = {}): Promise<T> => call("POST", path, body);
const segment = encodeURIComponent;
const V1 = "/api/v1";

export interface AgentsAsked extends Asked {
  readonly state?: AgentState | undefined;
  readonly search?: string | undefined;
}

export interface ProcessesAsked extends Asked {
  readonly agent: string;
  readonly running?: boolean | undefined;
  readonly category?: ProcessCategory | undefined;
  readonly search?: string | undefined;
}

export interface ConnectionsAsked extends Asked {
  readonly agent: string;
  readonly since?: number | undefined;
  readonly search?: string | undefined;
}

export interface ClassificationsAsked extends Asked {
  readonly category?: ProcessCategory | undefined;
  readonly source?: ClassificationSource | undefined;
  readonly search?: string | undefined;
}

export interface AuditAsked extends Asked {
  readonly action?: string | undefined;
  readonly actor?: string | undefined;
  readonly subject?: string | undefined;
}

export interface NewToken {
  readonly uses: number;
  readonly expiresInMs: number;
  readonly requiresApproval: boolean;
}

export const api = {
  me: () => get<Me>(`${V1}/me`),
  login: (name: string, password: string) => post<unknown>(`${V1}/login`, { name, password }),
  logout: () => post<unknown>(`${V1}/logout`),

  agents: (asked: AgentsAsked, signal?: AbortSignal) =>
    get<Page<AgentSummary>>(`${V1}/agents${queryOf({ ...asked })}`, signal),
  agent: (id: string, signal?: AbortSignal) => get<AgentSummary>(`${V1}/agents/${segment(id)}`, signal),
  streams: (id: string, signal?: AbortSignal) =>
    get<Page<StreamReconciliation>>(`${V1}/agents/${segment(id)}/streams`, signal),
  losses: (agent: string, limit: number, signal?: AbortSignal) =>
    get<Page<LossRecord>>(`${V1}/losses${queryOf({ agent, limit })}`, signal),
  watch: (id: string, intervalMs: number, forMs: number) =>
    post<unknown>(`${V1}/agents/${segment(id)}/watch`, { intervalMs, forMs }),
  approve: (id: string, code: string) => post<unknown>(`${V1}/agents/${segment(id)}/approve`, { code }),
  remove: (id: string, reason: string) => post<unknown>(`${V1}/agents/${segment(id)}/remove`, { reason }),
  release: (id: string, reason: string) => post<unknown>(`${V1}/agents/${segment(id)}/release`, { reason }),

  processes: (asked: ProcessesAsked, signal?: AbortSignal) =>
    get<Page<ProcessRecord>>(`${V1}/processes${queryOf({ ...asked })}`, signal),
  connections: (asked: ConnectionsAsked, signal?: AbortSignal) =>
    get<Page<ConnectionRecord>>(`${V1}/connections${queryOf({ ...asked })}`, signal),

  classifications: (asked: ClassificationsAsked, signal?: AbortSignal) =>
    get<Page<ClassificationEntry>>(`${V1}/classifications${queryOf({ ...asked })}`, signal),
  history: (hash: string, signal?: AbortSignal) =>
    get<Page<ClassificationChange>>(`${V1}/classifications/${segment(hash)}/history`, signal),
  override: (fingerprintHash: string, classification: ProcessCategory, reason: string) =>
    post<{ success: true; entry: ClassificationEntry }>(`${V1}/processes/override`, {
      fingerprintHash,
      classification,
      ...(reason === "" ? {} : { reason }),
    }),

  tokens: (signal?: AbortSignal) => get<Page<JoinTokenSummary>>(`${V1}/tokens`, signal),
  createToken: (token: NewToken) => post<{ token: string; summary: JoinTokenSummary }>(`${V1}/tokens`, token),
  revokeToken: (id: string) => call<unknown>("DELETE", `${V1}/tokens/${segment(id)}`),
  joinRequests: (signal?: AbortSignal) => get<Page<JoinRequestSummary>>(`${V1}/join-requests`, signal),

  audit: (asked: AuditAsked, signal?: AbortSignal) =>
    get<Page<AuditEntry>>(`${V1}/audit${queryOf({ ...asked })}`, signal),
};

/** Where the live stream is; kinds of model/fleet.ts's LiveEvent. */
export function livePath(agent: string | undefined, types: readonly string[]): string {
  return `${V1}/live${queryOf({ agent, types: types.join(",") })}`;
}
