/**
 * API keys: `wbk_<id>_<secret>`, of which only the secret's argon2id hash is stored. One that was verified is remembered for a
 * short time by the SHA-256 of its secret, for argon2id at each request would be too slow; a revoked one is forgotten at once.
 */
import { createHash, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import { WbError } from "../../model/errors.ts";
import type { Caller, ServerClock } from "../context.ts";
import type { PeopleStore } from "../../store/fleet/contract.ts";
import { hashSecret, isSecret } from "./passwords.ts";

const REMEMBERED_MS = 30_000;
const REMEMBERED_MAX = 1000;

export interface ParsedKey {
  readonly id: string;
  readonly secret: string;
}

/** Undefined where the text is no API key. */
export function parseApiKey(text: string): ParsedKey | undefined {
  const [, id, secret] = /^wbk_([0-9a-f]{16})_([\w-]{43})$/.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export interface NewKey extends ParsedKey {
  /** What its owner keeps; told once. */
  readonly text: string;
  readonly secretHash: string;
}

export async function newApiKey(): Promise<NewKey> {
  const id = randomBytes(8).toString("hex");
  const secret = randomBytes(32).toString("base64url");
  return { id, secret, text: `wbk_${id}_${secret}`, secretHash: await hashSecret(secret) };
}

interface Remembered {
  readonly caller: Caller;
  readonly digest: string;
  /** Monotonic. */
  readonly untilMs: number;
  /** Of the key itself, wall. */
  readonly expiresAtMs: number | null;
}

export class KeyVerifier {
  readonly #people: PeopleStore;
  readonly #clock: ServerClock;
  readonly #remembered = new LRUCache<string, Remembered>({ max: REMEMBERED_MAX });
  /** Rises with each revocation: what began before it is not remembered. */
  #revocations = 0;

  constructor(people: PeopleStore, clock: ServerClock) {
    this.#people = people;
    this.#clock = clock;
  }

  /** Whose key it is, as far as that is known without any work. */
  remembered({ id, secret }: ParsedKey): Caller | undefined {
    const known = this.#remembered.get(id);
    if (known === undefined || known.digest !== digestOf(secret)) return undefined;
    if (known.untilMs < this.#clock.monotonicMs()) return undefined;
    if (known.expiresAtMs !== null && known.expiresAtMs <= this.#clock.now()) return undefined;
    return known.caller;
  }

  /**
   * Undefined where it is unknown, wrong, expired or revoked. Only a key that is good for something costs a hash: an id has 64
   * random bits, so that nobody finds out any by the time, and who makes them up must not keep those from their turn who have one.
   * `beforeHash` is called before that, and may throw.
   */
  async verify({ id, secret }: ParsedKey, beforeHash: () => void): Promise<Caller | undefined> {
    const revocations = this.#revocations;
    const stored = await this.#people.key(id);
    const nowMs = this.#clock.now();
    const isUsable =
      stored !== undefined && !stored.revoked && (stored.expiresAtMs === null || stored.expiresAtMs > nowMs);
    if (!isUsable) return undefined;
    beforeHash();
    if (!(await isSecret(secret, stored.secretHash))) return undefined;
    const caller: Caller = { kind: "key", id, name: stored.name, role: stored.role };
    if (revocations === this.#revocations) {
      this.#remembered.set(id, {
        caller,
        digest: digestOf(secret),
        untilMs: this.#clock.monotonicMs() + REMEMBERED_MS,
        expiresAtMs: stored.expiresAtMs,
      });
    }
    await this.#touch(id, nowMs);
    return caller;
  }

  /** When it was used last is no reason to refuse it: while the disk is full people must see what the parent has. */
  async #touch(id: string, nowMs: number): Promise<void> {
    try {
      await this.#people.touchKey(id, nowMs);
    } catch (error) {
      if (!(error instanceof WbError) || error.code !== "storage") throw error;
    }
  }

  forget(id: string): void {
    this.#revocations += 1;
    this.#remembered.delete(id);
  }
}

function digestOf(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
