/** Refuses a filter or a column that the query would not understand, before anything is opened. */
import { parseFilter } from "../engine/filter.ts";
import { checkColumn, COLUMNS } from "../engine/query.ts";
import { WbError } from "../model/errors.ts";
import type { GroupKey, SnapshotQuery } from "../model/query.ts";

/** A message for the person where the text is no filter. */
export function filterProblem(text: string): string | undefined {
  try {
    parseFilter(text);
    return undefined;
  } catch (error) {
    if (error instanceof WbError) return error.message;
    throw error;
  }
}

/** The columns that rows of this grouping can be sorted by. */
export function columnNames(by: GroupKey): readonly string[] {
  return COLUMNS[by];
}

/** @throws WbError("usage") that says what is wrong and what is allowed. */
export function checkQuestion({ by, filter, sort }: SnapshotQuery): void {
  parseFilter(filter);
  if (sort !== undefined) checkColumn(by, sort.column);
}
