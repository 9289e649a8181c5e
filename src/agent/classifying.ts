/**
 * What the parent says of programs: asked for in batches, and what has changed since the last look fetched every five minutes,
 * for a command may have expired while this agent was away. Positions are kept across restarts.
 */
import type { ClassificationSource } from "../model/categories.ts";
import {
  ClassifyAnswer,
  SyncAnswer,
  type ClassificationResponse,
  type ClassificationUpdate,
} from "../protocol/fleet/classification.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import { Backoff, jittered } from "./backoff.ts";
import type {
  AgentClock,
  AgentLog,
  AgentState,
  ClassificationAsker,
  ParentClient,
  ProcessAuditor,
} from "./contract.ts";
import type { Link } from "./link.ts";
import { askedWaitMs, tellLink, wordsOf, type Failure } from "./refusal.ts";
import { pause } from "./wait.ts";

const SYNC_MS = 300_000;
const POSITION = "classifications";
/** Of one round: what is more comes with the next. */
const PAGES_MAX = 200;

/** The seed's words for who said so, in ours. */
const SOURCES: Readonly<Record<ClassificationResponse["source"], ClassificationSource>> = {
  database: "builtin",
  ml_model: "upstream",
  community: "community",
  parent_override: "parent_override",
};

/** Rejects where the parent can't be asked now: who asks tries again. */
export function createAsker(client: ParentClient, link: Link, clock: AgentClock): ClassificationAsker {
  return {
    ask: async (requests) => {
      if (requests.length === 0) return [];
      if (link.status.state !== "online") throw new Error("the parent is not there");
      const read = (value: unknown) => ClassifyAnswer.parse(value);
      const answer = await client.request("POST", AGENT_PATHS.classify, { processes: requests }, read);
      if (answer.kind !== "ok") {
        tellLink(answer, link);
        throw new Error(wordsOf(answer));
      }
      const updatedAt = new Date(clock.now()).toISOString();
      return answer.value.classifications
        .filter(({ classification, source }) => classification !== "unknown" || source === "parent_override")
        .map(({ fingerprintHash, classification, source }) => ({
          fingerprintHash,
          classification,
          source: SOURCES[source],
          updatedAt,
        }));
    },
  };
}

export interface SyncOptions {
  readonly client: ParentClient;
  readonly state: AgentState;
  readonly log: AgentLog;
  readonly link: Link;
  readonly auditor: Pick<ProcessAuditor, "applyClassifications">;
  readonly retryMaxMs: number;
}

/** Of all that a parent knows, an agent that comes new keeps what people have said: the rest it asks for when it meets it. */
function worthKeeping(updates: readonly ClassificationUpdate[], isFirst: boolean): ClassificationUpdate[] {
  return updates.filter(({ source }) => !isFirst || source === "parent_override" || source === "community");
}

/** One round; what it failed by, if it did. */
async function syncOnce(options: SyncOptions, signal: AbortSignal): Promise<Failure | undefined> {
  const { client, state, log, link, auditor } = options;
  const isFirst = (state.get(POSITION) ?? "") === "";
  for (let page = 0; page < PAGES_MAX && !signal.aborted; page += 1) {
    const position = state.get(POSITION) ?? "";
    const path = `${AGENT_PATHS.sync}?since=${encodeURIComponent(position)}`;
    const read = (value: unknown) => SyncAnswer.parse(value);
    const answer = await client.request("GET", path, undefined, read, { signal });
    if (signal.aborted) return undefined;
    if (answer.kind !== "ok") {
      const isPosition = answer.kind === "refused" && answer.error.code === "bad_request" && position !== "";
      if (isPosition) {
        log.warn("the parent does not know how far its classifications were read: all are read again");
        state.set(POSITION, "");
      } else tellLink(answer, link);
      return answer;
    }
    const { updates, next } = answer.value;
    const kept = worthKeeping(updates, isFirst);
    if (kept.length > 0) auditor.applyClassifications(kept);
    if (updates.length === 0 || next === position) break;
    state.set(POSITION, next);
  }
  return undefined;
}

/** Until the signal aborts. */
export async function syncClassifications(options: SyncOptions, signal: AbortSignal): Promise<void> {
  const backoff = new Backoff({ maxMs: options.retryMaxMs });
  while (!signal.aborted) {
    await options.link.up(signal);
    if (signal.aborted) return;
    const failure = await syncOnce(options, signal);
    if (failure === undefined) backoff.reset();
    await pause(failure === undefined ? jittered(SYNC_MS) : backoff.next(askedWaitMs(failure)), signal);
  }
}
