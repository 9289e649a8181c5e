/**
 * Counts that are told never go down and never tell a byte twice, also where the way of counting changes under way. Pure.
 *
 * The rule: of each row the value is what is known now, and `told` is what was said. The sum of what is told over a
 * socket's rows is the largest sum that was ever known, and no row is told less than before. So where one way of counting
 * is ahead of the other (what programs wrote is ahead of what is on the wire), nothing new is told until the other has
 * caught up; and where a byte was told to be one row's that turns out to be another's, the other one waits for it. A row
 * whose two numbers differ is off by that much, and says so.
 */

/**
 * Where the observation of what is new begins: with the socket, at what it carried before it was counted, or at what is
 * known now.
 */
export type Observation = "beginning" | "before" | "now";

export class ToldCount {
  /** By the kernel programs of the present instance. */
  counted = 0;
  /** Of what they count, so much belongs to an earlier connection of the same socket. */
  skipped = 0;
  /** Told before the present instance began. */
  carried = 0;
  /** What is known now. */
  value = 0;
  told = 0;
  /** Where the observation of the row begins. */
  from = 0;

  /** What the present instance adds to what was told before it. */
  get own(): number {
    return this.counted - this.skipped;
  }

  /** Observation begins here. */
  begin(at: Observation): void {
    if (at === "beginning") this.from = this.carried;
    else this.from = at === "now" ? this.value : Math.max(0, this.value - this.own);
  }

  /** Another instance counts from here on: what was told stays. */
  carry(): void {
    this.carried = this.told;
    this.counted = 0;
    this.skipped = 0;
    this.from = this.told;
  }

  /** Another connection of the same socket begins. */
  restart(): void {
    this.skipped = this.counted;
    this.carried = 0;
    this.value = 0;
    this.told = 0;
    this.from = 0;
  }
}

export interface CountedRow {
  readonly sent: ToldCount;
  readonly received: ToldCount;
}

/** Tells what is known of all rows of one socket. */
export function tellRows(rows: readonly CountedRow[]): void {
  tellDirection(rows, "sent");
  tellDirection(rows, "received");
}

function tellDirection(rows: readonly CountedRow[], direction: keyof CountedRow): void {
  let behind = 0;
  let ahead = 0;
  for (const row of rows) {
    const difference = row[direction].value - row[direction].told;
    if (difference > 0) behind += difference;
    else ahead -= difference;
  }
  let rest = behind - ahead;
  if (rest <= 0) return;
  for (const row of rows) {
    const count = row[direction];
    const share = Math.min(rest, count.value - count.told);
    if (share <= 0) continue;
    count.told += share;
    rest -= share;
  }
}

/** By how many bytes the row is off. */
export function offBy({ sent, received }: CountedRow): number {
  return Math.abs(sent.told - sent.value) + Math.abs(received.told - received.value);
}
