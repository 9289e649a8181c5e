/**
 * One question to the API that knows more programs than the built-in list, in the seed's shapes. It never throws for what the
 * network or the other side does: what comes back is an answer, a reason to try again later, or a refusal. Only what is listed
 * here is sent, sanitized once more; the key is sent to the configured address only.
 */
import { WbError } from "../../model/errors.ts";
import type { ProcessCategory } from "../../model/categories.ts";
import { sanitizeName, sanitizePath } from "../../lib/sanitize.ts";
import {
  ClassifyAnswer,
  ClassifyAnswerV2,
  type ClassificationRequest,
} from "../../protocol/fleet/classification.ts";

const PATH_V2 = "/api/v2/classify-processes";
const PATH_V1 = "/api/v1/processes/classify";
const ANSWER_BYTES_MAX = 1024 * 1024;
const RETRY_AFTER_MAX_MS = 3_600_000;
const TIMEOUT_MS = 15_000;

export interface UpstreamSettings {
  /** `https://host[/base]` is asked in the second form; an address that ends with the first form's path, in the first. */
  readonly url: string;
  readonly key: string | null;
  readonly timeoutMs?: number | undefined;
}

export interface UpstreamClassification {
  readonly fingerprintHash: string;
  readonly category: ProcessCategory;
  readonly confidence: number;
  /** How the other side knows, for the history: `upstream: community, by PLUGIN`. */
  readonly origin: string;
}

export type UpstreamOutcome =
  | {
      readonly kind: "answered";
      readonly classifications: readonly UpstreamClassification[];
      /** Unix ms; undefined where it was not said. */
      readonly cacheUntilMs: number | undefined;
    }
  /** 429, 5xx, or no usable answer. `retryAfterMs` where the other side said when. */
  | { readonly kind: "failed"; readonly reason: string; readonly retryAfterMs: number | undefined }
  /** Asking the same again would be refused again. */
  | { readonly kind: "refused"; readonly reason: string };

export class UpstreamClient {
  readonly #settings: UpstreamSettings;
  readonly #endpoint: string;
  readonly #isFirstForm: boolean;

  /** @throws WbError("config") where the address is none. */
  constructor(settings: UpstreamSettings) {
    const url = URL.parse(settings.url);
    if (url === null || !["http:", "https:"].includes(url.protocol) || url.username !== "") {
      throw new WbError("config", `the address of the upstream classification is none: ${settings.url}`, {
        hint: "give it as https://host, and the key apart from it",
      });
    }
    const base = settings.url.replace(/[?#].*$/, "").replace(/\/+$/, "");
    this.#settings = settings;
    this.#isFirstForm = base.endsWith(PATH_V1);
    this.#endpoint = this.#isFirstForm || base.endsWith(PATH_V2) ? base : base + PATH_V2;
  }

  async classify(
    agentId: string,
    requests: readonly ClassificationRequest[],
    context: { readonly signal: AbortSignal; readonly nowMs: number },
  ): Promise<UpstreamOutcome> {
    // By hand and not by AbortSignal.any, which in Bun 1.4.4 keeps what follows a long-lived signal for as long as that lives.
    const ending = new AbortController();
    const end = (): void => ending.abort();
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      end();
    }, this.#settings.timeoutMs ?? TIMEOUT_MS);
    context.signal.addEventListener("abort", end, { once: true });
    try {
      const response = await fetch(this.#endpoint, {
        method: "POST",
        // A redirect would take the key elsewhere.
        redirect: "error",
        headers: this.#headers(agentId),
        body: JSON.stringify(this.#isFirstForm ? firstForm(requests) : secondForm(agentId, requests)),
        signal: ending.signal,
      });
      if (!response.ok) {
        await response.body?.cancel();
        return refusal(response, context.nowMs);
      }
      const value = JSON.parse(await boundedText(response)) as unknown;
      return this.#isFirstForm ? readFirstForm(value) : readSecondForm(value);
    } catch (error) {
      const reason = isLate ? "it did not answer in time" : reasonOf(error);
      return { kind: "failed", reason, retryAfterMs: undefined };
    } finally {
      clearTimeout(timer);
      context.signal.removeEventListener("abort", end);
    }
  }

  #headers(agentId: string): Record<string, string> {
    const { key } = this.#settings;
    return {
      "content-type": "application/json",
      accept: "application/json",
      "x-agent-id": agentId,
      ...(key === null ? {} : { authorization: `Bearer ${key}` }),
    };
  }
}

/** What is sent, and no more: each field is named here. */
function sanitized(request: ClassificationRequest): ClassificationRequest {
  const { fingerprintHash, name, path, fileHash, signature, publisher, version } = request;
  const text = (value: string | null) => (value === null ? null : sanitizeName(value));
  return {
    fingerprintHash,
    name: sanitizeName(name),
    path: path === null ? null : sanitizePath(path),
    fileHash,
    signature: text(signature),
    publisher: text(publisher),
    version: text(version),
  };
}

function firstForm(requests: readonly ClassificationRequest[]): unknown {
  return { processes: requests.map(sanitized) };
}

function secondForm(agentId: string, requests: readonly ClassificationRequest[]): unknown {
  const processes = requests.map(sanitized).map((request) => ({
    fingerprint_hash: request.fingerprintHash,
    name: request.name,
    path: request.path,
    file_hash: request.fileHash,
    signature: request.signature,
    publisher: request.publisher,
    version: request.version,
  }));
  return { agent_id: agentId, processes };
}

function readFirstForm(value: unknown): UpstreamOutcome {
  const parsed = ClassifyAnswer.safeParse(value);
  if (!parsed.success) return unusable(parsed.error.issues[0]?.message);
  const classifications = parsed.data.classifications.map((each) => ({
    fingerprintHash: each.fingerprintHash,
    category: each.classification,
    confidence: each.confidence,
    origin: originOf(each.source, each.suggestedBy),
  }));
  return { kind: "answered", classifications, cacheUntilMs: undefined };
}

function readSecondForm(value: unknown): UpstreamOutcome {
  const parsed = ClassifyAnswerV2.safeParse(value);
  if (!parsed.success) return unusable(parsed.error.issues[0]?.message);
  const classifications = parsed.data.classifications.map((each) => ({
    fingerprintHash: each.fingerprint_hash,
    category: each.classification,
    confidence: each.confidence,
    origin: originOf(each.source, each.suggested_by),
  }));
  const cacheUntilMs = Date.parse(parsed.data.cache_until);
  return {
    kind: "answered",
    classifications,
    cacheUntilMs: Number.isNaN(cacheUntilMs) ? undefined : cacheUntilMs,
  };
}

function originOf(source: string, suggestedBy: string | undefined): string {
  return `upstream: ${source}${suggestedBy === undefined ? "" : `, by ${sanitizeName(suggestedBy)}`}`;
}

function unusable(message: string | undefined): UpstreamOutcome {
  const reason = `its answer has another shape: ${message ?? "unknown"}`;
  return { kind: "failed", reason, retryAfterMs: undefined };
}

function refusal(response: Response, nowMs: number): UpstreamOutcome {
  const reason = `it answered ${response.status}`;
  const isTemporary = response.status === 429 || response.status === 408 || response.status >= 500;
  if (!isTemporary) return { kind: "refused", reason };
  return {
    kind: "failed",
    reason,
    retryAfterMs: parseRetryAfter(response.headers.get("retry-after"), nowMs),
  };
}

/** Seconds or a date (RFC 9110, section 10.2.3), as milliseconds from now, at most an hour; undefined where it is neither. */
export function parseRetryAfter(text: string | null, nowMs: number): number | undefined {
  if (text === null) return undefined;
  const trimmed = text.trim();
  const ms = /^\d{1,10}$/.test(trimmed) ? Number(trimmed) * 1000 : Date.parse(trimmed) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), RETRY_AFTER_MAX_MS);
}

/** @throws RangeError where it is longer than any answer can be. */
async function boundedText(response: Response): Promise<string> {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let bytes = 0;
  let text = "";
  const chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[] = response.body ?? [];
  for await (const chunk of chunks) {
    bytes += chunk.byteLength;
    if (bytes > ANSWER_BYTES_MAX) throw new RangeError("its answer is too long");
    text += decoder.decode(chunk, { stream: true });
  }
  return text + decoder.decode();
}

function reasonOf(error: unknown): string {
  if (error instanceof SyntaxError) return "its answer is no JSON";
  return error instanceof Error ? error.message : String(error);
}
