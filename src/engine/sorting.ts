/** Sorts rows by a column, or the busiest first. Total and stable: equal rows keep an order that does not change by itself. */
import { canonicalIp, parseIp } from "../lib/ip.ts";

/** Undefined stands after everything else, in either direction. */
export type SortValue = string | number | undefined;

export interface SortRules<Row> {
  readonly columns: Readonly<Record<string, (row: Row) => SortValue>>;
  /** What decides where no column is asked for, and between equals: current rate, then bytes, then a stable key. */
  rate(row: Row): number;
  bytes(row: Row): number;
  key(row: Row): string;
}

interface Keyed<Row> {
  readonly row: Row;
  readonly value: SortValue;
}

export function sortRows<Row>(
  rows: readonly Row[],
  rules: SortRules<Row>,
  sort: { readonly column: string; readonly descending: boolean } | undefined,
): Row[] {
  const read = sort === undefined ? undefined : rules.columns[sort.column];
  // The rules for rate, bytes and key only read; a column may make text, so its values are made once.
  if (read === undefined) return rows.toSorted((left, right) => compareBusiest(left, right, rules));
  const sign = sort?.descending === true ? -1 : 1;
  const keyed = rows.map((row): Keyed<Row> => ({ row, value: read(row) }));
  keyed.sort((left, right) => {
    if (left.value === right.value) return compareBusiest(left.row, right.row, rules);
    if (left.value === undefined) return 1;
    if (right.value === undefined) return -1;
    return left.value < right.value ? -sign : sign;
  });
  return keyed.map(({ row }) => row);
}

function compareBusiest<Row>(left: Row, right: Row, rules: SortRules<Row>): number {
  const rate = rules.rate(right) - rules.rate(left);
  if (rate !== 0) return rate;
  const bytes = rules.bytes(right) - rules.bytes(left);
  if (bytes !== 0) return bytes;
  const leftKey = rules.key(left);
  const rightKey = rules.key(right);
  return leftKey < rightKey ? -1 : leftKey > rightKey ? 1 : 0;
}

/** Text by which letters of either case sort together. */
export function textValue(text: string | undefined): SortValue {
  return text?.toLowerCase();
}

/** Text by which addresses sort as numbers, IPv4 before IPv6. */
export function addressValue(address: string): SortValue {
  const bytes = parseIp(canonicalIp(address) ?? "");
  if (bytes === undefined) return address;
  let text = bytes.length === 4 ? "4" : "6";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

/** No before yes. */
export function flagValue(flag: boolean): SortValue {
  return flag ? 1 : 0;
}
