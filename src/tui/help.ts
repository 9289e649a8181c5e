/** The help overlay: every key, every sign, and how a filter is written. */
import type { Span } from "./line.ts";

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
  ["process:curl", "name of the process; pid: user: too"],
  ["port:443", "either end's port"],
  ["host:*.example.org", "name of the other end; * stands for anything; address: too"],
  ["state:listen", "state of the socket; proto:udp its protocol"],
  ["example", "free text: anything that contains it"],
];

/** The help as lines of spans, none wider than `width`; the caller scrolls them. */
export function helpLines(): Span[][] {
  return [
    ...section("KEYS", KEYS),
    [],
    ...section("SIGNS", SIGNS),
    [],
    ...section("FILTERS (several are joined by and)", FILTERS),
    [],
    [{ text: "Bytes are the payload of the programs, counted since the connection began.", role: "dim" }],
    [{ text: "Rates are averages of the last seconds. Totals count from the start of wb.", role: "dim" }],
  ];
}

function section(title: string, entries: readonly (readonly [string, string])[]): Span[][] {
  return [
    [{ text: title, role: "strong" }],
    ...entries.map(([key, words]): Span[] => [
      { text: `  ${key.padEnd(20)}`, role: "accent" },
      { text: words, role: "text" },
    ]),
  ];
}
