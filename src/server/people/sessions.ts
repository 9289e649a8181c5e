/**
 * Sessions of the page: a random token in a cookie, of which only the SHA-256 is stored. They end 12 hours after the login,
 * after 2 hours without a request, at a logout, and with their user. When a session was used last is kept in memory: a
 * restart of the parent begins the two hours anew, never the twelve.
 */
import { createHash, randomBytes } from "node:crypto";
import { LRUCache } from "lru-cache";
import type { Caller, ServerClock } from "../context.ts";
import type { Actor, PeopleStore } from "../../store/fleet/contract.ts";

export const SESSION_COOKIE = "wb_session";
export const SESSION_MS = 12 * 3_600_000;
export const SESSION_IDLE_MS = 2 * 3_600_000;
const REMEMBERED_MAX = 10_000;
const TOKEN_BYTES = 32;

export class Sessions {
  readonly #people: PeopleStore;
  readonly #clock: ServerClock;
  /** Monotonic, by the token's hash. */
  readonly #lastUsedMs = new LRUCache<string, number>({ max: REMEMBERED_MAX });

  constructor(people: PeopleStore, clock: ServerClock) {
    this.#people = people;
    this.#clock = clock;
  }

  /** The token for the cookie. */
  async begin(userId: string, actor: Actor): Promise<string> {
    const token = randomBytes(TOKEN_BYTES).toString("base64url");
    const tokenHash = hashOf(token);
    const nowMs = this.#clock.now();
    await this.#people.createSession(
      { tokenHash, userId, createdAtMs: nowMs, expiresAtMs: nowMs + SESSION_MS },
      actor,
    );
    this.#lastUsedMs.set(tokenHash, this.#clock.monotonicMs());
    return token;
  }

  /** Whose it is; undefined where there is none, or it has ended. */
  async find(token: string): Promise<Caller | undefined> {
    if (!/^[\w-]{43}$/.test(token)) return undefined;
    const tokenHash = hashOf(token);
    const found = await this.#people.session(tokenHash, this.#clock.now());
    if (found === undefined) return undefined;
    const { id, name, role } = found.user;
    const monotonicMs = this.#clock.monotonicMs();
    const lastMs = this.#lastUsedMs.get(tokenHash) ?? monotonicMs;
    if (monotonicMs - lastMs > SESSION_IDLE_MS) {
      await this.#people.endSession(tokenHash, { name, address: null }, this.#clock.now());
      return undefined;
    }
    this.#lastUsedMs.set(tokenHash, monotonicMs);
    return { kind: "user", id, name, role };
  }

  /** Whether it has not ended; asking is no use of it. */
  async isOpen(token: string): Promise<boolean> {
    return (await this.#people.session(hashOf(token), this.#clock.now())) !== undefined;
  }

  async end(token: string, actor: Actor): Promise<void> {
    const tokenHash = hashOf(token);
    this.#lastUsedMs.delete(tokenHash);
    await this.#people.endSession(tokenHash, actor, this.#clock.now());
  }
}

function hashOf(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
