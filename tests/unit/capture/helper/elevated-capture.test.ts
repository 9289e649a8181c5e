/** The capture that has a helper: what it tells while that is there, when it goes, and when it comes back. */
import { describe, expect, test } from "bun:test";
import { readFileSync, realpathSync } from "node:fs";
import { ElevatedCapture } from "../../../../src/capture/helper/elevated-capture.ts";
import { parseProcStat } from "../../../../src/decode/proc-pid.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import type { Batch, Capture } from "../../../../src/model/contracts.ts";
import type { SocketSample } from "../../../../src/model/flow.ts";
import { batchAt, counted, socket, STATUS } from "../../../support/batches.ts";
import { FakeSource, NO_LOSS, serveHelper, serveScript } from "../../../support/fake-helper.ts";
import {
  bytesRows,
  execEvent,
  exitEvent,
  socketRows,
  TICK_NS,
  udpRow,
} from "../../../support/helper-rows.ts";
import { tmpdir } from "../../../support/tmpdir.ts";
import { waitFor } from "../../../support/wait-for.ts";
import { namespaceInode } from "../../../support/namespace-inode.ts";

const NETNS = namespaceInode();
/** A pid that no process has. */
const ACTOR = [4_194_000, 5 * TICK_NS] as const;

const OURSELVES = [
  process.pid,
  (parseProcStat(readFileSync("/proc/self/stat"))?.startTicks ?? 0) * TICK_NS,
] as const;

/** The other capture: the test says what it sees. */
class Other implements Capture {
  sockets: readonly SocketSample[] = [];
  samples = 0;
  /** Until when (monotonic milliseconds) it was told to forget. */
  rests: number[] = [];
  isDisposed = false;

  status(): typeof STATUS {
    return STATUS;
  }

  sample(): Promise<Batch> {
    this.samples += 1;
    return Promise.resolve(batchAt(this.samples, { sockets: this.sockets }));
  }

  rest(knownUntilMs: number): void {
    this.rests.push(knownUntilMs);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.isDisposed = true;
    return Promise.resolve();
  }
}

/** Longer than any answer takes on a busy machine. */
const PATIENCE_MS = 20_000;

async function open(
  directory: string,
  other: Other,
  answerMsMax = PATIENCE_MS,
  isFrugal = false,
): Promise<ElevatedCapture> {
  return await ElevatedCapture.open({
    access: {
      locate: () =>
        Promise.resolve({ socketPath: `${directory}/helper.sock`, secret: new Uint8Array(32).fill(7) }),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
    fallback: other,
    clock: systemClock,
    procRoot: "/proc",
    answerMsMax,
    isFrugal,
    retryMs: { first: 5, last: 20 },
  });
}

function ids(batch: Batch): unknown[] {
  return batch.sockets.map(({ identity, counters }) => [
    identity.id,
    counters.bytesSent,
    counters.uncertaintyBytes,
  ]);
}

function tcp(sent: number): { sockets: Uint8Array; bytes: Uint8Array } {
  return {
    sockets: socketRows({ cookie: 1, netns: NETNS }, udpRow({ cookie: 2, netns: NETNS })),
    bytes: bytesRows(
      { cookie: 1, netns: NETNS, actor: ACTOR, sent },
      { cookie: 2, netns: NETNS, actor: ACTOR, sent: 7, comm: "short" },
    ),
  };
}

describe("with a helper", () => {
  test("rows, processes by events, names and losses are the helper's", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path);
    Object.assign(helper.source, tcp(10));
    const other = new Other();
    await using capture = await open(directory.path, other);
    const names: Uint8Array[] = [];
    capture.onNameRecords = (records) => names.push(records);
    const parts = { pid: ACTOR[0], startNs: ACTOR[1] };
    helper.source.records = {
      events: Buffer.concat([
        execEvent(parts, "/usr/bin/fetch", ["fetch", "-q"], "fetch"),
        exitEvent({ ...parts, timeNs: 2 }),
      ]),
      names: new Uint8Array([9]),
    };
    await waitFor("the names", () => names.length > 0);
    helper.source.loss = { ...NO_LOSS, lostSent: 1000 };
    const first = await capture.sample();
    expect(capture.status().method).toBe("ebpf_tracepoint");
    expect(capture.status().capabilities).toEqual({
      bytes: "all",
      closedConnections: true,
      processes: "all",
      names: true,
      namespaces: "all",
    });
    expect(ids(first)).toEqual([
      ["tcp:1", 10, 0],
      ["udp:2", 7, 0],
    ]);
    expect(first.loss).toEqual([]); // what was lost before is not this program's
    expect(first.processes.map(({ name, path, commandLine }) => [name, path, commandLine])).toEqual([
      ["fetch", "/usr/bin/fetch", ["fetch", "-q"]],
    ]);
    expect(first.exited).toEqual([]);
    helper.source.loss = {
      ...NO_LOSS,
      lostSent: 1500,
      lostReceived: 20,
      bytesFull: 3,
      socketsFull: 2,
      namesFull: 1,
    };
    await Bun.sleep(60); // the helper hands out the same reading for 50 ms
    const second = await capture.sample();
    expect(second.loss).toEqual([
      { cause: "socket_map_full", count: 2, bytes: 0 },
      { cause: "bytes_map_full", count: 3, bytes: 520 },
      { cause: "name_ring_full", count: 1, bytes: 0 },
    ]);
    expect([second.processes, second.exited.length]).toEqual([[], 1]);
    expect(other.samples).toBe(1);
  });

  test("a process of which nothing but its short name is known is named by that, and counted", async () => {
    await using directory = await tmpdir();
    const source = new FakeSource();
    source.sockets = socketRows({ cookie: 1, netns: NETNS });
    source.bytes = bytesRows({ cookie: 1, netns: NETNS, actor: ACTOR, sent: 1, comm: "brief" });
    await using _helper = await serveHelper(directory.path, { source });
    await using capture = await open(directory.path, new Other());
    const batch = await capture.sample();
    expect(
      batch.processes.map(({ name, path, userId, parentPid }) => [name, path, userId, parentPid]),
    ).toEqual([["brief", undefined, 1000, 1]]);
    expect(batch.loss).toEqual([{ cause: "process_unreadable", count: 1, bytes: undefined }]);
  });

  test("a living process is described by what /proc or the helper says, and what it uses is told each time", async () => {
    await using directory = await tmpdir();
    const source = new FakeSource();
    source.sockets = socketRows({ cookie: 1, netns: NETNS, opener: OURSELVES }, { cookie: 2, netns: NETNS });
    source.bytes = bytesRows(
      { cookie: 1, netns: NETNS, actor: OURSELVES, sent: 1 },
      { cookie: 2, netns: NETNS, actor: ACTOR, sent: 1, comm: "worker" },
    );
    const row = {
      pid: ACTOR[0],
      startTime: 5,
      parentPid: 77,
      userId: 12,
      name: "daemon",
      path: "/usr/sbin/daemon",
      commandLine: ["daemon", "-f"],
      memoryBytes: 4096,
      cpuTimeMs: 20,
    };
    await using _helper = await serveHelper(directory.path, { source, processes: [row] });
    await using capture = await open(directory.path, new Other());
    const first = await capture.sample();
    const ours = first.processes.find(({ pid }) => pid === process.pid);
    expect([ours?.path, ours?.commandLine.includes("test")]).toEqual([realpathSync(process.execPath), true]);
    const theirs = first.processes.find(({ pid }) => pid === ACTOR[0]);
    expect([theirs?.name, theirs?.path, theirs?.userId, theirs?.commandLine]).toEqual([
      "daemon",
      "/usr/sbin/daemon",
      12,
      ["daemon", "-f"],
    ]);
    for (const { usage } of [first, await capture.sample()]) {
      expect(usage.map(({ key }) => key).sort()).toEqual([ours?.key ?? "", theirs?.key ?? ""].sort());
      expect(usage.find(({ key }) => key === theirs?.key)?.memoryBytes).toBe(4096);
    }
    expect((await capture.sample()).processes).toEqual([]);
  });

  test("opening fails where there is none, and lets go of everything", async () => {
    await using directory = await tmpdir();
    const other = new Other();
    const opened = await open(directory.path, other).then(
      () => "opened",
      () => "failed",
    );
    expect([opened, other.isDisposed]).toEqual(["failed", true]);
  });
});

test("a process that lived between two answers is told with the connection that it had, and its end after that", async () => {
  await using directory = await tmpdir();
  await using helper = await serveHelper(directory.path);
  await using capture = await open(directory.path, new Other());
  await capture.sample();
  helper.source.closedBytes = bytesRows({ cookie: 5, netns: NETNS, actor: ACTOR, sent: 3, comm: "brief" });
  helper.source.closedSockets = socketRows({ cookie: 5, netns: NETNS, opener: ACTOR, closedNs: 1 });
  const batch = await waitFor("the connection", async () => {
    const next = await capture.sample();
    return next.closed.length > 0 ? next : undefined;
  });
  expect(batch.closed.map(({ identity, owners }) => [identity.id, owners])).toEqual([
    ["tcp:5", [batch.processes[0]?.key ?? ""]],
  ]);
  expect(batch.processes.map(({ name }) => name)).toEqual(["brief"]);
  await waitFor("its end", async () =>
    (await capture.sample()).exited.includes(batch.processes[0]?.key ?? ""),
  );
});

describe("when the helper goes", () => {
  test("the other capture goes on with the same rows at once, and the helper after that", async () => {
    await using directory = await tmpdir();
    const helper = await serveHelper(directory.path, { source: Object.assign(new FakeSource(), tcp(10)) });
    const other = new Other();
    await using capture = await open(directory.path, other);
    await capture.sample();
    await helper[Symbol.asyncDispose]();
    other.sockets = [
      socket("tcp:1", 25, 0, { attribution: "not_visible" }),
      socket("udp:2", undefined, undefined, {
        identity: { protocol: "udp" },
        counters: counted(undefined, undefined),
      }),
      socket("tcp:3", 4, 0),
    ];
    const away = await capture.sample();
    expect(ids(away)).toEqual([
      ["tcp:1", 25, 0],
      ["udp:2", 7, undefined],
      ["tcp:3", 4, 0],
    ]);
    expect(away.sockets[0]?.owners).toEqual(away.sockets[1]?.owners ?? []);
    expect(away.sockets[2]?.observedFrom).toEqual({ bytesSent: 0, bytesReceived: 0 });
    expect([capture.status().method, capture.status().degradations[0]?.code]).toEqual([
      "sock_diag",
      "helper_gone",
    ]);
    expect(away.loss).toEqual([{ cause: "helper_interrupted", count: 1, bytes: undefined }]);
    expect((await capture.sample()).loss).toEqual([]);
    const source = new FakeSource();
    source.sockets = socketRows(
      { cookie: 1, netns: NETNS, flags: 1, base: [30, 0] },
      udpRow({ cookie: 2, netns: NETNS, flags: 1 }),
      { cookie: 3, netns: NETNS, flags: 1, base: [4, 0] },
    );
    source.bytes = bytesRows(
      { cookie: 1, netns: NETNS, actor: ACTOR, sent: 5 },
      { cookie: 2, netns: NETNS, actor: ACTOR, sent: 3 },
    );
    await using _again = await serveHelper(directory.path, { source });
    const back = await waitFor("the helper to be back", async () => {
      const batch = await capture.sample();
      return capture.status().method === "ebpf_tracepoint" ? batch : undefined;
    });
    expect(ids(back)).toEqual([
      ["tcp:1", 35, 0],
      ["udp:2", 10, undefined],
      ["tcp:3", 4, 0],
    ]);
    expect(capture.status().degradations).toEqual([]);
  });

  test("one that must be small lets the other capture rest until then, from each answer on", async () => {
    await using directory = await tmpdir();
    const helper = await serveHelper(directory.path, { source: Object.assign(new FakeSource(), tcp(10)) });
    const other = new Other();
    other.sockets = [socket("tcp:1", 25, 0)];
    await using capture = await open(directory.path, other, PATIENCE_MS, true);
    const beganMs = systemClock.monotonicMs();
    await capture.sample();
    await capture.sample();
    expect([other.samples, other.rests.length]).toEqual([0, 2]);
    const [first = 0, second = 0] = other.rests;
    expect(first).toBeGreaterThanOrEqual(beganMs);
    expect(second).toBeGreaterThan(first);
    await helper[Symbol.asyncDispose]();
    expect(ids(await capture.sample())[0]).toEqual(["tcp:1", 25, 0]);
    expect([other.samples, other.rests.length]).toEqual([1, 2]);
  });

  test("what the other capture can't see stays as long as a process holds it, as a lower bound", async () => {
    await using directory = await tmpdir();
    const source = new FakeSource();
    const elsewhere = NETNS + 1;
    source.sockets = socketRows({ cookie: 1, netns: elsewhere }, { cookie: 2, netns: elsewhere });
    source.bytes = bytesRows(
      { cookie: 1, netns: elsewhere, actor: OURSELVES, sent: 8 },
      { cookie: 2, netns: elsewhere, actor: ACTOR, sent: 9 },
    );
    const helper = await serveHelper(directory.path, { source });
    await using capture = await open(directory.path, new Other());
    await capture.sample();
    await helper[Symbol.asyncDispose]();
    expect(ids(await capture.sample())).toEqual([[`tcp:1%${elsewhere}`, 8, undefined]]);
  });

  test("one that does not answer costs the sample its patience, and no more", async () => {
    await using directory = await tmpdir();
    let asked = 0;
    const listener = await serveScript(directory.path, {
      answer: ({ id, type }, say) => {
        if (type === "status") {
          say({
            type: "status",
            id,
            helperVersion: "1",
            method: "ebpf_fentry",
            degradations: [],
            programs: [],
            startedAtMs: 1,
            attachedNs: 1,
            sessions: 1,
            socketsMax: 1,
            bytesMax: 1,
            residentBytes: 1,
          });
        } else asked += 1;
      },
    });
    const other = new Other();
    await using capture = await open(directory.path, other, 2000);
    const beganMs = performance.now();
    await capture.sample();
    const tookMs = performance.now() - beganMs;
    expect(tookMs).toBeGreaterThan(1900);
    expect(tookMs).toBeLessThan(3900); // once, not for each of its questions
    expect(asked).toBeGreaterThan(0);
    expect(capture.status().degradations[0]?.code).toBe("helper_gone");
    await listener[Symbol.asyncDispose]();
    const againMs = performance.now();
    await capture.sample();
    expect(performance.now() - againMs).toBeLessThan(1900);
  });

  test("a session that is over is followed by the next one, without a gap", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path, { lifetimeMs: 1600 });
    Object.assign(helper.source, tcp(10));
    const other = new Other();
    await using capture = await open(directory.path, other);
    const losses: unknown[] = [];
    while (helper.log.filter((line) => line.includes("session opened")).length < 4) {
      losses.push(...(await capture.sample()).loss.filter(({ cause }) => cause === "helper_interrupted"));
      expect(capture.status().method).toBe("ebpf_tracepoint");
      await Bun.sleep(10);
    }
    expect(losses).toEqual([]);
  }, 120_000);

  test("a socket that closes around the change of sessions is told once", async () => {
    await using directory = await tmpdir();
    await using helper = await serveHelper(directory.path, { lifetimeMs: 2000 });
    await using capture = await open(directory.path, new Other());
    const told: string[] = [];
    const sample = async (): Promise<boolean> => {
      told.push(...(await capture.sample()).closed.map(({ identity }) => identity.id));
      return helper.source.closedSockets.length === 0;
    };
    for (let cookie = 1; cookie <= 60; cookie += 1) {
      helper.source.closedBytes = bytesRows({ cookie, netns: NETNS, actor: ACTOR, sent: 1 });
      helper.source.closedSockets = socketRows({ cookie, netns: NETNS, closedNs: 1 });
      await waitFor("the helper to read it", sample);
    }
    told.push(...(await capture.sample()).closed.map(({ identity }) => identity.id));
    expect(told).toEqual(Array.from({ length: 60 }, (_, index) => `tcp:${index + 1}`));
  }, 120_000);
});
