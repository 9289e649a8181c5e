/**
 * How often clients may do what costs the helper something: connect and fail, and begin sessions, by user; ask, by process; have processes
 * looked at, by user; and who gives up a session where all are taken, so that no user can keep the others out.
 */
import { TokenBuckets } from "../lib/token-bucket.ts";

export const SESSIONS_MAX = 10;
export const REQUESTS_PER_SECOND = 100;
/** A client that is refused so often in a second, and asks on, does not listen. */
const FLOOD_PER_SECOND = 1000;
/** Connections that have not proved anything yet: of all users, and of one. */
const STRANGERS_MAX = 32;
const STRANGERS_OF_USER_MAX = 8;
/** Connections of one user that come to nothing: so many at once, then so many per second. */
const ATTEMPTS_MAX = 20;
const ATTEMPTS_PER_SECOND = 2;
/** Sessions that one user begins: so many at once, then so many per second. Each is some work, and two lines of the log. */
const BEGINNINGS_MAX = 100;
const BEGINNINGS_PER_SECOND = 10;
/** What it costs beside to run something else: an executable may have been read as a whole to know (130 ms of work). */
const FOREIGN_EXECUTABLE_ATTEMPTS = 4;
/** Processes that one user has looked at in /proc, each a tenth of a millisecond: so many at once, then so many per second. */
const LOOKS_MAX = 4000;
const LOOKS_PER_SECOND = 1000;

/** A process, by pid and start: what a rate of requests belongs to, however many sessions it has. */
export type ClientKey = string;

/** All times are milliseconds of a clock that never goes back; what is returned are the milliseconds to wait, 0 for none. */
export class Quotas {
  readonly #attempts = new TokenBuckets(ATTEMPTS_MAX, ATTEMPTS_PER_SECOND);
  readonly #beginnings = new TokenBuckets(BEGINNINGS_MAX, BEGINNINGS_PER_SECOND);
  readonly #requests = new TokenBuckets(REQUESTS_PER_SECOND, REQUESTS_PER_SECOND);
  readonly #floods = new TokenBuckets(FLOOD_PER_SECOND, FLOOD_PER_SECOND);
  readonly #looks = new TokenBuckets(LOOKS_MAX, LOOKS_PER_SECOND);

  /** A connection of the user; `succeeded` gives it back. */
  attempt(userId: number, nowMs: number): number {
    return this.#attempts.of(`${userId}`, nowMs).take(nowMs);
  }

  succeeded(userId: number, nowMs: number): void {
    this.#attempts.of(`${userId}`, nowMs).giveBack();
  }

  foreignExecutable(userId: number, nowMs: number): void {
    this.#attempts.of(`${userId}`, nowMs).charge(nowMs, FOREIGN_EXECUTABLE_ATTEMPTS);
  }

  begin(userId: number, nowMs: number): number {
    return this.#beginnings.of(`${userId}`, nowMs).take(nowMs);
  }

  request(client: ClientKey, nowMs: number): number {
    return this.#requests.of(client, nowMs).take(nowMs);
  }

  /** Whether one that is refused by `request` asks on so often that it is to be cut off. */
  isFlood(client: ClientKey, nowMs: number): boolean {
    return this.#floods.of(client, nowMs).take(nowMs) > 0;
  }

  look(userId: number, processes: number, nowMs: number): number {
    return this.#looks.of(`${userId}`, nowMs).take(nowMs, processes);
  }
}

/** Whether there are more strangers than may be: `userIds` of all of them, the one that has just come included. */
export function isCrowded(userIds: readonly number[], userId: number): boolean {
  return (
    userIds.length > STRANGERS_MAX || userIds.filter((each) => each === userId).length > STRANGERS_OF_USER_MAX
  );
}

/** A session, as far as sharing them out is concerned; in the order in which they came. */
interface Holder {
  readonly userId: number;
}

/**
 * Where all sessions are taken: the one that has to end for another one of `userId`, the latest of the user that has the
 * most. Undefined where that user would have fewer afterwards than the newcomer: then nobody gives way.
 */
export function whoGivesWay<T extends Holder>(holders: readonly T[], userId: number): T | undefined {
  const counts = new Map<number, number>();
  for (const holder of holders) counts.set(holder.userId, (counts.get(holder.userId) ?? 0) + 1);
  const most = Math.max(0, ...counts.values());
  if (most < (counts.get(userId) ?? 0) + 2) return undefined;
  return holders.findLast((holder) => counts.get(holder.userId) === most);
}
