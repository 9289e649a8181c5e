/** The help overlay: every key, every sign, and how a filter is written. */
import type { Span } from "./line.ts";
import { padEnd, widthOf, wrap } from "./text.ts";

const KEYS: readonly (readonly [string, string])[] = [
  ["1 … 7, Tab", "the views: connections, processes, addresses, hosts, interfaces, users, ports"],
  ["↑ ↓ j k", "choose a row; PgUp PgDn Home End G too, and the mouse"],
  ["↵ or d", "everything about the chosen row; Esc closes it, J and K scroll it"],
  ["/", "filter while you type; ↵ keeps it, Esc clears it"],
  ["< >", "sort by the column to the left or right; a click on a title does too"],
  ["r", "reverse the order"],
  ["g", "fold connections by process, host, address, user, port, or not at all"],
  ["← →", "close and open a fold"],
  ["p or space", "pause the screen; counting goes on, and nothing is missed"],
  ["f", "freeze the order of the rows; their numbers go on"],
  ["c", "show or hide closed connections"],
  ["l", "show or hide listening and unconnected sockets"],
  ["n", "names or addresses"],
  ["!", "how the facts are gained, what is missing, what was lost"],
  ["x", "put the notice away"],
  ["Ctrl-Z", "to the shell and back with fg"],
  ["q or Ctrl-C", "quit"],
];

const SIGNS: readonly (readonly [string, string])[] = [
  ["~", "off by a few bytes at most; the details say by how many"],
  ["≥", "at least this much: a part was not seen or can't be counted"],
  ["—", "can't be counted, or is not known; never shown as 0"],
  ["● ○ ◌ ×", "connected, waiting, opening or closing, closed"],
  ["curl?", "the process was inferred, not seen to hold the socket"],
  ["curl+2", "two more processes hold the same socket"],
  ["not visible", "the process is another user's and may not be looked at"],
];

const FILTERS: readonly (readonly [string, string])[] = [
  ["process:curl", "name of the process; also pid: user: path: command:"],
  ["port:443 port:>1024", "either end's port; local: and remote: for one end"],
  ["host:*.example.org", "name of the other end, * for anything; address: too"],
  ["state:listen,connected", "one of several states; proto:udp, closed:yes"],
  ["bytes:>1M rate:>10k", "by what flowed; sent: received: sendrate: receiverate:"],
  ["-process:firefox", "a minus turns it around"],
  ["example", "free text: process, command, host, address and so on"],
];

/** The help as lines of spans, none wider than `width`; the caller scrolls them. */
export function helpLines(width: number): Span[][] {
  const remarks = [
    "Bytes are the payload of the programs, counted since each connection began, also before wb started.",
    "Rates are averages of the last seconds. The totals above count from the start of wb.",
  ];
  return [
    ...section("KEYS", KEYS, width),
    [],
    ...section("SIGNS", SIGNS, width),
    [],
    ...section("FILTERS (all of several must match)", FILTERS, width),
    [],
    ...remarks.flatMap((text) => wrap(text, width)).map((text): Span[] => [{ text, role: "dim" }]),
  ];
}

function section(title: string, entries: readonly (readonly [string, string])[], width: number): Span[][] {
  const lines: Span[][] = [[{ text: title, role: "strong" }]];
  const keyWidth = Math.max(...entries.map(([key]) => widthOf(key))) + 4;
  for (const [key, words] of entries) {
    for (const [index, text] of wrap(words, width - keyWidth).entries()) {
      const label = `  ${index === 0 ? key : ""}`;
      lines.push([
        { text: padEnd(label, keyWidth), role: "accent" },
        { text, role: "text" },
      ]);
    }
  }
  return lines;
}
