/**
 * The top of the screen: rates with their last minutes, totals, how the facts are gained, what was lost, and what would
 * make it better. Three heights: 2 lines on a small screen, 3 on a usual one, 4 with tall graphs on a big one.
 */
import { formatBytes, formatDuration, formatRate } from "../lib/format.ts";
import type { Snapshot } from "../model/snapshot.ts";
import type { CaptureStatus } from "../model/capture-status.ts";
import { LineBuilder, spansWidth, type Line, type Role, type Span, type Zone } from "./line.ts";
import { currentNotice, lossCount, lostBytes, METHOD_WORDS } from "./notices.ts";
import type { Screen } from "./screen.ts";
import { sparkRows, type RateHistory } from "./sparkline.ts";
import { cut, exact, padEnd, padStart, safe, timeOfDay, widthOf } from "./text.ts";

/** Below this height every line counts. */
export const USUAL_HEIGHT = 20;
/** From this size on there is room for graphs of three lines, side by side. */
const TALL_HEIGHT = 36;
const TALL_WIDTH = 120;
const GRAPH_HEIGHT = 3;

export interface Part {
  readonly lines: readonly Line[];
  /** With y relative to the part's first line. */
  readonly zones: readonly Zone[];
}

export function header(screen: Screen): Part {
  const lines: Line[] = [];
  if (screen.height < USUAL_HEIGHT) lines.push(compactRates(screen));
  else if (screen.height >= TALL_HEIGHT && screen.width >= TALL_WIDTH) {
    lines.push(statusLine(screen), ...graphLines(screen));
  } else {
    lines.push(statusLine(screen), rateLine(screen, "send"), rateLine(screen, "receive"));
  }
  const notice = noticeLine(screen);
  const zones: Zone[] = [];
  if (notice !== undefined) {
    for (const zone of notice.zones) zones.push({ ...zone, y: lines.length });
    lines.push(notice.line);
  } else if (screen.height < USUAL_HEIGHT) lines.push(statusLine(screen));
  return { lines, zones };
}

function capabilityText({ capabilities }: CaptureStatus): string {
  const bytes = { none: "no bytes", tcp: "TCP bytes", all: "all bytes" }[capabilities.bytes];
  const processes = { none: "no processes", own: "own processes", all: "all processes" }[
    capabilities.processes
  ];
  return `(${bytes}, ${processes})`;
}

/** One thing that the first line says; what has the lower rank stays longer. */
interface Remark {
  readonly side: "left" | "right";
  readonly rank: number;
  readonly spans: readonly Span[];
}

/** Everything that could be said about the whole, in the order in which it stands. */
function remarks({ snapshot }: Screen): Remark[] {
  const { totals, capture } = snapshot;
  const count = lossCount(snapshot);
  const lossRole = count === 0 ? "good" : "warning";
  return [
    left(1, { text: `${METHOD_WORDS[capture.method]} `, role: "accent" }),
    left(6, { text: `${capabilityText(capture)} `, role: "dim" }),
    left(2, { text: ` ${exact(totals.connections)}`, role: "text" }, { text: " connections ", role: "dim" }),
    left(7, { text: ` ${exact(totals.closedConnections)}`, role: "text" }, { text: " closed ", role: "dim" }),
    left(3, { text: ` ${exact(totals.processes)}`, role: "text" }, { text: " processes ", role: "dim" }),
    left(
      8,
      { text: "  on the wire ", role: "dim" },
      { text: `▲ ${formatRate(totals.interfaces.sendBytesPerSecond)} `, role: "send" },
      { text: `▼ ${formatRate(totals.interfaces.receiveBytesPerSecond)} `, role: "receive" },
    ),
    right(9, { text: `since ${timeOfDay(snapshot.startedAtMs)}  `, role: "dim" }),
    right(5, { text: `up ${formatDuration(snapshot.sampledAtMs - snapshot.startedAtMs)}  `, role: "dim" }),
    right(4, { text: `${timeOfDay(snapshot.sampledAtMs)}  `, role: "dim" }),
    right(0, { text: `lost: ${exact(count)} `, role: lossRole }),
    ...(count === 0 ? [] : [right(4, { text: `(${lostAmount(snapshot)}) `, role: lossRole })]),
  ];
}

function left(rank: number, ...spans: readonly Span[]): Remark {
  return { side: "left", rank, spans };
}

function right(rank: number, ...spans: readonly Span[]): Remark {
  return { side: "right", rank, spans };
}

function lostAmount(snapshot: Snapshot): string {
  const { bytes, atLeast } = lostBytes(snapshot);
  return bytes === 0 && atLeast ? "bytes unknown" : `${atLeast ? "≥" : ""}${formatBytes(bytes)}`;
}

/** What is said about the whole: as much as fits, the more important first. */
function statusLine(screen: Screen): Line {
  const line = new LineBuilder(screen.width);
  line.add(" ").add("WireBound", "strong").add("  ");
  if (screen.demo) line.add(" DEMO ", "badge").add("  ");
  const all = remarks(screen);
  let room = line.room;
  const chosen = new Set<Remark>();
  for (const remark of all.toSorted((one, other) => one.rank - other.rank)) {
    const wanted = spansWidth(remark.spans);
    if (wanted > room) continue;
    room -= wanted;
    chosen.add(remark);
  }
  const on = (side: Remark["side"]): Span[] =>
    all.filter((remark) => remark.side === side && chosen.has(remark)).flatMap((remark) => remark.spans);
  line.addAll(on("left")).right(on("right"));
  return line.build("bar");
}

interface Direction {
  readonly sign: string;
  readonly name: string;
  readonly role: Role;
  readonly rate: number;
  readonly total: number;
  readonly totalName: string;
  readonly history: RateHistory;
}

function directionOf(
  { snapshot, sendHistory, receiveHistory }: Screen,
  which: "send" | "receive",
): Direction {
  const { totals } = snapshot;
  return which === "send"
    ? {
        sign: "▲",
        name: "send",
        role: "send",
        rate: totals.sendBytesPerSecond,
        total: totals.bytesSent,
        totalName: "sent",
        history: sendHistory,
      }
    : {
        sign: "▼",
        name: "receive",
        role: "receive",
        rate: totals.receiveBytesPerSecond,
        total: totals.bytesReceived,
        totalName: "received",
        history: receiveHistory,
      };
}

function rateLine(screen: Screen, which: "send" | "receive"): Line {
  const direction = directionOf(screen, which);
  const line = new LineBuilder(screen.width);
  line.add(` ${direction.sign} ${padEnd(direction.name, 8)}`, direction.role);
  line.add(padStart(formatRate(direction.rate), 11), "strong").add("  ");
  const total = `${padStart(formatBytes(direction.total), 9)} ${padEnd(direction.totalName, 9)} `;
  const graph = Math.max(0, line.room - widthOf(total) - 18);
  const samples = direction.history.last(graph);
  line.add(sparkRows(samples, graph, 1)[0] ?? "", direction.role);
  line.add(` max ${padEnd(formatRate(Math.max(0, ...samples)), 11)} `, "dim");
  return line.add(total).build();
}

/** Both directions in one line, for a screen where each line counts. */
function compactRates(screen: Screen): Line {
  const line = new LineBuilder(screen.width);
  const half = Math.floor(screen.width / 2);
  for (const which of ["send", "receive"] as const) {
    const direction = directionOf(screen, which);
    const end = which === "send" ? half : screen.width;
    line
      .add(` ${direction.sign} `, direction.role)
      .add(padStart(formatRate(direction.rate), 10), "strong")
      .add(" ");
    const graph = Math.max(0, end - line.x - 1);
    line.add(sparkRows(direction.history.last(graph), graph, 1)[0] ?? "", direction.role);
    line.padTo(end);
  }
  return line.build();
}

/** Labels to the left of each graph, three lines high, send and receive side by side. */
function graphLines(screen: Screen): Line[] {
  const builders = Array.from({ length: GRAPH_HEIGHT }, () => new LineBuilder(screen.width));
  const half = Math.floor(screen.width / 2);
  for (const which of ["send", "receive"] as const) {
    const direction = directionOf(screen, which);
    const start = which === "send" ? 0 : half;
    const labelWidth = 24;
    const graph = half - labelWidth - 2;
    const samples = direction.history.last(graph);
    const rows = sparkRows(samples, graph, GRAPH_HEIGHT);
    const labels: Span[][] = [
      [
        { text: ` ${direction.sign} ${padEnd(direction.name, 8)}`, role: direction.role },
        { text: padStart(formatRate(direction.rate), 11), role: "strong" },
      ],
      [
        {
          text: `   ${padEnd(direction.totalName, 8)}${padStart(formatBytes(direction.total), 9)}`,
          role: "text",
        },
      ],
      [{ text: `   max     ${padStart(formatRate(Math.max(0, ...samples)), 11)}`, role: "dim" }],
    ];
    for (const [index, builder] of builders.entries()) {
      builder
        .padTo(start)
        .addAll(labels[index] ?? [])
        .padTo(start + labelWidth);
      builder.add(rows[index] ?? "", direction.role);
    }
  }
  return builders.map((builder) => builder.build());
}

/** The worst thing to know, in one line with its remedy; undefined where there is nothing or it was put away. */
function noticeLine(screen: Screen): { line: Line; zones: Zone[] } | undefined {
  const notice = currentNotice(screen.notices, screen.state.dismissed);
  if (notice === undefined) return undefined;
  const open = screen.notices.filter((each) => !screen.state.dismissed.has(each.message)).length;
  const more = open > 1 ? `! all ${open}` : "! more";
  const hide = "x hide";
  const tail = `  ${more}  ${hide} `;
  const line = new LineBuilder(screen.width).add(notice.role === "good" ? " ● " : " ! ", notice.role);
  const room = line.room - widthOf(tail);
  const remedy = safe(notice.remedy);
  const message = safe(notice.message);
  const remedyWidth = Math.min(
    widthOf(remedy),
    Math.max(Math.ceil(room * 0.55), room - widthOf(message) - 1),
  );
  line.add(cut(message, room - (remedyWidth > 0 ? remedyWidth + 1 : 0)), notice.role);
  if (remedyWidth > 0) line.add(" ").add(cut(remedy, remedyWidth), "strong");
  const start = line.right([{ text: tail, role: "dim" }]);
  const zones: Zone[] = [];
  if (start !== undefined) {
    const x = start + 2;
    zones.push({ x, y: 0, width: widthOf(more), height: 1, action: { type: "problems" } });
    zones.push({
      x: x + widthOf(more) + 2,
      y: 0,
      width: widthOf(hide),
      height: 1,
      action: { type: "dismiss" },
    });
  }
  return { line: line.build(), zones };
}
