/** The parent's log: one line per thing, nothing that steers a terminal, levels, JSON. */
import { expect, test } from "bun:test";
import { createServerLog, type ServerLogOptions } from "../../../src/server/log.ts";

function logged(options: Partial<ServerLogOptions>): {
  lines: string[];
  log: ReturnType<typeof createServerLog>;
} {
  const lines: string[] = [];
  const clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0 };
  const write = (line: string): unknown => lines.push(line);
  return {
    lines,
    log: createServerLog({ level: "info", form: "text", isJournal: false, clock, write, ...options }),
  };
}

test("text: control characters are replaced, unusual values quoted, undefined ones left out", () => {
  const { lines, log } = logged({});
  log.info("listening", { url: "https://[::1]:1", absent: undefined });
  log.warn("odd \u001b[31m", { name: "a\nb \u001b]0;x\u0007", error: new Error("gone wrong"), n: 3 });
  expect(lines).toEqual([
    "wb serve: listening url=https://[::1]:1",
    'wb serve: warning: odd \ufffd[31m name="a\ufffdb \ufffd]0;x\ufffd" error="gone wrong" n=3',
  ]);
});

test("json: a line is one object, errors are their messages", () => {
  const { lines, log } = logged({ form: "json" });
  log.error("it\nfailed", { error: new Error("no room") });
  expect(lines).toEqual([
    '{"timeMs":1700000000000,"level":"error","message":"it\\nfailed","error":"no room"}',
  ]);
});

test("json: what could steer a terminal or turn its text around is escaped, and says the same", () => {
  const { lines, log } = logged({ form: "json" });
  const hostname = "a\u001b[2J\u009b31m\u202eexe\u2028\u0007";
  log.info("an agent is online", { hostname });
  expect(lines).toEqual([
    String.raw`{"timeMs":1700000000000,"level":"info","message":"an agent is online","hostname":"a\u001b[2J\u009b31m\u202eexe\u2028\u0007"}`,
  ]);
  expect(JSON.parse(lines[0] ?? "")).toMatchObject({ hostname });
});

test("a journal gets syslog's levels; what is less than the level is left out", () => {
  const { lines, log } = logged({ isJournal: true, level: "warning" });
  log.info("nothing");
  log.warn("something");
  const circle: { self?: unknown } = {};
  circle.self = circle;
  log.error("more", { circle, list: [1, 2] });
  expect(lines).toEqual(["<4>something", '<3>more circle="(it can\'t be told)" list="[1,2]"']);
});
