/** What the printers print of a snapshot whose every value is known. */
import { describe, expect, test } from "bun:test";
import Ajv2020 from "ajv/dist/2020";
import { csvText, writeCsv } from "../../../src/cli/print/csv.ts";
import { writeDocument, type DocumentFrame } from "../../../src/cli/print/document.ts";
import { jsonText } from "../../../src/cli/print/json-text.ts";
import { SampleStream } from "../../../src/cli/print/jsonl.ts";
import { fit, summaryLines, tableLines } from "../../../src/cli/print/table.ts";
import { monitorSchema } from "../../../src/cli/reference/schema.ts";
import type { QueryResult, SnapshotQuery } from "../../../src/model/query.ts";
import type { Flow, Snapshot } from "../../../src/model/snapshot.ts";
import {
  CLOSED_FLOW,
  connections,
  flow,
  group,
  LOOPBACK,
  snapshot,
  START_MS,
  TextOutput,
  UDP_FLOW,
} from "./fake-snapshot.ts";

const QUERY: SnapshotQuery = { by: "connection", filter: "", sort: undefined, limit: undefined };
const FRAME: DocumentFrame = {
  host: "box",
  query: QUERY,
  requestedDurationMs: undefined,
  interrupted: false,
};
const KNOWN = { ratesKnown: true };

type Row = Record<string, unknown>;

async function documentOf(
  shown: Snapshot,
  result: QueryResult,
  frame = FRAME,
): Promise<{ text: string; value: Row & { rows: Row[] } }> {
  const output = new TextOutput();
  await writeDocument(output, shown, result, frame);
  return { text: output.text, value: JSON.parse(output.text) as Row & { rows: Row[] } };
}

const schema = new Ajv2020({ strict: true, allowUnionTypes: true, allErrors: true });
const validDocument = schema.compile(monitorSchema());
const validLine = schema.compile({
  ...monitorSchema(),
  $ref: "#/$defs/line",
  type: "object",
  properties: undefined,
  required: undefined,
  additionalProperties: undefined,
});

describe("json", () => {
  test("a connection has every field, with its value or null", async () => {
    const { value } = await documentOf(snapshot(), connections());
    expect(value.rows[0]).toEqual({
      id: "cookie-1",
      pid: 4242,
      processName: "curl",
      processPath: "/usr/bin/curl",
      commandLine: ["curl", "-s", "https://example.org/"],
      parentPid: 1,
      processStartedAtMs: START_MS - 5000,
      user: "ada",
      userId: 1000,
      owners: [4242, 4300],
      attribution: "exact",
      protocol: "tcp",
      localAddress: "192.0.2.1",
      localPort: 50_000,
      remoteAddress: "198.51.100.7",
      remotePort: 443,
      remoteHost: "example.org",
      remoteHostSource: "ptr",
      service: "https",
      state: "established",
      bytesSent: 1000,
      bytesReceived: 2_000_000,
      bytesMeaning: "payload",
      uncertaintyBytes: 0,
      observedBytesSent: 600,
      observedBytesReceived: 1_500_000,
      sendBytesPerSecond: 12.3,
      receiveBytesPerSecond: 5000.1,
      firstSeenMs: START_MS,
      lastActivityMs: START_MS + 900,
      closed: false,
      closedAtMs: null,
    });
  });

  test("what can't be counted is null, never 0", async () => {
    const { value } = await documentOf(snapshot(), connections([UDP_FLOW]));
    const [row = {}] = value.rows;
    for (const name of [
      "pid",
      "processName",
      "commandLine",
      "user",
      "userId",
      "remoteHost",
      "remoteHostSource",
      "service",
      "bytesSent",
      "bytesReceived",
      "uncertaintyBytes",
      "observedBytesSent",
      "observedBytesReceived",
      "sendBytesPerSecond",
      "receiveBytesPerSecond",
      "closedAtMs",
    ]) {
      expect([name, row[name]]).toEqual([name, null]);
    }
    expect(row["attribution"]).toBe("not_visible");
    expect(row["owners"]).toEqual([]);
  });

  test("with one sample no rate is known", async () => {
    const { value } = await documentOf(snapshot({ intervalMs: undefined }), connections([flow()]));
    expect(value.rows[0]?.["sendBytesPerSecond"]).toBeNull();
    expect(value["intervalMs"]).toBeNull();
    expect(value["totals"]).toMatchObject({ sendBytesPerSecond: null, bytesSent: 0 });
  });

  test("the frame says how it was captured, what was asked and what was lost", async () => {
    const frame = {
      ...FRAME,
      query: { ...QUERY, filter: "port:443", sort: { column: "bytesSent", descending: true }, limit: 5 },
      requestedDurationMs: 10_000,
      interrupted: true,
    };
    const { value } = await documentOf(snapshot(), connections(), frame);
    expect(value["version"]).toBe(1);
    expect(value["host"]).toBe("box");
    expect(value["capture"]).toMatchObject({
      method: "sock_diag",
      degradation: {
        code: "other_users_processes",
        message: "Others' processes are not visible.",
        remedy: "sudo wb monitor",
      },
    });
    expect((value["capture"] as { degradations: Row[] }).degradations.map((each) => each["code"])).toEqual([
      "other_users_processes",
      "udp_bytes",
    ]);
    expect(value["query"]).toEqual({
      by: "connection",
      filter: "port:443",
      sort: "bytesSent:desc",
      limit: 5,
    });
    expect(value["loss"]).toEqual([{ cause: "netlink_overflow", count: 2, bytes: null }]);
    expect(value["timings"]).toEqual({ enumerateMs: 1.235, processesMs: 2, interfacesMs: 0.1 });
    expect([value["durationMs"], value["requestedDurationMs"], value["interrupted"]]).toEqual([
      2000,
      10_000,
      true,
    ]);
    expect(value["sampledAtMs"]).toBe(START_MS + 2000);
  });

  test("nothing is missing: degradation is null", async () => {
    const status = { ...snapshot().capture, degradations: [] };
    const { value } = await documentOf(snapshot({ capture: status }), connections());
    expect(value["capture"]).toMatchObject({ degradation: null, degradations: [] });
  });

  test("documents of every grouping, and without rows, hold to the schema", async () => {
    const results: QueryResult[] = [
      connections(),
      connections([]),
      { by: "interface", rows: [LOOPBACK], matched: 1 },
      {
        by: "process",
        rows: [group(), group({ process: undefined, uncertaintyBytes: undefined })],
        matched: 2,
      },
      { by: "user", rows: [group({ by: "user", process: undefined })], matched: 1 },
    ];
    for (const result of results) {
      const { value } = await documentOf(snapshot(), result, {
        ...FRAME,
        query: { ...QUERY, by: result.by },
      });
      validDocument(value);
      expect(validDocument.errors ?? []).toEqual([]);
    }
  });

  test("the schema refuses a field too many and a field too few", async () => {
    const { value } = await documentOf(snapshot(), connections());
    expect(validDocument({ ...value, more: 1 })).toBe(false);
    expect(validDocument({ ...value, host: undefined })).toBe(false);
    expect(validDocument({ ...value, rows: [{ ...value.rows[0], more: 1 }] })).toBe(false);
    expect(validDocument({ ...value, rows: [{ ...value.rows[0], bytesSent: -1 }] })).toBe(false);
  });

  test("no byte of it steers a terminal, and the values are what they were", async () => {
    const { text, value } = await documentOf(snapshot(), connections([CLOSED_FLOW]));
    // eslint-disable-next-line no-control-regex -- control characters are what this is about
    expect(text.replaceAll("\n", "")).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
    expect(value.rows[0]?.["processName"]).toBe('=cmd|"x",\u001b[2J\u009b31m\u202e');
    expect(JSON.parse(jsonText({ text: "\ud800 \u2029 \ufeff ü" }))).toEqual({
      text: "\ud800 \u2029 \ufeff ü",
    });
  });

  test("a group of which nothing can be counted has no sums", async () => {
    const rows = [group({ uncountedConnections: 3 }), group({ uncountedConnections: 2 })];
    const { value } = await documentOf(snapshot(), { by: "process", rows, matched: 2 });
    expect(value.rows.map((row) => [row["bytesSent"], row["receiveBytesPerSecond"]])).toEqual([
      [null, null],
      [1000, 2],
    ]);
    expect(value.rows[0]).toMatchObject({ pid: 4242, memoryBytes: 4096, cpuFraction: 0.1235, user: "ada" });
  });
});

describe("csv", () => {
  test("RFC 4180: header, CRLF, quotes, empty for what is not known", async () => {
    const output = new TextOutput();
    await writeCsv(output, connections([flow(), UDP_FLOW]), KNOWN);
    const lines = output.text.split("\r\n");
    expect(lines[0]?.startsWith("id,pid,processName,processPath,commandLine,")).toBe(true);
    expect(lines[1]).toBe(
      `cookie-1,4242,curl,/usr/bin/curl,"[""curl"",""-s"",""https://example.org/""]",1,${START_MS - 5000},ada,1000,"[4242,4300]",exact,tcp,192.0.2.1,50000,198.51.100.7,443,example.org,ptr,https,established,1000,2000000,payload,0,600,1500000,12.3,5000.1,${START_MS},${START_MS + 900},false,`,
    );
    expect(
      lines[2]?.startsWith("cookie-2,,,,,,,,,[],not_visible,udp,::,53,::,0,,,,unconnected,,,none,,,,,,"),
    ).toBe(true);
    expect(lines).toHaveLength(4);
  });

  test("formulas are guarded, control characters replaced", () => {
    expect(["=1+1", "+1", "-x", "@a", "\tx", "a=b", "", 'a"b', "a,b", " a"].map(csvText)).toEqual([
      "'=1+1",
      "'+1",
      "'-x",
      "'@a",
      "'\u{fffd}x",
      "a=b",
      "",
      '"a""b"',
      '"a,b"',
      '" a"',
    ]);
    expect(csvText("a\r\n\u001b[2J")).toBe("a\u{fffd}\u{fffd}\u{fffd}[2J");
  });
});

describe("jsonl", () => {
  function asking(
    result: (shown: Snapshot) => readonly Flow[],
  ): (shown: Snapshot, query: SnapshotQuery) => QueryResult {
    return (shown, query) => {
      const rows = result(shown);
      return { by: "connection", rows: rows.slice(0, query.limit), matched: rows.length };
    };
  }

  async function linesOf(snapshots: readonly Snapshot[], limit?: number): Promise<Row[]> {
    const output = new TextOutput();
    const frame = { host: "box", query: { ...QUERY, limit }, intervalMs: 1000 };
    const stream = new SampleStream(
      output,
      asking((shown) => shown.flows),
      frame,
    );
    for (const each of snapshots) await stream.sample(each);
    const last = snapshots.at(-1);
    if (last !== undefined) await stream.end(last, "duration");
    return output.text
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Row);
  }

  test("start, samples, totals, end; every line holds to the schema", async () => {
    const lines = await linesOf([snapshot({ loss: [] })]);
    expect(lines.map((line) => line["type"])).toEqual([
      "start",
      "sample",
      "sample",
      "totals",
      "closed",
      "end",
    ]);
    for (const line of lines) {
      validLine(line);
      expect([line["type"], validLine.errors ?? []]).toEqual([line["type"], []]);
    }
    expect(lines.at(-1)).toEqual({
      type: "end",
      sampledAtMs: START_MS + 2000,
      samples: 1,
      reason: "duration",
    });
  });

  test("a closed connection is told once: at once where it is exact, else one sample later with what is known then", async () => {
    const exact = flow({ id: "exact", closed: true, closedAtMs: START_MS, uncertaintyBytes: 0 });
    const vague = flow({
      id: "vague",
      closed: true,
      closedAtMs: START_MS,
      uncertaintyBytes: undefined,
      bytesSent: 1,
    });
    const better = { ...vague, uncertaintyBytes: 0, bytesSent: 1234 };
    const lines = await linesOf([
      snapshot({ flows: [exact, vague] }),
      snapshot({ flows: [exact, better] }),
      snapshot({ flows: [exact, better] }),
    ]);
    const closed = lines.filter((line) => line["type"] === "closed");
    expect(closed.map((line) => [line["id"], line["bytesSent"]])).toEqual([
      ["exact", 1000],
      ["vague", 1234],
    ]);
    const order = lines.map((line) => (line["type"] === "closed" ? line["id"] : line["type"]));
    expect(order.indexOf("vague")).toBeGreaterThan(order.indexOf("totals"));
  });

  test("a waiting connection that the flow table let go of meanwhile is told as it was", async () => {
    const vague = flow({ id: "vague", closed: true, closedAtMs: START_MS, uncertaintyBytes: undefined });
    const lines = await linesOf([
      snapshot({ flows: [vague] }),
      snapshot({ flows: [] }),
      snapshot({ flows: [] }),
    ]);
    expect(lines.filter((line) => line["type"] === "closed").map((line) => line["id"])).toEqual(["vague"]);
  });

  test("loss and capture are told where they change", async () => {
    const lost = (count: number): Partial<Snapshot> => ({
      loss: [{ cause: "flow_evicted", count, bytes: undefined }],
      flows: [],
    });
    const fallen = { ...snapshot().capture, method: "procfs" as const };
    const lines = await linesOf([
      snapshot(lost(1)),
      snapshot(lost(1)),
      snapshot({ ...lost(3), capture: fallen }),
    ]);
    expect(lines.filter((line) => line["type"] === "loss").map((line) => line["count"])).toEqual([1, 3]);
    const changes = lines.filter((line) => line["type"] === "capture");
    expect(changes.map((line) => (line["capture"] as Row)["method"])).toEqual(["procfs"]);
    for (const line of lines) expect([line, validLine(line)]).toEqual([line, true]);
  });

  test("a limit is for living connections", async () => {
    const flows = [CLOSED_FLOW, flow({ id: "a" }), flow({ id: "b" })];
    const lines = await linesOf([snapshot({ flows })], 1);
    expect(lines.filter((line) => line["type"] === "sample").map((line) => line["id"])).toEqual(["a"]);
    expect(lines.filter((line) => line["type"] === "closed").map((line) => line["id"])).toEqual(["cookie-3"]);
    expect(lines.find((line) => line["type"] === "totals")?.["matched"]).toBe(2);
  });
});

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
    const wide = flow({ process: { ...flow().process!, name: "日本語" } }); // flow() has a process
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
