/** Classification as the seed has it: the first form in camel case, the second (v2) in snake case. Schemas and their types. */
import { z } from "zod";
import { CATEGORIES, CLASSIFICATION_SOURCES } from "../../model/categories.ts";

export const fingerprintHash = z.string().regex(/^[0-9a-f]{64}$/);
const category = z.enum(CATEGORIES);
const name = z.string().min(1).max(255);
const path = z.string().max(4096).nullable();
const short = z.string().max(255).nullable();
const PROCESSES_MAX = 200;

export const ClassificationRequest = z.strictObject({
  fingerprintHash,
  name,
  path,
  fileHash: z.string().max(64).nullable(),
  signature: short,
  publisher: short,
  version: short,
});
export type ClassificationRequest = z.infer<typeof ClassificationRequest>;

export const ClassifyBody = z.strictObject({ processes: z.array(ClassificationRequest).max(PROCESSES_MAX) });

export const ClassificationResponse = z.object({
  fingerprintHash,
  classification: category,
  confidence: z.number().min(0).max(1),
  source: z.enum(["database", "ml_model", "community", "parent_override"]),
  suggestedBy: z.string().max(255).optional(),
});
export type ClassificationResponse = z.infer<typeof ClassificationResponse>;

export const ClassifyAnswer = z.object({
  classifications: z.array(ClassificationResponse).max(PROCESSES_MAX),
});

export const SuggestBody = z.strictObject({
  fingerprintHash,
  classification: category,
  /** A plugin's or an agent's id. */
  suggestedBy: z.string().min(1).max(100),
  confidence: z.number().min(0).max(1).optional(),
});

export const OverrideBody = z.strictObject({
  fingerprintHash,
  classification: category,
  reason: z.string().max(1000).optional(),
});

export const ClassificationUpdate = z.object({
  fingerprintHash,
  classification: category,
  source: z.enum(CLASSIFICATION_SOURCES),
  /** ISO 8601. */
  updatedAt: z.string(),
});
export type ClassificationUpdate = z.infer<typeof ClassificationUpdate>;

/** `next`: what to ask for `since` the next time; the same as it was where there is no more. */
export const SyncAnswer = z.object({ updates: z.array(ClassificationUpdate), next: z.string() });

export const ClassificationUpdates = z.object({ updates: z.array(ClassificationUpdate).max(1000) });

const ProcessV2 = z.strictObject({
  fingerprint_hash: fingerprintHash,
  name,
  path,
  file_hash: z.string().max(64).nullable(),
  signature: short,
  publisher: short,
  version: short,
});

export const ClassifyBodyV2 = z.strictObject({
  agent_id: z.string().max(64),
  processes: z.array(ProcessV2).max(PROCESSES_MAX),
});

export const ClassifyAnswerV2 = z.object({
  classifications: z
    .array(
      z.object({
        fingerprint_hash: fingerprintHash,
        classification: category,
        confidence: z.number().min(0).max(1),
        source: z.enum(["database", "ml_model", "community"]),
        suggested_by: z.string().max(255).optional(),
        metadata: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .max(PROCESSES_MAX),
  /** ISO 8601. */
  cache_until: z.string(),
  api_version: z.string(),
});

export const SyncAnswerV2 = z.object({
  updates: z.array(
    z.object({
      fingerprint_hash: fingerprintHash,
      classification: category,
      source: z.string(),
      updated_at: z.string(),
    }),
  ),
  next_sync_at: z.string(),
});
