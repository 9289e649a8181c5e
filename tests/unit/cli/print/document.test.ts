/** `--json`: every field with its value or null, and documents that hold to the schema. */
import { describe, expect, test } from "bun:test";
import Ajv2020 from "ajv/dist/2020";
import { writeDocument, type DocumentFrame } from "../../../../src/cli/print/document.ts";
import { jsonText } from "../../../../src/cli/print/json-text.ts";
import { monitorSchema } from "../../../../src/cli/reference/schema.ts";
import type { QueryResult, SnapshotQuery } from "../../../../src/model/query.ts";
import type { Snapshot } from "../../../../src/model/snapshot.ts";
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
} from "../fake-snapshot.ts";

const QUERY: SnapshotQuery = { by: "connection", filter: "", sort: undefined, limit: undefined };
const FRAME: DocumentFrame = {
  host: "box",
  query: QUERY,
  requestedDurationMs: undefined,
  interrupted: false,
};

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
      openerPid: null,
      openerName: null,
      networkNamespace: null,
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
    expect(
      value.rows.map((row) => [row["bytesSent"], row["receiveBytesPerSecond"], row["uncertaintyBytes"]]),
    ).toEqual([
      [null, null, null],
      [1000, 2, 0],
    ]);
    expect(value.rows[0]).toMatchObject({ pid: 4242, memoryBytes: 4096, cpuFraction: 0.1235, user: "ada" });
  });

  test("connections without a known process have a user together only where they are told per user", async () => {
    const rows = (["unknown", "not_visible"] as const).map((attribution) =>
      group({
        process: undefined,
        topFlow: flow({ process: undefined, userId: 33, userName: "www", attribution }),
      }),
    );
    const { value } = await documentOf(snapshot(), { by: "process", rows, matched: 2 });
    expect(value.rows.map((row) => [row["user"], row["userId"]])).toEqual([
      [null, null],
      ["www", 33],
    ]);
  });
});
