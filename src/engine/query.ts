/** Answers a question to a snapshot: filters, groups, sorts and cuts. Pure; a wrong column or filter is a usage error. */
import { printable } from "../lib/format.ts";
import { nearest } from "../lib/suggest.ts";
import type { QueryFunction } from "../model/contracts.ts";
import { WbError } from "../model/errors.ts";
import type { GroupKey, QueryResult, SnapshotQuery } from "../model/query.ts";
import type { InterfaceState, Snapshot } from "../model/snapshot.ts";
import { COLUMNS, FLOW_RULES, GROUP_RULES_BY, INTERFACE_RULES } from "./columns.ts";
import { matches, parseFilter, type Filter } from "./filter.ts";
import { groupFlows } from "./grouping.ts";
import { sortRows, type SortRules } from "./sorting.ts";

export { COLUMNS } from "./columns.ts";

/** The names of the columns that rows of this kind can be sorted by. */
export function sortColumns(by: GroupKey): readonly string[] {
  return COLUMNS[by];
}

/**
 * The rows of a snapshot. Without a sort the busiest come first, then those with the most bytes; equals always come in one
 * order. `matched` is how many there are without the limit. For interfaces the filter's free text is looked for in name,
 * kind and addresses, and its keys, which are about connections, are passed over.
 */
export const query: QueryFunction = (snapshot, question) =>
  answer(snapshot, question, remembered(question.filter));

/** Throws a usage error unless rows of this kind have such a column. */
export function checkColumn(by: GroupKey, column: string): void {
  const columns = COLUMNS[by];
  if (columns.includes(column)) return;
  const near = nearest(column, columns);
  const question = near === undefined ? "" : `Did you mean ${near}? `;
  throw new WbError("usage", `rows by ${by} have no column "${printable(column)}" to sort by`, {
    hint: `${question}Columns: ${columns.join(", ")}.`,
  });
}

function answer(snapshot: Snapshot, question: SnapshotQuery, filter: Filter): QueryResult {
  const { by, sort } = question;
  if (sort !== undefined) checkColumn(by, sort.column);
  if (by === "interface") {
    const matching = snapshot.interfaces.filter((each) => matchesInterface(filter, each));
    return { by, ...cut(matching, INTERFACE_RULES, question) };
  }
  const flows =
    filter.terms.length === 0 ? snapshot.flows : snapshot.flows.filter((flow) => matches(filter, flow));
  if (by === "connection") return { by, ...cut(flows, FLOW_RULES, question) };
  return { by, ...cut(groupFlows(by, flows, snapshot), GROUP_RULES_BY[by], question) };
}

function cut<Row>(
  rows: readonly Row[],
  rules: SortRules<Row>,
  { sort, limit }: SnapshotQuery,
): { readonly rows: readonly Row[]; readonly matched: number } {
  const sorted = sortRows(rows, rules, sort);
  return { rows: limit === undefined ? sorted : sorted.slice(0, Math.max(0, limit)), matched: rows.length };
}

function matchesInterface(filter: Filter, each: InterfaceState): boolean {
  return filter.terms.every(({ testText, isNegated }) => {
    if (testText === undefined) return true;
    return [each.name, each.kind, ...each.addresses].some(testText) !== isNegated;
  });
}

/** The same few filters are asked again in every frame. */
const parsed = new Map<string, Filter>();
const PARSED_MAX = 16;

function remembered(text: string): Filter {
  const known = parsed.get(text);
  if (known !== undefined) return known;
  const filter = parseFilter(text);
  if (parsed.size >= PARSED_MAX) parsed.clear();
  parsed.set(text, filter);
  return filter;
}
