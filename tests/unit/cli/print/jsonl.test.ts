/** `--jsonl`: the lines of a stream, each closed connection once. */
import { describe, expect, test } from "bun:test";
import Ajv2020 from "ajv/dist/2020";
import { SampleStream } from "../../../../src/cli/print/jsonl.ts";
import { monitorSchema } from "../../../../src/cli/reference/schema.ts";
import type { QueryResult, SnapshotQuery } from "../../../../src/model/query.ts";
import type { Flow, Snapshot } from "../../../../src/model/snapshot.ts";
import { CLOSED_FLOW, flow, snapshot, START_MS, TextOutput } from "../fake-snapshot.ts";

const QUERY: SnapshotQuery = { by: "connection", filter: "", sort: undefined, limit: undefined };

type Row = Record<string, unknown>;

const schema = new Ajv2020({ strict: true, allowUnionTypes: true });
const validLine = schema.compile({ $defs: monitorSchema()["$defs"], $ref: "#/$defs/line" });

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
