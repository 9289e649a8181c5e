/**
 * What the helper answers, over a real socket, from a source without a kernel: rows by time, closed rows once to each
 * session, events by credits, and errors that end nothing.
 */
import { describe, expect, test } from "bun:test";
import { ProcFiles } from "../../src/capture/linux/proc-files.ts";
import { ProcessRows } from "../../src/capture/linux/process-rows.ts";
import { createLog } from "../../src/helper/log.ts";
import { peerFacts } from "../../src/helper/peers.ts";
import { HelperServer } from "../../src/helper/server.ts";
import { joinBytes } from "../../src/lib/bytes.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { VERSION } from "../../src/model/version.ts";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import { makeRandomBytes } from "../../src/protocol/helper/handshake.ts";
import { HelperClient } from "../support/helper-client.ts";
import { bytesRow, ScriptedSource, socketRow } from "../support/helper-source.ts";
import { eventRecord } from "../support/kernel-records.ts";
import { tmpdir } from "../support/tmpdir.ts";
import { waitFor } from "../support/wait-for.ts";

interface World {
  readonly source: ScriptedSource;
  readonly log: readonly string[];
  readonly session: () => Promise<HelperClient>;
}

async function served(body: (world: World) => Promise<void>): Promise<void> {
  await using directory = await tmpdir();
  const source = new ScriptedSource();
  const secret = makeRandomBytes(32);
  const lines: string[] = [];
  const write = (line: string): number => lines.push(line);
  const log = createLog({ level: "info", form: "text", isJournal: false, clock: systemClock, write });
  using files = new ProcFiles();
  const access = { userIds: [process.getuid?.() ?? 0], groupId: undefined, clientPid: undefined };
  const facts = peerFacts(new ProcessRows(files));
  const options = { source, secret, access, facts, clock: systemClock, log, sessionLifetimeMs: 60_000 };
  using server = new HelperServer(options);
  const path = `${directory.path}/helper.sock`;
  const limits = { receivedBytesMax: 65_536, waitingBytesMax: 1 << 26 };
  await using _ = await unixTransport.listen(path, limits, server.handlers);
  const clients: HelperClient[] = [];
  const session = async (): Promise<HelperClient> => {
    const client = await HelperClient.connect(path);
    clients.push(client);
    await client.authenticate(secret);
    return client;
  };
  try {
    await body({ source, log: lines, session });
  } finally {
    for (const client of clients) client[Symbol.dispose]();
  }
}

describe("connection statistics", () => {
  test("are the rows that changed, with a second's margin", () =>
    served(async ({ source, session }) => {
      source.sockets = [socketRow(1, 1e9), socketRow(2, 3.5e9), socketRow(3, 4e9)];
      source.bytes = [bytesRow(1, 1e9, 10, 20), bytesRow(3, 4e9, 30, 40)];
      const client = await session();
      // What it read when the session began may be some milliseconds old.
      const all = await waitFor("the rows", async () => {
        const answer = await client.ask({ type: "connectionStats", sinceNs: 0 });
        return answer.sockets.length > 0 && answer;
      });
      expect([all.timeNs, all.sockets, all.bytes]).toEqual([
        5e9,
        joinBytes(source.sockets),
        joinBytes(source.bytes),
      ]);
      expect(Object.values(all.loss)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
      // The second is before the named time, within the margin; the first before that.
      const since = await client.ask({ type: "connectionStats", sinceNs: 4.5e9 });
      expect(since.sockets).toEqual(joinBytes([socketRow(2, 3.5e9), socketRow(3, 4e9)]));
      expect(since.bytes).toEqual(bytesRow(3, 4e9, 30, 40));
      const none = await client.ask({ type: "connectionStats", sinceNs: 6e9 });
      expect([none.sockets.length, none.bytes.length]).toEqual([0, 0]);
    }));

  test("tell closed sockets once to each session that was there, however often they ask", () =>
    served(async ({ source, session }) => {
      source.closedSockets = [socketRow(9, 1)];
      await waitFor("what closed before anybody came to be read", () => source.closedSockets.length === 0);
      const [first, second] = [await session(), await session()];
      source.closedSockets = [socketRow(1, 1)];
      source.closedBytes = [bytesRow(1, 1, 100, 200)];
      // It is read out of the kernel by itself, whoever asks.
      await waitFor("the rows to be read", () => source.closedSockets.length === 0);
      const told = await first.ask({ type: "connectionStats", sinceNs: 0 });
      expect([told.closedSockets, told.closedBytes]).toEqual([socketRow(1, 1), bytesRow(1, 1, 100, 200)]);
      const again = await first.ask({ type: "connectionStats", sinceNs: 0 });
      expect([again.closedSockets.length, again.closedBytes.length, again.missedRows]).toEqual([0, 0, 0]);
      const other = await second.ask({ type: "connectionStats", sinceNs: 0 });
      expect([other.closedSockets, other.closedBytes]).toEqual([socketRow(1, 1), bytesRow(1, 1, 100, 200)]);
      const late = await session();
      const nothing = await late.ask({ type: "connectionStats", sinceNs: 0 });
      expect([nothing.closedSockets.length, nothing.missedRows]).toEqual([0, 0]);
    }));

  test("count what a slow session was not told, exactly", () =>
    served(async ({ source, session }) => {
      const [slow, quick] = [await session(), await session()];
      const many = joinBytes(Array.from({ length: 5000 }, (_, index) => bytesRow(index, 1, 1, 2)));
      let toldQuick = 0;
      // 14,400,000 bytes of rows, of which 8 MiB are kept.
      for (let round = 0; round < 30; round += 1) {
        source.closedBytes = [many];
        await waitFor("the rows to be read", () => source.closedBytes.length === 0);
        const { closedBytes, missedRows } = await quick.ask({ type: "connectionStats", sinceNs: 0 });
        expect(missedRows).toBe(0);
        toldQuick += closedBytes.length / 96;
      }
      expect(toldQuick).toBe(150_000);
      const { closedBytes, missedRows, missedBytes } = await slow.ask({
        type: "connectionStats",
        sinceNs: 0,
      });
      const told = closedBytes.length / 96;
      expect([told + missedRows, told * 3 + missedBytes]).toEqual([150_000, 450_000]);
      expect(closedBytes.length).toBeGreaterThan(8 * 1024 * 1024 - 500_000);
      expect(closedBytes.length).toBeLessThanOrEqual(8 * 1024 * 1024);
    }));

  test("come after what passed the connections that they tell as closed", () =>
    served(async ({ source, session }) => {
      const client = await session();
      client.post({ type: "processEvents", credits: 100 });
      await client.ask({ type: "heartbeat" });
      for (let round = 1; round <= 20; round += 1) {
        source.events = [eventRecord(40)];
        source.closedSockets = [socketRow(round, 1)];
        await waitFor("the closed one to be told", async () => {
          const answer = await client.ask({ type: "connectionStats", sinceNs: 0 });
          return answer.closedSockets.length > 0;
        });
        expect(client.responses.filter(({ type }) => type === "processEvents")).toHaveLength(round);
      }
    }));

  test("are read for all sessions together, and not without need", () =>
    served(async ({ source, session }) => {
      const clients = [await session(), await session(), await session()];
      // A busy machine may have one of them asked later than the others.
      await waitFor("a reading for all", async () => {
        const before = source.collections;
        await Promise.all(clients.map((client) => client.ask({ type: "connectionStats", sinceNs: 0 })));
        return source.collections - before < 3;
      });
    }));
});

describe("events", () => {
  test("come by credits, in order, with what was dropped", () =>
    served(async ({ source, session }) => {
      const client = await session();
      const id = client.post({ type: "processEvents", credits: 1 });
      await client.ask({ type: "heartbeat" }); // by now the stream is there
      source.events = [eventRecord(40), eventRecord(64)];
      const first = await client.answer(id);
      expect(first).toEqual({
        type: "processEvents",
        id,
        events: joinBytes([eventRecord(40), eventRecord(64)]),
        names: new Uint8Array(0),
        droppedEvents: 0,
      });
      source.events = [eventRecord(48)];
      await waitFor("it to be taken out of the kernel", () => source.events.length === 0);
      source.events = [eventRecord(56)];
      await waitFor("it to be taken out of the kernel", () => source.events.length === 0);
      expect(client.responses.filter(({ type }) => type === "processEvents").length).toBe(1);
      client.post({ type: "processEvents", credits: 5 });
      const frames = await waitFor("the next frame", () => {
        const found = client.responses.filter((response) => response.type === "processEvents");
        return found.length === 2 ? found : undefined;
      });
      expect(frames[1]).toMatchObject({ id, events: joinBytes([eventRecord(48), eventRecord(56)]) });
    }));
});

describe("a client", () => {
  test("that is slow in reading what it did not ask for is not cut off, and learns how much it missed", () =>
    served(async ({ source, session, log }) => {
      const client = await session();
      const id = client.post({ type: "processEvents", credits: 1000 });
      await client.ask({ type: "heartbeat" });
      client.socket.pause();
      const record = eventRecord(2000);
      // Six megabytes in all, where one may wait to be written and one in the stream.
      for (let round = 0; round < 15; round += 1) {
        source.events = Array.from({ length: 200 }, () => record);
        // eslint-disable-next-line no-await-in-loop -- one drain after the other
        await waitFor("the events to be taken out of the kernel", () => source.events.length === 0);
      }
      client.socket.resume();
      await client.ask({ type: "heartbeat" });
      source.events = [eventRecord(40)];
      const told = await waitFor("the last event", () => {
        const frames = client.responses.filter((each) => each.type === "processEvents");
        const bytes = frames.reduce((sum, { events }) => sum + events.length, 0);
        return bytes % 2000 === 40 && { records: (bytes - 40) / 2000, dropped: frames.at(-1)?.droppedEvents };
      });
      expect(told.records + (told.dropped ?? 0)).toBe(3000);
      expect(told.dropped).toBeGreaterThan(1000);
      expect([client.isClosed, id > 0]).toEqual([false, true]);
      expect(log.filter((line) => line.includes("refused"))).toEqual([]);
    }));

  test("that ends in the middle of an answer is not said to be refused", () =>
    served(async ({ source, session, log }) => {
      source.sockets = Array.from({ length: 20_000 }, (_, index) => socketRow(index + 1, 1));
      const client = await session();
      client.socket.pause();
      client.post({ type: "connectionStats", sinceNs: 0 });
      await waitFor("the answer to be written", () => source.collections > 1);
      client.socket.terminate();
      await waitFor("the end of the session", () => log.some((line) => line.includes("session closed")));
      expect(log.filter((line) => line.includes("refused"))).toEqual([]);
    }));
});

describe("the rest", () => {
  test("status, heartbeat, processes", () =>
    served(async ({ session }) => {
      const client = await session();
      const { residentBytes, startedAtMs, ...status } = await client.ask({ type: "status" });
      expect(status).toEqual({
        type: "status",
        id: 2,
        helperVersion: VERSION,
        method: "ebpf_tracepoint",
        degradations: [],
        programs: ["one", "two"],
        attachedNs: 17,
        sessions: 1,
        socketsMax: 100,
        bytesMax: 100,
      });
      expect(residentBytes).toBeGreaterThan(1e6);
      expect(Math.abs(startedAtMs - Date.now())).toBeLessThan(60_000);
      const { timeNs } = await client.ask({ type: "heartbeat" });
      expect(timeNs).toBeGreaterThanOrEqual(5e9);
      const { processes } = await client.ask({ type: "processStats", pids: [process.pid, 2 ** 22 + 1] });
      expect(processes.map(({ pid, userId, parentPid }) => [pid, userId, parentPid])).toEqual([
        [process.pid, process.getuid?.() ?? -1, process.ppid],
      ]);
    }));

  test("an error of the kernel is an answer, logged, and over when it is over", () =>
    served(async ({ source, session, log }) => {
      const client = await session();
      source.failure = new Error("EPERM");
      const answer = await waitFor("a failure", async () => {
        const each = await client.answer(client.post({ type: "connectionStats", sinceNs: 0 }));
        return each.type === "error" ? each : undefined;
      });
      expect(answer).toMatchObject({ code: "unavailable" });
      await waitFor("the log", () =>
        log.some((line) => line.includes("can't answer") && line.includes("EPERM")),
      );
      source.failure = undefined;
      source.sockets = [socketRow(1, 1)];
      await client.ask({ type: "connectionStats", sinceNs: 0 });
    }));
});
