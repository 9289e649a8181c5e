/**
 * A parent that only the page sees: its API for people with a fleet that a test moves by hand, over plain HTTP on a port of the
 * system's choice. It answers as the parent does, with its headers; `live` and `cut` are a test's hand on the live stream.
 */
import type { LiveEvent, ProcessRecord, Role } from "../../../src/model/fleet.ts";
import { webAssets } from "../../../src/web/embedded.ts";
import {
  classificationOf,
  someAgents,
  someAudit,
  someConnections,
  someProcesses,
  someRequests,
  someTokens,
} from "./page-data.ts";

const ROLES: Readonly<Record<string, Role>> = { admin: "admin", olga: "operator", vera: "viewer" };
export const PASSWORD = "correct horse battery";

const HEADERS = {
  "content-security-policy":
    "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
};

interface Subscriber {
  readonly send: (text: string) => void;
  readonly end: () => void;
  readonly wants: (event: LiveEvent) => boolean;
}

interface Answer {
  readonly status?: number;
  readonly body: unknown;
  readonly headers?: Record<string, string>;
}

type Query = URLSearchParams;

function refusal(status: number, code: string, message: string, hint?: string): Answer {
  return { status, body: { error: { code, message, ...(hint === undefined ? {} : { hint }) } } };
}

export class PageServer implements AsyncDisposable {
  agents = someAgents();
  processes: ProcessRecord[] = this.agents.flatMap((agent) => someProcesses(agent.id));
  connections = this.agents.flatMap((agent) => someConnections(agent.id));
  classifications = someProcesses("").map(classificationOf);
  audit = someAudit();
  requests = someRequests();
  tokens = someTokens();
  /** Every change that was asked for, as `POST /path`. */
  readonly changes: string[] = [];
  readonly watched: string[] = [];
  /** Last-Event-ID of each connection to the live stream; null where there was none. */
  readonly resumedAfter: (string | null)[] = [];
  readonly #subscribers = new Set<Subscriber>();
  readonly #server: ReturnType<typeof Bun.serve>;
  #eventId = 100;

  private constructor(assets: Awaited<ReturnType<typeof webAssets>>) {
    this.#server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      idleTimeout: 0,
      fetch: async (request) => {
        const url = new URL(request.url);
        const asset = assets.get(url.pathname);
        if (asset !== undefined)
          return new Response(new Uint8Array(asset.bytes), {
            headers: { ...HEADERS, "content-type": asset.type },
          });
        const answer = await this.#answer(request, url);
        if (answer instanceof Response) return answer;
        const headers = {
          ...HEADERS,
          "cache-control": "no-store",
          date: new Date().toUTCString(),
          ...answer.headers,
        };
        return Response.json(answer.body, { status: answer.status ?? 200, headers });
      },
    });
  }

  static async start(): Promise<PageServer> {
    return new PageServer(await webAssets());
  }

  get url(): string {
    return this.#server.url.href;
  }

  get subscribers(): number {
    return this.#subscribers.size;
  }

  publish(event: LiveEvent): void {
    this.#eventId += 1;
    const text = `id: ${this.#eventId}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
    for (const subscriber of this.#subscribers) if (subscriber.wants(event)) subscriber.send(text);
  }

  startProcess(process: ProcessRecord): void {
    this.processes.unshift(process);
    this.publish({ type: "process_started", agentId: process.agentId, process });
  }

  stopProcess(process: ProcessRecord): void {
    const stopped = { ...process, stoppedAtMs: Date.now() };
    this.processes = this.processes.map((each) =>
      each.processId === process.processId && each.agentId === process.agentId ? stopped : each,
    );
    this.publish({ type: "process_stopped", agentId: process.agentId, process: stopped });
  }

  /** Ends all live connections, as a network does. */
  cut(): void {
    for (const subscriber of this.#subscribers) subscriber.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    await this.#server.stop(true);
  }

  async #answer(request: Request, url: URL): Promise<Answer | Response> {
    const path = url.pathname.replace("/api/v1", "");
    const body = request.method === "POST" ? ((await request.json()) as Record<string, unknown>) : {};
    if (request.method !== "GET" && request.headers.get("x-wb-csrf") !== "1")
      return refusal(403, "forbidden", "a change from a browser needs the header x-wb-csrf");
    if (path === "/login") return this.#login(String(body["name"]), String(body["password"]));
    const name = /wb_session=(\w+)/.exec(request.headers.get("cookie") ?? "")?.[1];
    const role = name === undefined ? undefined : ROLES[name];
    if (name === undefined || role === undefined)
      return refusal(401, "unauthenticated", "nobody is logged in");
    if (path === "/live") return this.#live(request, url.searchParams);
    if (request.method === "GET") return this.#read(path, url.searchParams, name, role);
    if (path === "/logout") return { body: {}, headers: { "set-cookie": "wb_session=; Max-Age=0; Path=/" } };
    const watch = /^\/agents\/(\w+)\/watch$/.exec(path);
    if (watch?.[1] !== undefined) {
      this.watched.push(watch[1]);
      return { body: {} };
    }
    this.changes.push(`${request.method} ${path}`);
    if (role === "viewer") return refusal(403, "forbidden", "a viewer may change nothing", "ask an operator");
    return this.#change(path, body, name);
  }

  #login(name: string, password: string): Answer {
    if (ROLES[name] === undefined || password !== PASSWORD)
      return refusal(
        401,
        "unauthenticated",
        "The name or the password is wrong.",
        "An administrator can set a new one.",
      );
    const cookie = `wb_session=${name}; HttpOnly; SameSite=Strict; Path=/`;
    return { body: { user: { name } }, headers: { "set-cookie": cookie } };
  }

  #read(path: string, query: Query, name: string, role: Role): Answer {
    const agent = /^\/agents\/(\w+)(\/streams)?$/.exec(path);
    if (agent?.[1] !== undefined) return this.#readAgent(agent[1], agent[2] !== undefined);
    const history = /^\/classifications\/(\w+)\/history$/.exec(path);
    if (history?.[1] !== undefined) return this.#history(history[1]);
    const all = (items: readonly unknown[]): Answer => ({ body: { items, nextCursor: null } });
    switch (path) {
      case "/me":
        return {
          body: {
            caller: { kind: "user", id: "1", name, role },
            server: { name: "hq", version: "0.1.0", pin: "pin", parentId: "0".repeat(32) },
          },
        };
      case "/agents":
        return paged(
          this.agents.filter((each) => has(query, "search", each.hostname) && is(query, "state", each.state)),
          query,
        );
      case "/processes":
        return paged(
          this.processes.filter((each) => isAsked(each, query)),
          query,
        );
      case "/connections":
        return paged(
          this.connections.filter(
            (each) =>
              is(query, "agent", each.agentId) &&
              has(query, "search", `${each.processName} ${each.remoteAddress} ${each.remoteHost ?? ""}`),
          ),
          query,
        );
      case "/classifications":
        return paged(
          this.classifications.filter(
            (each) =>
              has(query, "search", each.processName) &&
              is(query, "category", each.category) &&
              is(query, "source", each.source),
          ),
          query,
        );
      case "/audit":
        return paged(
          this.audit.filter((each) => is(query, "action", each.action) && is(query, "actor", each.actor)),
          query,
        );
      case "/tokens":
        return all(this.tokens);
      case "/join-requests":
        return all(this.requests);
      case "/losses":
        return all([
          {
            agentId: query.get("agent"),
            stream: "process",
            epoch: "00d1c2b3a4958677",
            firstSeq: 8801,
            lastSeq: 9021,
            bytes: 81_022,
            reason: "quota",
            declaredAtMs: Date.now() - 9_000_000,
          },
        ]);
      default:
        return refusal(404, "not_found", "there is nothing at this path");
    }
  }

  #readAgent(id: string, isStreams: boolean): Answer {
    const agent = this.agents.find((each) => each.id === id);
    if (agent === undefined) return refusal(404, "not_found", "there is no such agent");
    if (!isStreams) return { body: agent };
    const items = agent.streams.map((stream) => ({
      stream: stream.stream,
      epoch: "00d1c2b3a4958677",
      cursor: stream.acked + stream.lost,
      stored: stream.acked,
      lost: stream.lost,
      produced: stream.produced,
    }));
    return { body: { items, nextCursor: null } };
  }

  #history(hash: string): Answer {
    const entry = this.classifications.find((each) => each.fingerprintHash === hash);
    const items = entry === undefined ? [] : [historyOf(entry)];
    return { body: { items, nextCursor: null } };
  }

  #change(path: string, body: Record<string, unknown>, name: string): Answer {
    if (path === "/processes/override") return this.#override(body, name);
    if (path === "/tokens") {
      const summary = { ...(this.tokens[0] ?? someTokens()[0]), id: "c0ffee01", createdBy: name };
      this.tokens = [summary as (typeof this.tokens)[number], ...this.tokens];
      this.#note(name, "token.create", "c0ffee01", body);
      return { body: { token: `wbj1.${"A1b2C3d4".repeat(24)}`, summary } };
    }
    const token = /^\/tokens\/(\w+)$/.exec(path)?.[1];
    if (token !== undefined) {
      this.tokens = this.tokens.map((each) => (each.id === token ? { ...each, revoked: true } : each));
      return { body: {} };
    }
    const [, id = "", deed = ""] = /^\/agents\/(\w+)\/(approve|remove|release)$/.exec(path) ?? [];
    const request = this.requests.find((each) => each.agentId === id);
    if (deed === "approve" && request?.code !== body["code"])
      return refusal(400, "bad_request", "this is not the code");
    this.requests = this.requests.filter((each) => each.agentId !== id);
    const state = deed === "remove" ? "removed" : "active";
    this.agents = this.agents.map((agent) => (agent.id === id ? { ...agent, state } : agent));
    this.#note(name, `agent.${deed}`, id, body);
    this.publish({ type: "agent", agentId: id, change: state });
    return { body: {} };
  }

  #override(body: Record<string, unknown>, name: string): Answer {
    const hash = String(body["fingerprintHash"]);
    const process = this.processes.find((each) => each.fingerprintHash === hash);
    const before = this.classifications.find((each) => each.fingerprintHash === hash);
    if (process === undefined) return refusal(404, "not_found", "this program was never seen");
    const category = body["classification"] as ProcessRecord["category"];
    const entry = {
      ...(before ?? classificationOf(process)),
      category,
      source: "parent_override" as const,
      confidence: null,
      originalCategory: before?.category ?? null,
      overriddenBy: name,
      reason: (body["reason"] as string | undefined) ?? null,
      updatedAtMs: Date.now(),
    };
    this.classifications = [entry, ...this.classifications.filter((each) => each.fingerprintHash !== hash)];
    this.processes = this.processes.map((each) =>
      each.fingerprintHash === hash
        ? { ...each, category, categorySource: "parent_override" as const }
        : each,
    );
    this.publish({ type: "classification", entry });
    this.#note(name, "classification.override", process.name, { to: category, reason: entry.reason });
    return { body: { success: true, entry } };
  }

  #note(actor: string, action: string, subject: string, details: unknown): void {
    const entry = {
      id: this.audit.length + 1,
      atMs: Date.now(),
      actor,
      action,
      subject,
      details,
      address: "127.0.0.1",
    };
    this.audit = [entry, ...this.audit];
    this.publish({ type: "audit", entry });
  }

  #live(request: Request, query: Query): Response {
    const types = query.get("types")?.split(",");
    const agent = query.get("agent");
    this.resumedAfter.push(request.headers.get("last-event-id"));
    const encoder = new TextEncoder();
    let subscriber: Subscriber | undefined;
    const stream = new ReadableStream<Uint8Array>({
      start: (controller) => {
        subscriber = {
          send: (text) => controller.enqueue(encoder.encode(text)),
          end: () => {
            if (subscriber !== undefined && this.#subscribers.delete(subscriber)) controller.close();
          },
          wants: (event) =>
            event.type === "gap" ||
            ((types?.includes(event.type) ?? true) &&
              (agent === null || ("agentId" in event && event.agentId === agent))),
        };
        this.#subscribers.add(subscriber);
        subscriber.send(`retry: 50\nid: ${this.#eventId}\n\n`);
      },
      cancel: () => {
        if (subscriber !== undefined) this.#subscribers.delete(subscriber);
      },
    });
    return new Response(stream, {
      headers: { ...HEADERS, "content-type": "text/event-stream", "cache-control": "no-store" },
    });
  }
}

function historyOf(entry: ReturnType<typeof classificationOf>) {
  return {
    fingerprintHash: entry.fingerprintHash,
    oldCategory: entry.originalCategory,
    newCategory: entry.category,
    source: entry.source,
    changedBy: entry.overriddenBy,
    reason: entry.reason,
    changedAtMs: entry.updatedAtMs,
  };
}

function is(query: Query, name: string, value: string): boolean {
  return !query.has(name) || query.get(name) === value;
}

function has(query: Query, name: string, text: string): boolean {
  return text.toLowerCase().includes((query.get(name) ?? "").toLowerCase());
}

function isAsked(process: ProcessRecord, query: Query): boolean {
  const running = query.get("running");
  return (
    is(query, "agent", process.agentId) &&
    is(query, "category", process.category) &&
    has(query, "search", process.name) &&
    (running === null || (process.stoppedAtMs === null) === (running === "true"))
  );
}

/** The cursor is where the next page begins. */
function paged(items: readonly unknown[], query: Query): Answer {
  const from = Number(query.get("cursor") ?? 0);
  const to = from + Number(query.get("limit"));
  return { body: { items: items.slice(from, to), nextCursor: to < items.length ? String(to) : null } };
}
