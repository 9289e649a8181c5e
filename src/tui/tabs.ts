/** The line of the views, with what is in force at its right: filter, tree, pause, frozen order. */
import { LineBuilder, spansWidth, type Span, type Zone } from "./line.ts";
import { USUAL_HEIGHT, type Part } from "./header.ts";
import { currentNotice, lossCount } from "./notices.ts";
import type { Screen } from "./screen.ts";
import { cut, exact, safe, widthOf } from "./text.ts";
import { VIEWS } from "./views.ts";

const SHORTEST = ["Con", "Pro", "Adr", "Hos", "Ifc"] as const;
/** Cells that the shortest tabs take, with a gap. */
const NARROWEST_TABS = 5 * (3 + 4) + 1;

export function tabs(screen: Screen): Part {
  const line = new LineBuilder(screen.width);
  const zones: Zone[] = [];
  const flags = flagSpans(screen);
  const room = screen.width - spansWidth(flags);
  const titles = tabTitles(room);
  for (const [index, view] of VIEWS.entries()) {
    const title = titles[index];
    if (title === undefined || line.x + widthOf(title) + 4 > room) break;
    const x = line.x;
    const current = view.name === screen.state.view;
    line.add(` ${view.key} `, current ? "current" : "accent").add(`${title} `, current ? "current" : "text");
    zones.push({ x, y: 0, width: line.x - x, height: 1, action: { type: "view", view: view.name } });
  }
  line.right(flags);
  return { lines: [line.build("bar")], zones };
}

/** Whole words where they fit; else shorter ones; and the rare views last to appear. */
function tabTitles(room: number): readonly string[] {
  const whole = VIEWS.map((view) => view.title);
  const short = ["Conns", "Procs", "Addrs", "Hosts", "Ifaces", "Users", "Ports"];
  const fits = (titles: readonly string[]): boolean =>
    titles.reduce((sum, title) => sum + widthOf(title) + 4, 0) <= room;
  for (const titles of [whole, whole.slice(0, 5), short, short.slice(0, 5)]) if (fits(titles)) return titles;
  return SHORTEST;
}

/** At the narrowest screen the loss, both badges and the shortest tabs fit; the filter's text is shown where there is room. */
function flagSpans(screen: Screen): Span[] {
  const { state, data, width } = screen;
  const spans: Span[] = [];
  if (screen.height < USUAL_HEIGHT && currentNotice(screen.notices, state.dismissed) !== undefined) {
    const count = lossCount(screen.snapshot);
    spans.push({ text: `lost: ${exact(count)} `, role: count === 0 ? "good" : "warning" });
  }
  if (state.frozen) spans.push({ text: " FROZEN ", role: "badge" });
  if (state.paused) spans.push({ text: " PAUSED ", role: "badge" });
  // A line never ends in a badge: its last cell is empty.
  spans.push({ text: " ", role: "text" });
  if (state.filter.applied === "" || state.filter.draft !== undefined) return spans;
  const matches = ` ${exact(data.matched)} match `;
  const room = width - NARROWEST_TABS - spansWidth(spans) - widthOf(matches);
  if (room < 6) return spans;
  const text = cut(`/${safe(state.filter.applied)}`, Math.min(room, Math.floor(width / 4)));
  return [{ text, role: "accent" }, { text: matches, role: "dim" }, ...spans];
}
