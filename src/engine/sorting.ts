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
  readonly rate: number;
  readonly bytes: number;
  readonly key: string;
}

export function sortRows<Row>(
  rows: readonly Row[],
  rules: SortRules<Row>,
  sort: { readonly column: string; readonly descending: boolean } | undefined,
): Row[] {
  const read = sort === undefined ? undefined : rules.columns[sort.column];
  const sign = sort?.descending === true ? -1 : 1;
  const keyed = rows.map((row): Keyed<Row> => ({
    row,
    value: read?.(row),
    rate: rules.rate(row),
    bytes: rules.bytes(row),
    key: rules.key(row),
  }));
  keyed.sort((left, right) => {
    if (left.value !== right.value) {
      if (left.value === undefined) return 1;
      if (right.value === undefined) return -1;
      return left.value < right.value ? -sign : sign;
    }
    if (left.rate !== right.rate) return right.rate - left.rate;
    if (left.bytes !== right.bytes) return right.bytes - left.bytes;
    return left.key < right.key ? -1 : left.key > right.key ? 1 : 0;
  });
  return keyed.map(({ row }) => row);
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
