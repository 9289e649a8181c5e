/** The classification endpoints of the seed: classify, suggest, sync and override, and the second form of classify and sync. */
import { createRoute, z } from "@hono/zod-openapi";
import {
  ClassifyAnswer,
  ClassifyAnswerV2,
  ClassifyBody,
  ClassifyBodyV2,
  OverrideBody,
  SuggestBody,
  SyncAnswer,
  SyncAnswerV2,
  type ClassificationUpdate,
} from "../../protocol/fleet/classification.ts";
import { CATEGORIES, CLASSIFICATION_SOURCES } from "../../model/categories.ts";
import { AGENT_PATHS } from "../../protocol/fleet/paths.ts";
import { describeAgentRoute } from "../agents/describe-route.ts";
import { readBodyAs } from "../agents/json-body.ts";
import type { App, ServerContext } from "../context.ts";
import { answers, jsonBody, pageOf } from "../http/answers.ts";
import { FleetError } from "../http/errors.ts";
import { actorOf, forRole } from "../people/guard.ts";
import {
  asked,
  askedPage,
  FingerprintHash,
  given,
  PageFields,
  Search,
  wholePage,
} from "../reading/asking.ts";
import { ChangeSchema, ClassificationSchema } from "../reading/schemas.ts";
import { classifyNow, seedSource } from "./answers.ts";
import { askerOf, mayTeach, requireAgentOrRole } from "./guard.ts";
import { publishEntries, tellAgents } from "./telling.ts";

/** How long an answer of the second form may be kept where all is known, and where something is not. */
const KNOWN_MS = 24 * 3_600_000;
const UNKNOWN_MS = 5 * 60_000;
const SYNC_AGAIN_MS = 5 * 60_000;
const API_VERSION = "2.0.0";
const SYNC_PAGE = 1000;
/** Of one answer of the second form, which has no cursor: some 9 MB. */
const SYNC_PAGES_MAX = 50;

const SinceQuery = z.object({ since: z.string().max(64).default("") });
const Override = z.strictObject(OverrideBody.shape).openapi({
  example: { fingerprintHash: "5f".repeat(32), classification: "game", reason: "it is one" },
});
const SuggestAnswer = z.object({ success: z.boolean(), suggestions: z.int(), applied: z.boolean() });

export function registerClassificationRoutes(app: App, context: ServerContext): void {
  registerAsking(app, context);
  registerSuggesting(app, context);
  registerSync(app, context);
  registerPeople(app, context);
}

function registerAsking(app: App, context: ServerContext): void {
  const guard = requireAgentOrRole(context, "viewer");
  const path = AGENT_PATHS.classify;
  describeAgentRoute(app, {
    method: "post",
    path,
    summary: "What these programs are",
    role: "viewer",
    body: ClassifyBody,
    answer: ClassifyAnswer,
  });
  app.post(path, guard, async (c) => {
    const { processes } = readBodyAs(ClassifyBody, c.get("rawBody"));
    return c.json({ classifications: await classifyNow(context, processes, mayTeach(askerOf(c))) });
  });
  describeAgentRoute(app, {
    method: "post",
    path: AGENT_PATHS.classifyV2,
    summary: "What these programs are, in the second form",
    role: "viewer",
    body: ClassifyBodyV2,
    answer: ClassifyAnswerV2,
  });
  app.post(AGENT_PATHS.classifyV2, guard, async (c) => {
    const body = readBodyAs(ClassifyBodyV2, c.get("rawBody"));
    const asker = askerOf(c);
    if (asker.kind === "agent" && body.agent_id !== asker.id) {
      throw new FleetError("forbidden", "an agent asks for itself only: agent_id is another's");
    }
    return c.json(await secondForm(context, body, mayTeach(asker)));
  });
}

async function secondForm(
  context: ServerContext,
  body: z.infer<typeof ClassifyBodyV2>,
  isTeaching: boolean,
): Promise<z.infer<typeof ClassifyAnswerV2>> {
  const requests = body.processes.map(({ fingerprint_hash, file_hash, ...rest }) => ({
    fingerprintHash: fingerprint_hash,
    fileHash: file_hash,
    ...rest,
  }));
  const found = await classifyNow(context, requests, isTeaching);
  const validMs = found.some(({ classification }) => classification === "unknown") ? UNKNOWN_MS : KNOWN_MS;
  return {
    classifications: found.map(({ fingerprintHash, classification, confidence, source }) => ({
      fingerprint_hash: fingerprintHash,
      classification,
      confidence,
      // The second form has no word for a person's: it is what the database says.
      source: source === "parent_override" ? "database" : source,
    })),
    cache_until: new Date(context.clock.now() + validMs).toISOString(),
    api_version: API_VERSION,
  };
}

function registerSuggesting(app: App, context: ServerContext): void {
  const path = AGENT_PATHS.suggest;
  describeAgentRoute(app, {
    method: "post",
    path,
    summary:
      "Suggest what a program is; three agents that say the same are believed, unless a person said otherwise",
    role: "operator",
    body: SuggestBody,
    answer: SuggestAnswer,
  });
  app.post(path, requireAgentOrRole(context, "operator"), async (c) => {
    const { fingerprintHash, classification, suggestedBy, confidence } = readBodyAs(
      SuggestBody,
      c.get("rawBody"),
    );
    await requireSeen(context, fingerprintHash);
    const { count, applied } = await context.store.classifications.suggest(
      {
        fingerprintHash,
        category: classification,
        suggestedBy,
        agentId: askerOf(c).id,
        confidence: confidence ?? null,
      },
      context.clock.now(),
    );
    context.metrics.add("wb_classification_suggestions_total", {});
    if (applied !== undefined) {
      context.metrics.add("wb_classifications_total", { source: "community" });
      publishEntries(context, [applied]);
      void tellAgents(context, [applied]);
    }
    return c.json({ success: true, suggestions: count, applied: applied !== undefined });
  });
}

/** Otherwise suggestions could be stored for programs that there are not, without end. */
async function requireSeen(context: ServerContext, fingerprintHash: string): Promise<void> {
  const { classifications } = context.store;
  if ((await classifications.get(fingerprintHash)) !== undefined) return;
  if ((await classifications.agentsWith(fingerprintHash)).length > 0) return;
  throw new FleetError("not_found", "no agent has told of this program");
}

function registerSync(app: App, context: ServerContext): void {
  const guard = requireAgentOrRole(context, "viewer");
  const { classifications } = context.store;
  const ways = [
    { path: AGENT_PATHS.sync, answer: SyncAnswer, summary: "What changed since `next` of the answer before" },
    {
      path: AGENT_PATHS.syncV2,
      answer: SyncAnswerV2,
      summary: "What changed since a time, in the second form",
    },
  ];
  for (const { path, answer, summary } of ways) {
    describeAgentRoute(app, { method: "get", path, summary, role: "viewer", query: SinceQuery, answer });
  }
  app.get(AGENT_PATHS.sync, guard, async (c) => {
    const since = sinceOf(c.req.query("since"));
    return c.json(await asked(classifications.updatesSince(since, SYNC_PAGE)));
  });
  app.get(AGENT_PATHS.syncV2, guard, async (c) => {
    const updates = await allSince(context, sinceOf(c.req.query("since")));
    return c.json({
      updates: updates.map(({ fingerprintHash, classification, source, updatedAt }) => ({
        fingerprint_hash: fingerprintHash,
        classification,
        source: seedSource(source),
        updated_at: updatedAt,
      })),
      next_sync_at: new Date(context.clock.now() + SYNC_AGAIN_MS).toISOString(),
    });
  });
}

function sinceOf(text: string | undefined): string {
  const parsed = SinceQuery.safeParse({ since: text });
  if (!parsed.success) throw new FleetError("bad_request", "since: this is no position and no time");
  return parsed.data.since;
}

async function allSince(context: ServerContext, since: string): Promise<ClassificationUpdate[]> {
  const all: ClassificationUpdate[] = [];
  let position = since;
  for (let pages = 0; pages < SYNC_PAGES_MAX; pages += 1) {
    const { updates, next } = await asked(context.store.classifications.updatesSince(position, SYNC_PAGE));
    all.push(...updates);
    if (updates.length < SYNC_PAGE) break;
    position = next;
  }
  return all;
}

function peopleRoutes(context: ServerContext) {
  const tags = ["classifications"];
  const viewer = forRole(context, "viewer");
  return {
    list: createRoute({
      method: "get",
      path: "/api/v1/classifications",
      tags,
      summary: "What programs are taken for, the last changed first",
      ...viewer,
      request: {
        query: z.strictObject({
          ...PageFields,
          category: z.enum(CATEGORIES).optional(),
          source: z.enum(CLASSIFICATION_SOURCES).optional(),
          search: Search,
        }),
      },
      responses: answers("A page of classifications", pageOf(ClassificationSchema)),
    }),
    history: createRoute({
      method: "get",
      path: "/api/v1/classifications/{hash}/history",
      tags,
      summary: "How it came to be, the newest first",
      ...viewer,
      request: { params: z.object({ hash: FingerprintHash }) },
      responses: answers("All changes", pageOf(ChangeSchema)),
    }),
    override: createRoute({
      method: "post",
      path: AGENT_PATHS.override,
      tags,
      summary: "Say what a program is; nothing but another person's word replaces it",
      ...forRole(context, "operator"),
      request: { body: jsonBody(Override) },
      responses: answers(
        "Stored, and told to all agents that have seen it",
        z.object({ success: z.literal(true), entry: ClassificationSchema }),
        404,
      ),
    }),
  };
}

function registerPeople(app: App, context: ServerContext): void {
  const { classifications } = context.store;
  const { list, history, override } = peopleRoutes(context);
  app.openapi(list, async (c) => {
    return c.json(await askedPage(classifications.list(given(c.req.valid("query")))), 200);
  });
  app.openapi(history, async (c) => {
    return c.json(wholePage(await classifications.history(c.req.valid("param").hash)), 200);
  });
  app.openapi(override, async (c) => {
    const { fingerprintHash, classification, reason } = c.req.valid("json");
    const actor = actorOf(c);
    const entry = await context.classifications.override(
      fingerprintHash,
      classification,
      reason ?? null,
      actor,
    );
    if (entry === undefined) throw new FleetError("not_found", "no agent has told of this program");
    return c.json({ success: true as const, entry }, 200);
  });
}
