/** How the history stands, for `wb doctor`: looked at without changing anything. */
import { type DatabaseDefinition, openForReading } from "./database.ts";
import { APPLICATION_ID, MIGRATIONS, TABLES } from "./history-schema.ts";

export interface HistoryState {
  /** The first and last recorded moment, Unix milliseconds; undefined when nothing was recorded. */
  readonly firstRecordedMs: number | undefined;
  readonly lastRecordedMs: number | undefined;
  /** Whether the last recorder ended in order. While one records this is false. */
  readonly isClean: boolean;
  /** The most that can be missing after the last commit where the last recorder did not end in order, milliseconds. */
  readonly windowMs: number;
  /** The latest time that should have been recorded and was not. */
  readonly lastGap:
    | { readonly fromMs: number; readonly untilMs: number; readonly message: string }
    | undefined;
}

const DEFINITION: DatabaseDefinition = {
  applicationId: APPLICATION_ID,
  migrations: MIGRATIONS,
  tables: TABLES,
  what: "history",
};

/** @throws WbError("storage") where it is missing, damaged, newer than this program, or can't be read. */
export function readHistoryState(path: string): HistoryState {
  const database = openForReading(path, DEFINITION);
  try {
    const span = database
      .query<{ first: number | null; last: number | null }, []>(
        "SELECT min(from_ms) AS first, max(until_ms) AS last FROM coverage",
      )
      .get();
    const state = database
      .query<{ clean: number; window_ms: number }, []>("SELECT clean, window_ms FROM state")
      .get();
    const gap = database
      .query<{ fromMs: number; untilMs: number; message: string }, []>(
        "SELECT from_ms AS fromMs, until_ms AS untilMs, message FROM gap ORDER BY from_ms DESC LIMIT 1",
      )
      .get();
    return {
      firstRecordedMs: span?.first ?? undefined,
      lastRecordedMs: span?.last ?? undefined,
      isClean: state?.clean !== 0,
      windowMs: state?.window_ms ?? 0,
      lastGap: gap ?? undefined,
    };
  } finally {
    database.close();
  }
}
