/** The overlay about the facts themselves: how they are gained, what is missing and what would help, what was lost. */
import type { Span } from "./line.ts";
import { lossLines, METHOD_WORDS } from "./notices.ts";
import type { Screen } from "./screen.ts";
import { safe, wrap } from "./text.ts";

/** Lines of at most `width` cells. */
export function problemLines(screen: Screen, width: number): Span[][] {
  const { capture, timings } = screen.snapshot;
  const { capabilities } = capture;
  const lines: Span[][] = [
    [{ text: "HOW THE FACTS ARE GAINED", role: "strong" }],
    ...pair("method", METHOD_WORDS[capture.method]),
    ...pair(
      "bytes",
      {
        none: "none can be counted per connection",
        tcp: "of TCP connections; of other protocols only their connections are seen",
        all: "of all connections, whatever their protocol",
      }[capabilities.bytes],
    ),
    ...pair(
      "closed ones",
      capabilities.closedConnections ? "their final counters are told" : "their final counters are not told",
    ),
    ...pair(
      "processes",
      { none: "can't be told", own: "of this user only", all: "of all users" }[capabilities.processes],
    ),
    ...pair("namespaces", capabilities.namespaces === "all" ? "all of them" : "this one only"),
    ...pair(
      "cost",
      `sockets ${timings.enumerateMs.toFixed(1)} ms, processes ${timings.processesMs.toFixed(1)} ms, ` +
        `interfaces ${timings.interfacesMs.toFixed(1)} ms`,
    ),
    [],
    [{ text: "WHAT IS MISSING", role: "strong" }],
  ];
  if (screen.notices.length === 0) lines.push([{ text: "  nothing", role: "good" }]);
  for (const notice of screen.notices) {
    for (const [index, text] of wrap(safe(notice.message), width - 4).entries()) {
      lines.push([
        { text: `  ${index > 0 ? " " : notice.role === "good" ? "●" : "!"} ${text}`, role: notice.role },
      ]);
    }
    if (notice.remedy === "") continue;
    for (const text of wrap(safe(notice.remedy), width - 4))
      lines.push([{ text: `    ${text}`, role: "text" }]);
  }
  lines.push([], [{ text: "WHAT WAS LOST", role: "strong" }]);
  const losses = lossLines(screen.snapshot);
  if (losses.length === 0) lines.push([{ text: "  nothing", role: "good" }]);
  for (const loss of losses) {
    for (const text of wrap(loss, width - 4)) lines.push([{ text: `    ${text}`, role: "warning" }]);
  }
  return lines;

  function pair(name: string, value: string): Span[][] {
    return wrap(value, width - 16).map((text, index) => [
      { text: `  ${(index === 0 ? name : "").padEnd(14)}`, role: "dim" },
      { text, role: "text" },
    ]);
  }
}
