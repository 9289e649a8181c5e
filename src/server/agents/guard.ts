/**
 * Lets through what an agent has signed, once, and refuses everything else. In this order: headers, the agent, its body within
 * limits, the signature, the agent's state, its instance (clones), the counter, its rate. An agent that is not known and a
 * signature that is wrong get the same answer; who can't sign learns nothing and changes nothing.
 */
import { randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { TokenBucket, TokenBuckets } from "../../lib/token-bucket.ts";
import type { AgentState } from "../../model/fleet.ts";
import { importPublicKey } from "../../protocol/fleet/identity.ts";
import { Heartbeat } from "../../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import {
  AGENT_HEADER,
  COUNTER_HEADER,
  INSTANCE_HEADER,
  SIGNATURE_HEADER,
  isRequestSigned,
  type RequestFacts,
} from "../../protocol/fleet/request-proof.ts";
import type { AgentRecord } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { addressKey, costOfBadBody, readBody, type Middleware, type RequestContext } from "../http/limits.ts";
import { AgentSession } from "./agent-session.ts";
import { BodyBudget } from "./body-budget.ts";
import { readJson } from "./json-body.ts";
import { asRefusal } from "./storage-trouble.ts";

/** Agents that are kept in memory; of the others only what the store has. */
const SESSIONS_MAX = 50_000;
/** Requests with a wrong proof that one address may send: checking a signature costs us more than them. */
const FAILURES = { burst: 1000, perSecond: 20 };
const ADDRESSES_MAX = 10_000;
/** An agent may use half of a minute's requests at once, but never fewer than so many. */
const BURST_MIN = 10;
const LEASE_BYTES = 12;

export interface AgentGuardOptions {
  /** Those that may ask this; where nothing is said: active ones. */
  readonly states?: readonly AgentState[];
  /** Of the body; where nothing is said: what the server allows in general. */
  readonly bodyBytesMax?: number;
}

interface Proof {
  readonly agentId: string;
  readonly instance: string;
  readonly counter: number;
  readonly signature: string;
}

/** Checks the proof; the route finds `agent` and `rawBody` in its variables. Throws FleetError. */
export function requireAgent(context: ServerContext, options: AgentGuardOptions = {}): Middleware {
  const gate = gateOf(context);
  return async (c, next) => {
    try {
      await gate.admit(c, options);
    } catch (error) {
      const refusal = asRefusal(error);
      if (refusal instanceof FleetError)
        context.metrics.add("wb_agent_refusals_total", { code: refusal.code });
      throw refusal;
    }
    await next();
    gate.charge(c);
  };
}

/** The highest counter that this agent has used, for the store to keep as its floor. */
export function highestCounter(context: ServerContext, agent: AgentRecord): number {
  return gateOf(context).highestCounter(agent);
}

/**
 * The lease for the next heartbeat of this agent, after the one that it has shown with this request.
 * @throws FleetError("quarantined") where that proves that it is alive twice
 */
export function renewLease(context: ServerContext, c: RequestContext, shown: string | null): Promise<string> {
  return gateOf(context).renewLease(c, shown);
}

const gates = new WeakMap<ServerContext, Gate>();

/** One per server: what is known of an agent is the same on every route. */
function gateOf(context: ServerContext): Gate {
  const known = gates.get(context);
  if (known !== undefined) return known;
  const gate = new Gate(context);
  gates.set(context, gate);
  return gate;
}

class Gate {
  readonly #context: ServerContext;
  readonly #sessions = new LRUCache<string, AgentSession>({ max: SESSIONS_MAX });
  readonly #failures = new TokenBuckets(FAILURES.burst, FAILURES.perSecond, ADDRESSES_MAX);
  readonly #bodies: BodyBudget;

  constructor(context: ServerContext) {
    this.#context = context;
    this.#bodies = new BodyBudget(context);
  }

  highestCounter(agent: AgentRecord): number {
    return this.#sessions.get(agent.id)?.counters.highest ?? agent.counterFloor;
  }

  async renewLease(c: RequestContext, shown: string | null): Promise<string> {
    const agent = c.get("agent");
    const session = this.#sessionOf(agent);
    const lease = randomBytes(LEASE_BYTES).toString("base64url");
    const counter = Number(c.req.header(COUNTER_HEADER));
    if (session?.leases.isOfAnother(shown, counter) === true) {
      await this.#quarantine(session, agent, c.get("address"));
    }
    session?.leases.give(lease);
    return lease;
  }

  /** For what its request cost beyond being one. */
  charge(c: RequestContext): void {
    const requests = costOfBadBody(c);
    if (requests > 0) {
      this.#sessions.get(c.get("agent").id)?.rate.charge(this.#context.clock.monotonicMs(), requests);
    }
  }

  async admit(c: RequestContext, options: AgentGuardOptions): Promise<void> {
    const { clock, store, limits } = this.#context;
    const failures = this.#failures.of(addressKey(c.get("address")), clock.monotonicMs());
    const failedWaitMs = failures.take(clock.monotonicMs(), 0);
    if (failedWaitMs > 0)
      throw tooFast("too many requests with a wrong proof from this address", failedWaitMs);
    const proof = readProof(c);
    const agent = proof === undefined ? undefined : await store.agents.get(proof.agentId);
    const session = agent === undefined ? undefined : this.#sessionOf(agent);
    if (proof === undefined || agent === undefined || session === undefined) {
      failures.charge(clock.monotonicMs(), 1);
      throw unauthenticated();
    }
    const bytesMax = options.bodyBytesMax ?? limits.bodyBytesMax;
    const address = addressKey(c.get("address"));
    const body = await this.#bodies.within(agent.id, address, toldBytes(c, bytesMax), () =>
      readBody(this.#context, c, bytesMax),
    );
    const facts: RequestFacts = {
      parentId: this.#context.identity.id,
      agentId: agent.id,
      instance: proof.instance,
      counter: proof.counter,
      method: c.req.method,
      path: pathOf(c.req.url),
      body,
    };
    if (!isRequestSigned(session.key, facts, proof.signature)) {
      failures.charge(clock.monotonicMs(), 1);
      throw unauthenticated();
    }
    await this.#admitSigned(session, agent, { facts, address: c.get("address"), options });
    c.set("agent", agent);
    c.set("rawBody", body);
  }

  async #admitSigned(
    session: AgentSession,
    agent: AgentRecord,
    request: { facts: RequestFacts; address: string; options: AgentGuardOptions },
  ): Promise<void> {
    const { facts, address, options } = request;
    refuseState(agent.state, options.states ?? ["active"]);
    // Whoever was quarantined or removed is not the one or the other instance any more: a person decides.
    if (agent.state === "active" || agent.state === "pending")
      await this.#checkInstance(session, agent, facts, address);
    if (!session.counters.use(facts.counter)) throw replayed(session);
    const waitMs = session.rate.take(this.#context.clock.monotonicMs());
    if (waitMs > 0) throw tooFast("this agent asks too often", waitMs);
    if (session.instance !== facts.instance) await this.#adopt(session, agent, facts.instance);
    await session.adopting;
  }

  #sessionOf(agent: AgentRecord): AgentSession | undefined {
    const known = this.#sessions.get(agent.id);
    if (known !== undefined) return known;
    const key = importPublicKey(agent.publicKey);
    if (key === undefined) return undefined;
    const { clock, limits } = this.#context;
    const perMinute = limits.requestsPerAgentPerMinute;
    const rate = new TokenBucket(Math.max(BURST_MIN, perMinute / 2), perMinute / 60, clock.monotonicMs());
    const session = new AgentSession(agent, key, rate);
    this.#sessions.set(agent.id, session);
    return session;
  }

  async #checkInstance(
    session: AgentSession,
    agent: AgentRecord,
    facts: RequestFacts,
    address: string,
  ): Promise<void> {
    const standing = session.standing(facts.instance);
    if (standing === "current") return;
    if (standing === "new") {
      // An old packet of a forgotten instance must not retire the living one: a new one begins above every counter so far.
      if (facts.counter <= session.counters.highest) throw replayed(session);
      return;
    }
    const nowMs = this.#context.clock.monotonicMs();
    const answer = challengeAnswer(facts);
    if (answer !== null && session.isAlive(facts.instance, answer, nowMs)) {
      await this.#quarantine(session, agent, address);
    }
    throw new FleetError("superseded", "another instance of this agent has started after this one", {
      challenge: session.challengeFor(facts.instance, nowMs),
      hint: "where this agent still runs, it sends a heartbeat with the challenge",
    });
  }

  async #quarantine(session: AgentSession, agent: AgentRecord, address: string): Promise<never> {
    const { store, clock, bus, log, metrics, commands } = this.#context;
    const reason = "the same key is alive in two places: a cloned machine or a copied state directory";
    await store.agents.setState(agent.id, "quarantined", reason, { name: "system", address }, clock.now());
    commands.release(agent.id);
    session.forgetInstances();
    await store.agents.setInstance(agent.id, "", [], session.counters.highest);
    bus.publish({ type: "agent", agentId: agent.id, change: "quarantined" });
    metrics.add("wb_agent_clones_total", {});
    log.warn("an agent is quarantined: its key is alive in two places", {
      agent: agent.id,
      hostname: agent.hostname,
      address,
    });
    throw stateRefusal("quarantined");
  }

  /** Writes down which instance lives; all requests of it wait until that is done. */
  async #adopt(session: AgentSession, agent: AgentRecord, instance: string): Promise<void> {
    const { store } = this.#context;
    if (agent.state !== "active" && agent.state !== "pending") return;
    const undo = session.adopt(instance);
    const write: Promise<void> = store.agents
      .setInstance(agent.id, instance, session.retired, session.counters.highest)
      .catch((error: unknown) => {
        undo();
        throw error;
      })
      .finally(() => {
        if (session.adopting === write) session.adopting = undefined;
      });
    session.adopting = write;
    await write;
  }
}

function refuseState(state: AgentState, allowed: readonly AgentState[]): void {
  if (!allowed.includes(state)) throw stateRefusal(state);
}

const STATE_REFUSALS = {
  pending: ["this agent waits for a person's approval", "compare its code and approve it at the parent"],
  quarantined: [
    "this agent's key was seen alive in two places",
    "find the cloned machine, then release the agent at the parent",
  ],
  removed: ["this agent was removed from the parent", "join again with `wb agent join`"],
} as const;

/** How an agent is told that it may not, by its state. */
export function stateRefusal(state: AgentState): FleetError {
  if (state === "active") return new FleetError("bad_request", "this agent has joined already");
  const [message, hint] = STATE_REFUSALS[state];
  return new FleetError(state, message, { hint });
}

function unauthenticated(): FleetError {
  return new FleetError("unauthenticated", "no such agent here, or its proof is wrong", {
    hint: "join with `wb agent join`",
  });
}

function replayed(session: AgentSession): FleetError {
  return new FleetError("replayed", "this counter has been used", { floor: session.counters.highest });
}

function tooFast(message: string, retryAfterMs: number): FleetError {
  return new FleetError("rate_limited", message, { retryAfterMs });
}

/** Undefined where a header is missing or is none. */
function readProof(c: RequestContext): Proof | undefined {
  const agentId = c.req.header(AGENT_HEADER) ?? "";
  const instance = c.req.header(INSTANCE_HEADER) ?? "";
  const counterText = c.req.header(COUNTER_HEADER) ?? "";
  const signature = c.req.header(SIGNATURE_HEADER) ?? "";
  if (!/^[0-9a-f]{32}$/.test(agentId) || !/^[\w-]{8,64}$/.test(instance)) return undefined;
  if (!/^[1-9]\d{0,15}$/.test(counterText) || !/^[\w-]{86}$/.test(signature)) return undefined;
  const counter = Number(counterText);
  return Number.isSafeInteger(counter) ? { agentId, instance, counter, signature } : undefined;
}

/** How large the body may become: what the headers say, or all that is allowed. */
function toldBytes(c: RequestContext, bytesMax: number): number {
  if (c.req.method === "GET") return 0;
  const length = Number(c.req.header("content-length") ?? bytesMax);
  return Number.isSafeInteger(length) ? Math.min(length, bytesMax) : bytesMax;
}

/** The path with its query, as it was asked for. */
export function pathOf(url: string): string {
  const start = url.indexOf("/", url.indexOf("://") + 3);
  return start < 0 ? "/" : url.slice(start);
}

/** Only a heartbeat can carry the proof of life. */
function challengeAnswer(facts: RequestFacts): string | null {
  if (facts.path !== AGENT_PATHS.heartbeat) return null;
  const beat = Heartbeat.safeParse(readJson(facts.body));
  return beat.success && beat.data.agentId === facts.agentId ? beat.data.challenge : null;
}
