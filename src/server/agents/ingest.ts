/**
 * From a signed batch to its answer: shape, who and for whom, signature and chain, then the queue and the store. A batch is
 * acknowledged only when it is on disk; everything else is a refusal that says where to go on or when to come back.
 */
import {
  BatchAnswer,
  SignedBatch,
  type BatchHeader,
  type StreamName,
} from "../../protocol/fleet/envelope.ts";
import { verifyBatch } from "../../protocol/fleet/verify-batch.ts";
import type { AgentRecord, IngestOutcome, VerifiedBatch } from "../../store/fleet/contract.ts";
import type { ServerContext } from "../context.ts";
import { FleetError } from "../http/errors.ts";
import { Aftermath } from "./aftermath.ts";
import { BatchQueue } from "./batch-queue.ts";
import { creditOf, RecentAgents, type Credit } from "./credit.ts";
import { readBodyAs } from "./json-body.ts";
import { Turnstile } from "./turnstile.ts";

/** A batch as it came, and from whom. */
export interface IncomingBatch {
  readonly agent: AgentRecord;
  readonly body: Uint8Array;
  /** Those that may come by this way. */
  readonly streams: readonly StreamName[];
  readonly address: string;
}

export interface Ingest {
  /** Resolves when it is stored. @throws FleetError */
  submit(incoming: IncomingBatch): Promise<BatchAnswer>;
  /** How much an agent may send next. */
  credit(): Credit;
  /** Stores what was taken. */
  stop(): Promise<void>;
}

export function createIngest(context: ServerContext): Ingest {
  const queue = new BatchQueue(context);
  const aftermath = new Aftermath(context);
  const turnstile = new Turnstile(() => context.clock.monotonicMs());
  const recent = new RecentAgents(context.clock.monotonicMs());
  const credit = (): Credit =>
    creditOf({
      queuedBytes: queue.bytes,
      queueBytesMax: context.limits.ingestQueueBytesMax,
      drainMs: queue.drainMs,
      isBroken: queue.isBroken,
      agents: recent.count(context.clock.monotonicMs()),
    });
  const submit = async (incoming: IncomingBatch): Promise<BatchAnswer> => {
    const { agent, body, address } = incoming;
    const receivedAtMs = context.clock.now();
    recent.note(agent.id, context.clock.monotonicMs());
    // Before anything is parsed: under pressure a refusal must be cheap.
    const place = queue.enter(agent.id, body.byteLength);
    const verified = await turnstile
      .run(() => verify(context, incoming, receivedAtMs))
      .catch((error: unknown) => {
        queue.leave(place);
        throw error;
      });
    const outcome = await queue.add(verified, place);
    const { header } = verified.batch;
    return answerOf(context, { header, outcome, aftermath, address, credit });
  };
  return {
    submit: async (incoming) => {
      try {
        return await submit(incoming);
      } catch (error) {
        const code = error instanceof FleetError ? error.code : "internal";
        context.metrics.add("wb_ingest_refusals_total", { code });
        throw error;
      }
    },
    credit,
    stop: async () => {
      await queue.stop();
      await aftermath.stop();
    },
  };
}

/** @throws FleetError for anything that is not as the agent signed it */
function verify(context: ServerContext, incoming: IncomingBatch, receivedAtMs: number): VerifiedBatch {
  const batch = readBodyAs(SignedBatch, incoming.body);
  checkHeader(context, batch.header, incoming);
  const verified = verifyBatch(batch, incoming.agent.publicKey);
  if ("problem" in verified) {
    context.metrics.add("wb_ingest_unverified_total", {});
    throw new FleetError("bad_request", `the batch does not verify: ${verified.problem}`);
  }
  return { batch, chains: verified.chains, receivedAtMs };
}

function checkHeader(context: ServerContext, header: BatchHeader, incoming: IncomingBatch): void {
  if (header.agentId !== incoming.agent.id) {
    throw new FleetError("forbidden", "this batch is not of the agent that sends it");
  }
  if (header.parentId !== context.identity.id) {
    throw new FleetError("bad_request", "this batch is signed for another parent");
  }
  if (!incoming.streams.includes(header.stream)) {
    throw new FleetError("bad_request", `the stream ${header.stream} does not come by this path`);
  }
}

function answerOf(
  context: ServerContext,
  stored: {
    header: BatchHeader;
    outcome: IngestOutcome;
    aftermath: Aftermath;
    address: string;
    credit: () => Credit;
  },
): BatchAnswer {
  const { header, outcome, aftermath, address, credit } = stored;
  if (outcome.kind === "stored") {
    aftermath.stored(header, outcome);
    context.metrics.add("wb_ingest_items_total", { stream: header.stream }, outcome.fresh.length);
    const { cursor, notLost } = outcome;
    return { cursor, notLost: [...notLost], ...credit() };
  }
  if (outcome.kind === "gap") {
    throw new FleetError("gap", "what comes before this batch is missing here", { cursor: outcome.cursor });
  }
  if (outcome.kind === "refused") throw new FleetError("bad_request", outcome.message.slice(0, 300));
  aftermath.conflict(header, outcome.atSeq, address);
  throw new FleetError("conflict", `another event is stored with the number ${outcome.atSeq}`, {
    cursor: outcome.atSeq - 1,
    hint: "the agent begins a new epoch",
  });
}
