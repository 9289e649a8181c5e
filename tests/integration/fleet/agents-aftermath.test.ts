/** What follows from stored process events: the live stream, programs to be classified, and a snapshot where views differ. */
import { describe, expect, test } from "bun:test";
import { createHash } from "node:crypto";
import { EMPTY_SET_HASH, type RunningProcess } from "../../../src/protocol/fleet/payloads.ts";
import { BatchAnswer } from "../../../src/protocol/fleet/envelope.ts";
import { TestAgent, TestStream } from "../../support/fleet/test-agent.ts";
import { startTestParent, type TestParent } from "../../support/fleet/test-parent.ts";
import { waitFor } from "../../support/wait-for.ts";

const STARTED_AT_MS = 1_700_000_000_000;

async function joinedAgent(parent: TestParent): Promise<TestAgent> {
  const facts = { url: parent.url, parentId: parent.context.identity.id, pin: parent.pin };
  return new TestAgent(facts).joined((await parent.token()).credential);
}

function runningProcess(pid: number, name: string): RunningProcess {
  return {
    processId: `${pid}_${STARTED_AT_MS}`,
    pid,
    parentPid: 1,
    parentProcessId: null,
    userId: 1000,
    userName: "anna",
    startedAtMs: STARTED_AT_MS,
    isStartExact: true,
    memoryBytes: 1000,
    cpuTimeMs: 5,
    fingerprintHash: createHash("sha256").update(name).digest("hex"),
    fingerprint: {
      name,
      path: `/usr/bin/${name}`,
      fileHash: "ab".repeat(32),
      signature: null,
      publisher: "Debian",
      version: "1.0",
      commandLinePattern: name,
    },
    category: "unknown",
  };
}

/** 128 bits of the hash of one id: the hash of a set is the sum. */
function hashOf(processId: string): string {
  return createHash("sha256").update(processId).digest("hex").slice(0, 32);
}

function started(stream: TestStream, process: RunningProcess, baseHash: string) {
  const { processId, fingerprintHash } = process;
  const timestamp = new Date(STARTED_AT_MS).toISOString();
  const payload = {
    eventType: "started",
    processId,
    fingerprintHash,
    eventData: process,
    timestamp,
    baseHash,
  };
  return stream.event(payload, "process_started");
}

function stopped(stream: TestStream, process: RunningProcess, baseHash: string) {
  const { processId, fingerprintHash, pid, startedAtMs } = process;
  const eventData = {
    processId,
    pid,
    name: process.fingerprint.name,
    startedAtMs,
    stoppedAtMs: startedAtMs + 5000,
    isEndExact: true,
    exitCode: 0,
  };
  const timestamp = new Date(STARTED_AT_MS + 5000).toISOString();
  const payload = { eventType: "stopped", processId, fingerprintHash, eventData, timestamp, baseHash };
  return stream.event(payload, "process_stopped");
}

describe("process events", () => {
  test("are told live, and programs that nobody knows are handed on once", async () => {
    await using parent = await startTestParent();
    const agent = await joinedAgent(parent);
    const stream = new TestStream(agent, "process");
    const game = runningProcess(100, "supertux2");
    expect((await agent.send(stream.batch([started(stream, game, EMPTY_SET_HASH)]))).status).toBe(200);
    expect((await agent.send(stream.batch([stopped(stream, game, hashOf(game.processId))]))).status).toBe(
      200,
    );
    const again = { ...runningProcess(101, "supertux2"), processId: `101_${STARTED_AT_MS}` };
    const answer = await agent.send(stream.batch([started(stream, again, EMPTY_SET_HASH)]));
    expect(BatchAnswer.parse(answer.body).cursor).toBe(3);
    const live = await waitFor("three live events", () => {
      const found = parent.events.filter(({ type }) => type.startsWith("process_"));
      return found.length === 3 && found;
    });
    expect(
      live.map((event) => "process" in event && [event.type, event.process.pid, event.process.stoppedAtMs]),
    ).toEqual([
      ["process_started", 100, null],
      ["process_stopped", 100, STARTED_AT_MS + 5000],
      ["process_started", 101, null],
    ]);
    const { commandLinePattern: _, ...fingerprint } = game.fingerprint;
    expect(parent.seen).toEqual([{ fingerprintHash: game.fingerprintHash, ...fingerprint }]);
  });

  test("that do not fit what the parent knows make it ask for a snapshot, once in a while", async () => {
    await using parent = await startTestParent();
    const agent = await joinedAgent(parent);
    const stream = new TestStream(agent, "process");
    const missing = hashOf("999_1");
    for (const pid of [1, 2, 3]) {
      const event = started(stream, runningProcess(pid, `program${pid}`), missing);
      expect((await agent.send(stream.batch([event]))).status).toBe(200);
    }
    const commands = await waitFor("the command", async () => {
      const found = await parent.store.commands.after(agent.identity.id, 0, Date.now(), 10);
      return found.length > 0 && found;
    });
    expect(commands.map(({ kind, seq }) => [kind, seq])).toEqual([["snapshot", 1]]);
    expect(parent.metric("wb_snapshots_asked_total")).toBe(1);
  });
});
