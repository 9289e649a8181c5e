/** Chooses the flows that a full table can best do without. */
import type { FlowRecord } from "./flow-record.ts";

/** Above every monotonic time, so that living flows come after all closed ones. */
const AFTER_ALL_CLOSED = 2 ** 52;

/** The `count` to go: the longest closed, then those whose last activity is the longest ago; of equals the oldest. */
export function chooseEvicted(
  records: ReadonlyMap<string, FlowRecord>,
  count: number,
): readonly (readonly [string, FlowRecord])[] {
  const order = Float64Array.from(records.values(), urgency).sort();
  const limit = order[count - 1] ?? Number.POSITIVE_INFINITY;
  let ties = 0;
  for (let index = count - 1; index >= 0 && order[index] === limit; index -= 1) ties += 1;
  const chosen: (readonly [string, FlowRecord])[] = [];
  for (const entry of records) {
    const value = urgency(entry[1]);
    if (value > limit || (value === limit && ties === 0)) continue;
    if (value === limit) ties -= 1;
    chosen.push(entry);
  }
  return chosen;
}

/** The smaller, the sooner it goes. Milliseconds of different clocks, which never meet. */
function urgency(record: FlowRecord): number {
  return record.closed ? record.closedMonotonicMs : AFTER_ALL_CLOSED + record.lastActivityMs;
}
