/** The table for people: aligned, marked where it is not exact, safe for a terminal. */
import { describe, expect, test } from "bun:test";
import { fit } from "../../../../src/cli/print/layout.ts";
import { summaryLines, tableLines } from "../../../../src/cli/print/table.ts";
import {
  CLOSED_FLOW,
  connections,
  CURL,
  flow,
  group,
  LOOPBACK,
  snapshot,
  UDP_FLOW,
} from "../fake-snapshot.ts";

const KNOWN = { ratesKnown: true };

describe("table", () => {
  test("aligned, without rates where there is one sample", () => {
    const lines = [...tableLines(connections([flow(), UDP_FLOW]), { ratesKnown: false }, undefined)];
    expect(lines).toEqual([
      "PROCESS         PID  USER  PROTO  LOCAL            REMOTE             STATE            SENT  RECEIVED",
      "curl           4242  ada   tcp    192.0.2.1:50000  example.org:https  established  0.98 KiB  1.91 MiB",
      "(not visible)     -  -     udp    *:53             -                  unconnected         -         -",
    ]);
  });

  test("rates, and marks where a count is not exact", () => {
    const lines = [
      ...tableLines(
        connections([flow({ uncertaintyBytes: 10 }), flow({ uncertaintyBytes: undefined, closed: true })]),
        KNOWN,
        undefined,
      ),
    ];
    expect(lines[0]?.endsWith("     SENT   RECEIVED  SENT/S  RECEIVED/S")).toBe(true);
    expect(lines[1]).toContain("~0.98 KiB  ~1.91 MiB  12 B/s  4.88 KiB/s");
    expect(lines[2]).toContain("closed");
    expect(lines[2]).toContain("≥0.98 KiB  ≥1.91 MiB");
  });

  test("no process name steers the terminal", () => {
    const text = [...tableLines(connections([CLOSED_FLOW]), KNOWN, undefined)].join("\n");
    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(text).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/);
    expect(text).toContain('=cmd|"x",\u{fffd}[2J\u{fffd}31m\u{fffd}');
  });

  test("fits a terminal by narrowing addresses, and wide characters keep it aligned", () => {
    const long = flow({ remoteHost: { name: `${"a".repeat(70)}.example`, source: "ptr" } });
    const wide = flow({ process: { ...CURL, name: "日本語" } });
    const lines = [...tableLines(connections([long, wide]), { ratesKnown: false }, 100)];
    expect(lines.map((line) => Bun.stringWidth(line))).toEqual([100, 100, 100]);
    expect(lines[1]).toContain("…");
  });

  test("fit cuts at cells, not characters", () => {
    expect([fit("abc", 3), fit("abcd", 3), fit("日本語", 4), fit("日本語", 6)]).toEqual([
      "abc",
      "ab…",
      "日…",
      "日本語",
    ]);
  });

  test("groups and interfaces", () => {
    const groups = [
      ...tableLines({ by: "process", rows: [group()], matched: 1 }, { ratesKnown: false }, undefined),
    ];
    expect(groups).toEqual([
      "PROCESS   PID  USER  CONNECTIONS  CLOSED  ADDRESSES      SENT  RECEIVED",
      "curl     4242  ada             2       1          1  0.98 KiB  1.95 KiB",
    ]);
    const interfaces = [
      ...tableLines({ by: "interface", rows: [LOOPBACK], matched: 1 }, { ratesKnown: false }, undefined),
    ];
    expect(interfaces[1]).toBe(
      "lo         loopback  yes  no       10 B      10 B       0        0  127.0.0.1 ::1",
    );
  });

  test("the summary says how it was captured, what was lost and what would help", () => {
    expect(summaryLines(snapshot(), { ...connections(), matched: 7 })).toEqual([
      "3 connections of 2 processes, 1 closed, 3 of 7 shown; captured by sock_diag, TCP bytes as payload",
      "loss: netlink overflow 2 times",
      "note: Others' processes are not visible.\nhint: sudo wb monitor",
      "note: UDP is not counted.\nhint: nothing yet",
    ]);
  });
});
