/**
 * Where the bytes of the interfaces went: interface = attributed + unattributed + overhead + lost, in both directions,
 * with exact numbers where there is room. Shown below the interfaces.
 */
import { formatBytes, formatDuration } from "../lib/format.ts";
import type { ReconciliationSide } from "../model/snapshot.ts";
import { LineBuilder, type Line, type Role } from "./line.ts";
import type { Screen } from "./screen.ts";
import { exact, padStart, timeOfDay } from "./text.ts";

const EXACT_WIDTH = 100;

interface Entry {
  readonly sign: string;
  readonly words: string;
  readonly role: Role;
  readonly value: (side: ReconciliationSide) => number;
}

const ENTRIES: readonly Entry[] = [
  { sign: " ", words: "interfaces, on the wire", role: "strong", value: (side) => side.interfaceBytes },
  { sign: "=", words: "attributed to a process", role: "text", value: (side) => side.attributedBytes },
  { sign: "+", words: "unattributed", role: "text", value: (side) => side.unattributedBytes },
  { sign: "+", words: "overhead (headers, uncounted)", role: "text", value: (side) => side.overheadBytes },
  { sign: "+", words: "lost", role: "text", value: (side) => side.lostBytes },
];

/** The lines of the reconciliation; fewer than its six where there is no room. */
export function reconciliationLines(screen: Screen, width: number): Line[] {
  const { snapshot } = screen;
  const { sent, received } = snapshot.reconciliation;
  const full = width >= EXACT_WIDTH;
  const column = full ? 22 : 12;
  const title = new LineBuilder(width).add("   WHERE THE BYTES WENT", "strong");
  const since = `  since ${timeOfDay(snapshot.startedAtMs)}`;
  const duration = ` (${formatDuration(snapshot.sampledAtMs - snapshot.startedAtMs)})`;
  const labels = 35;
  title.add(full ? since + duration : "", "dim").padTo(full ? labels + 14 : labels);
  title.add(padStart("SENT", column), "send").add(padStart("RECEIVED", column), "receive");
  const lines = [title.build("bar")];
  for (const entry of ENTRIES) {
    const line = new LineBuilder(width).add(`   ${entry.sign} `, "accent").add(entry.words, entry.role);
    line.padTo(full ? labels + 14 : labels);
    for (const side of [sent, received]) {
      const value = entry.value(side);
      const amount = full ? `${exact(value)} B` : formatBytes(value);
      line.add(padStart(amount, column), value === 0 ? "dim" : entry.role);
      if (full) line.add(padStart(shareOf(value, side), 7), "dim");
    }
    lines.push(line.build());
  }
  return lines;
}

function shareOf(value: number, side: ReconciliationSide): string {
  if (side.interfaceBytes <= 0) return "";
  return `${((value / side.interfaceBytes) * 100).toFixed(1)}%`;
}
