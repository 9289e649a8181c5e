/**
 * In which category a program is: what a person or the parent said of it, else the built-in list, else unknown, and then the
 * parent is asked, once per program and run, in batches. An answer that doesn't come is asked for again later.
 */
import { LRUCache } from "lru-cache";
import { builtinCategory } from "../../engine/classification/builtin.ts";
import {
  CLASSIFICATION_SOURCES,
  type ClassificationSource,
  type ProcessCategory,
} from "../../model/categories.ts";
import type { ClassificationRequest, ClassificationUpdate } from "../../protocol/fleet/classification.ts";
import type { Fingerprint } from "../../protocol/fleet/payloads.ts";
import type { ProcessRegistryStore, StoredCategory } from "../../store/process-registry.ts";
import type { ClassificationAsker } from "../contract.ts";

const KNOWN_MAX = 2000;
const WAITING_MAX = 2000;
const BATCH_MAX = 200;
const RETRY_MS = 30_000;

export interface CategoriesOptions {
  readonly registry: ProcessRegistryStore;
  readonly asker: ClassificationAsker;
  /** Unix milliseconds. */
  readonly nowMs: () => number;
  /** Milliseconds of a clock that never jumps. */
  readonly monotonicMs: () => number;
  readonly onAnswers: (updates: readonly ClassificationUpdate[]) => void;
}

export class Categories {
  readonly #options: CategoriesOptions;
  readonly #known = new LRUCache<string, StoredCategory>({ max: KNOWN_MAX });
  readonly #asked = new LRUCache<string, true>({ max: KNOWN_MAX });
  readonly #waiting = new Map<string, ClassificationRequest>();
  #asking: Promise<void> | undefined;
  #notBeforeMs = 0;

  constructor(options: CategoriesOptions) {
    this.#options = options;
  }

  /** `isComplete`: whether the fingerprint is the final one, about which it is worth asking. */
  of(fingerprintHash: string, fingerprint: Fingerprint, isComplete: boolean): ProcessCategory {
    const said = this.#known.get(fingerprintHash) ?? this.#options.registry.category(fingerprintHash);
    if (said !== undefined) {
      this.#known.set(fingerprintHash, said);
      if (said.category !== "unknown" || said.source === "parent_override") return said.category;
    }
    const { name, path, publisher } = fingerprint;
    const builtin = builtinCategory({ name, path, publisher });
    if (builtin !== undefined) return builtin.category;
    if (isComplete) this.#want(fingerprintHash, fingerprint);
    return "unknown";
  }

  /** Takes what is said of programs; a weaker source never replaces a stronger one. Returns those that changed something. */
  apply(updates: readonly ClassificationUpdate[]): ClassificationUpdate[] {
    const applied = updates.filter((update) => {
      const { fingerprintHash, classification, source } = update;
      const before = this.#known.get(fingerprintHash) ?? this.#options.registry.category(fingerprintHash);
      if (before !== undefined && rank(source) < rank(before.source)) return false;
      this.#known.set(fingerprintHash, { category: classification, source });
      this.#waiting.delete(fingerprintHash);
      return before?.category !== classification || before.source !== source;
    });
    const stored = applied.map(({ fingerprintHash, classification, source }) => ({
      fingerprintHash,
      category: classification,
      source,
    }));
    if (stored.length > 0) this.#options.registry.setCategories(stored, this.#options.nowMs());
    return applied;
  }

  /** Asks for those that wait, if it is time to. Never rejects. */
  ask(): Promise<void> {
    if (this.#waiting.size === 0 || this.#options.monotonicMs() < this.#notBeforeMs) return Promise.resolve();
    this.#asking ??= this.#askOnce().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  async #askOnce(): Promise<void> {
    const batch = [...this.#waiting.values()].slice(0, BATCH_MAX);
    try {
      const answers = await this.#options.asker.ask(batch);
      // What was not answered is not known there either; it is told when it becomes so.
      for (const { fingerprintHash } of batch) {
        this.#waiting.delete(fingerprintHash);
        this.#asked.set(fingerprintHash, true);
      }
      this.#options.onAnswers(answers);
    } catch {
      this.#notBeforeMs = this.#options.monotonicMs() + RETRY_MS; // they wait on
    }
  }

  #want(fingerprintHash: string, fingerprint: Fingerprint): void {
    if (this.#asked.has(fingerprintHash) || this.#waiting.has(fingerprintHash)) return;
    if (this.#waiting.size >= WAITING_MAX) return; // asked for when it runs the next time
    const { name, path, fileHash, signature, publisher, version } = fingerprint;
    this.#waiting.set(fingerprintHash, {
      fingerprintHash,
      name,
      path,
      fileHash,
      signature,
      publisher,
      version,
    });
  }
}

function rank(source: ClassificationSource): number {
  return CLASSIFICATION_SOURCES.indexOf(source);
}
