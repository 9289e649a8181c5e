/**
 * Decides what programs are. Fingerprints that come in are looked up in the built-in list at once and upstream in the
 * background; a person's word is stored, told and stays. Bounded everywhere; nothing here delays or fails what an agent sends.
 */
import { builtinCategory } from "../../engine/classification/builtin.ts";
import type { ClassificationEntry } from "../../model/fleet.ts";
import type { ClassificationRequest } from "../../protocol/fleet/classification.ts";
import { fingerprintHashOf } from "../../protocol/fleet/fingerprint.ts";
import type { Actor } from "../../store/fleet/contract.ts";
import type { ClassificationDesk, ServerClock } from "../context.ts";
import { publishEntries, tellAgents, type Teller } from "./telling.ts";
import { UpstreamClient, type UpstreamClassification, type UpstreamSettings } from "./upstream-client.ts";
import { UPSTREAM_TIMING, UpstreamQueue, type UpstreamQueueTiming } from "./upstream-queue.ts";

const WAITING_MAX = 20_000;
const CHUNK_MAX = 200;
const STORAGE_RETRY_MS = 30_000;

export interface ClassificationDeskOptions extends Teller {
  readonly clock: ServerClock;
  readonly upstream?:
    | (UpstreamSettings & { readonly timing?: Partial<UpstreamQueueTiming> | undefined })
    | undefined;
}

export interface RunningDesk extends ClassificationDesk {
  /** Resolves when what came in so far is decided as far as it can be without upstream, and all that decided is told. */
  settled(): Promise<void>;
}

/** @throws WbError("config") where the address of upstream is none. */
export function createClassificationDesk(options: ClassificationDeskOptions): RunningDesk {
  return new Desk(options);
}

class Desk implements RunningDesk {
  readonly #options: ClassificationDeskOptions;
  readonly #upstream: UpstreamQueue | undefined;
  readonly #waiting = new Map<string, ClassificationRequest>();
  readonly #telling = new Set<Promise<void>>();
  #deciding: Promise<void> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(options: ClassificationDeskOptions) {
    this.#options = options;
    this.#upstream = this.#openUpstream();
    options.stopping.addEventListener("abort", () => clearTimeout(this.#retry), { once: true });
  }

  seen(fingerprints: readonly ClassificationRequest[]): void {
    for (const fingerprint of fingerprints) {
      // Otherwise an agent could have another's program classified by what it says of its own.
      if (fingerprintHashOf(fingerprint) !== fingerprint.fingerprintHash)
        this.#options.metrics.add("wb_classification_forged_total", {});
      else if (this.#waiting.size >= WAITING_MAX)
        this.#options.metrics.add("wb_classification_dropped_total", {});
      else this.#waiting.set(fingerprint.fingerprintHash, fingerprint);
    }
    this.#start();
  }

  async override(
    fingerprintHash: string,
    category: ClassificationEntry["category"],
    reason: string | null,
    actor: Actor,
  ): Promise<ClassificationEntry | undefined> {
    const { store, clock, metrics } = this.#options;
    const entry = await store.classifications.override(fingerprintHash, category, reason, actor, clock.now());
    if (entry === undefined) return undefined;
    metrics.add("wb_classifications_total", { source: "parent_override" });
    publishEntries(this.#options, [entry]);
    this.#tell([entry]);
    return entry;
  }

  async settled(): Promise<void> {
    while (this.#deciding !== undefined || this.#telling.size > 0) {
      await this.#deciding;
      await Promise.all(this.#telling);
    }
  }

  /** In the background: a person does not wait until ten thousand agents have their command. */
  #tell(entries: readonly ClassificationEntry[]): void {
    const telling = tellAgents(this.#options, entries).finally(() => this.#telling.delete(telling));
    this.#telling.add(telling);
  }

  #start(): void {
    if (this.#deciding !== undefined || this.#retry !== undefined || this.#waiting.size === 0) return;
    if (this.#options.stopping.aborted) return;
    this.#deciding = this.#decideAll().finally(() => {
      this.#deciding = undefined;
      this.#start();
    });
  }

  /** Never rejects. What can't be stored now is tried again. */
  async #decideAll(): Promise<void> {
    while (this.#waiting.size > 0 && !this.#options.stopping.aborted) {
      const chunk = [...this.#waiting.values()].slice(0, CHUNK_MAX);
      try {
        await this.#decide(chunk);
      } catch (error) {
        if (this.#options.stopping.aborted) return;
        this.#options.log.warn("classifications can't be stored; they are tried again", { error });
        this.#retry = setTimeout(() => {
          this.#retry = undefined;
          this.#start();
        }, STORAGE_RETRY_MS);
        this.#retry.unref();
        return;
      }
      for (const request of chunk) {
        // What came in again meanwhile with other facts stays.
        if (this.#waiting.get(request.fingerprintHash) === request)
          this.#waiting.delete(request.fingerprintHash);
      }
    }
  }

  async #decide(requests: readonly ClassificationRequest[]): Promise<void> {
    const { store, clock, metrics } = this.#options;
    const known = await store.classifications.getMany(requests.map((each) => each.fingerprintHash));
    const changed: string[] = [];
    for (const request of requests) {
      const entry = known.get(request.fingerprintHash);
      if (entry !== undefined && entry.category !== "unknown") {
        // What upstream said may be valid no longer; the queue knows.
        if (entry.source === "upstream") this.#upstream?.add(request);
        continue;
      }
      if (entry?.source === "parent_override") continue; // a person says that it is unknown
      const found = builtinCategory(request);
      if (found === undefined) this.#upstream?.add(request);
      // What nobody knows is listed as that, so that a person finds it; any other word replaces it.
      const { category, confidence } = found ?? { category: "unknown", confidence: 0 };
      if (entry?.category === category) continue;
      const wasStored = await store.classifications.classify(
        request,
        category,
        "builtin",
        confidence,
        null,
        clock.now(),
      );
      if (!wasStored) continue;
      metrics.add("wb_classifications_total", { source: "builtin" });
      changed.push(request.fingerprintHash);
    }
    // Agents have the same list, and need not be told.
    publishEntries(this.#options, await this.#entries(changed));
  }

  async #entries(hashes: readonly string[]): Promise<ClassificationEntry[]> {
    if (hashes.length === 0) return [];
    return [...(await this.#options.store.classifications.getMany(hashes)).values()];
  }

  #openUpstream(): UpstreamQueue | undefined {
    const { upstream, clock, log, metrics, stopping, store } = this.#options;
    if (upstream === undefined) return undefined;
    return new UpstreamQueue({
      client: new UpstreamClient(upstream),
      clock,
      log,
      metrics,
      stopping,
      timing: { ...UPSTREAM_TIMING, ...upstream.timing },
      agentId: async () => (await store.setting("parent_id")) ?? "wirebound",
      learned: (found) => this.#learned(found),
    });
  }

  async #learned(
    found: readonly { request: ClassificationRequest; answer: UpstreamClassification }[],
  ): Promise<void> {
    const { store, clock, metrics } = this.#options;
    const changed: string[] = [];
    for (const { request, answer } of found) {
      const { category, confidence, origin } = answer;
      const before = await store.classifications.get(request.fingerprintHash);
      if (before?.source === "upstream" && before.category === category) continue;
      const wasStored = await store.classifications.classify(
        request,
        category,
        "upstream",
        confidence,
        origin,
        clock.now(),
      );
      if (!wasStored) continue;
      metrics.add("wb_classifications_total", { source: "upstream" });
      changed.push(request.fingerprintHash);
    }
    const entries = await this.#entries(changed);
    publishEntries(this.#options, entries);
    if (entries.length > 0) this.#tell(entries);
  }
}
