/**
 * Whether the rows of an outbox agree with each other. SQLite's own check knows nothing of what they mean, and a flipped bit
 * in a number would break the account for good, so this is looked at each time the file is opened.
 */
import type { Database } from "bun:sqlite";
import { epochFromRow, type RawEpoch } from "./outbox-rows.ts";
import type { EpochRow } from "./outbox-schema.ts";

interface Found {
  readonly count: number;
  readonly bytes: number | null;
  readonly first: number | null;
  readonly last: number | null;
}

/** For a person: what does not agree; undefined where all does. */
export function inconsistencyOf(database: Database): string | undefined {
  const epochs = database.query<RawEpoch, []>("SELECT * FROM epoch").all().map(epochFromRow);
  const streams = new Set(epochs.map(({ stream }) => stream));
  for (const stream of streams) {
    const current = epochs.filter((each) => each.stream === stream && each.isCurrent);
    if (current.length !== 1) return `${stream} has ${current.length} current epochs`;
  }
  for (const epoch of epochs) {
    const problem = inconsistencyIn(database, epoch);
    if (problem !== undefined) return `${epoch.stream} ${epoch.epoch}: ${problem}`;
  }
  return hasStrays(database, new Set(epochs.map(({ id }) => id)))
    ? "there are events of no epoch"
    : undefined;
}

/** Steps from epoch to epoch in the table of events, without reading the rows between. */
function hasStrays(database: Database, known: ReadonlySet<number>): boolean {
  const next = database.query<{ id: number | null }, [number]>(
    "SELECT min(epoch_id) AS id FROM event WHERE epoch_id > ?",
  );
  let id = next.get(Number.MIN_SAFE_INTEGER)?.id ?? null;
  while (id !== null && known.has(id)) id = next.get(id)?.id ?? null;
  return id !== null;
}

function inconsistencyIn(database: Database, epoch: EpochRow): string | undefined {
  const { id, produced, acked, pending, pendingBytes, lost, cursor } = epoch;
  const numbers = [produced, acked, pending, pendingBytes, lost, cursor];
  if (numbers.some((number) => number < 0 || !Number.isSafeInteger(number))) return "a number is none";
  if (produced !== acked + pending + lost) return "produced is not acked + pending + lost";
  if (cursor > produced) return "its cursor is beyond its end";
  if (!/^[0-9a-f]{16}$/.test(epoch.epoch)) return "its name is none";
  const events = database
    .query<Found, [number]>(
      "SELECT count(*) AS count, sum(bytes) AS bytes, min(seq) AS first, max(seq) AS last FROM event WHERE epoch_id = ?",
    )
    .get(id);
  const losses = database
    .query<{ count: number | null; last: number | null; wrong: number | null }, [number, number]>(
      `SELECT sum(last_seq - first_seq + 1) AS count, max(last_seq) AS last, min(last_seq - first_seq) AS wrong
       FROM loss WHERE epoch_id = ? AND last_seq > ?`,
    )
    .get(id, cursor);
  if (events?.count !== pending || (events.bytes ?? 0) !== pendingBytes)
    return "its events are not all there";
  if ((events.first ?? produced) < Math.min(cursor + 1, produced) || (events.last ?? 0) > produced)
    return "an event is out of place";
  if ((losses?.last ?? 0) > produced || (losses?.wrong ?? 0) < 0) return "a loss is out of place";
  if (pending + (losses?.count ?? 0) !== produced - cursor) return "there are holes in it";
  return undefined;
}
