/** What is known of programs, at once: the store's word, else the built-in list's, else `unknown` while upstream is asked. */
import { builtinCategory } from "../../engine/classification/builtin.ts";
import type { ClassificationSource } from "../../model/categories.ts";
import type { ClassificationEntry } from "../../model/fleet.ts";
import type { ClassificationRequest, ClassificationResponse } from "../../protocol/fleet/classification.ts";
import type { ServerContext } from "../context.ts";

/** The seed's words for who said so. */
const SOURCES = {
  builtin: "database",
  upstream: "ml_model",
  community: "community",
  parent_override: "parent_override",
} as const satisfies Record<ClassificationSource, ClassificationResponse["source"]>;

export function seedSource(source: ClassificationSource): ClassificationResponse["source"] {
  return SOURCES[source];
}

/** In the order of the questions. `mayTeach`: what is new is stored, and asked upstream. */
export async function classifyNow(
  context: ServerContext,
  requests: readonly ClassificationRequest[],
  mayTeach: boolean,
): Promise<ClassificationResponse[]> {
  const hashes = requests.map((request) => request.fingerprintHash);
  const known = await context.store.classifications.getMany(hashes);
  if (mayTeach) context.classifications.seen(requests);
  return requests.map((request) => answerTo(request, known.get(request.fingerprintHash)));
}

function answerTo(
  request: ClassificationRequest,
  entry: ClassificationEntry | undefined,
): ClassificationResponse {
  const { fingerprintHash } = request;
  const isDecided =
    entry !== undefined && (entry.category !== "unknown" || entry.source === "parent_override");
  if (isDecided) {
    const { category, confidence, source } = entry;
    // A person's word needs no confidence.
    return {
      fingerprintHash,
      classification: category,
      confidence: confidence ?? 1,
      source: seedSource(source),
    };
  }
  const found = builtinCategory(request);
  return found === undefined
    ? { fingerprintHash, classification: "unknown", confidence: 0, source: "database" }
    : { fingerprintHash, classification: found.category, confidence: found.confidence, source: "database" };
}
