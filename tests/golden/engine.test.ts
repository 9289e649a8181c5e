/**
 * The engine against recorded batches: exact snapshots, and exact answers to queries. `WB_UPDATE_GOLDEN=1 bun test
 * tests/golden/engine.test.ts` writes the expected files anew from the recording: read the difference before committing it.
 */
import { expect, test } from "bun:test";
import { readFileSync, writeFileSync } from "node:fs";
import { FlowTable } from "../../src/engine/flow-table.ts";
import { query } from "../../src/engine/query.ts";
import { ManualClock } from "../../src/lib/clock.ts";
import type { CaptureStatus } from "../../src/model/capture-status.ts";
import type { Batch } from "../../src/model/contracts.ts";
import { GROUP_KEYS } from "../../src/model/query.ts";
import type { Snapshot } from "../../src/model/snapshot.ts";

interface Recording {
  readonly status: CaptureStatus;
  readonly names: Readonly<Record<string, string>>;
  readonly users: Readonly<Record<string, string>>;
  readonly services: Readonly<Record<string, string>>;
  readonly batches: readonly Batch[];
}

const DIRECTORY = new URL("./engine/", import.meta.url).pathname;

function read(name: string): unknown {
  return JSON.parse(readFileSync(`${DIRECTORY}${name}`, "utf8"));
}

/** As JSON keeps it: maps as lists, undefined left out. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, each: unknown) => (each instanceof Map ? [...each.values()] : each)),
  );
}

function replay(recording: Recording): readonly Snapshot[] {
  const clock = new ManualClock(recording.batches[0]?.sampledAtMs ?? 0);
  const table = new FlowTable({
    clock,
    closedRetentionMs: 3000,
    maxFlows: 32,
    nameOf: (address) => {
      const name = recording.names[address];
      return name === undefined ? undefined : { name, source: "ptr" };
    },
    serviceOf: (protocol, port) => recording.services[`${protocol}:${port}`],
    userNameOf: (userId) => recording.users[userId],
  });
  return recording.batches.map((batch) => table.ingest(batch, recording.status));
}

function expectGolden(name: string, value: unknown): void {
  if (process.env["WB_UPDATE_GOLDEN"] === "1") {
    // One object per line: small, and a difference still shows which row it is.
    writeFileSync(`${DIRECTORY}${name}`, `${JSON.stringify(plain(value)).replaceAll("},{", "},\n{")}\n`);
  }
  expect(plain(value)).toEqual(read(name));
}

const recording = read("recording.json") as Recording;

test("the snapshots of a recorded minute are exactly these", () => {
  expectGolden("snapshots.json", replay(recording));
});

test("the answers to every grouping of the last one are exactly these", () => {
  const last = replay(recording).at(-1);
  if (last === undefined) throw new Error("the recording is empty");
  const answers = GROUP_KEYS.map((by) => {
    const { rows, matched } = query(last, { by, filter: "-user:root", sort: undefined, limit: 5 });
    const keys = rows.map((row) => ("label" in row ? row.label : "name" in row ? row.name : row.id));
    const bytes = rows.map((row) => [row.bytesSent ?? null, row.bytesReceived ?? null]);
    return { by, matched, keys, bytes };
  });
  expectGolden("answers.json", answers);
});
