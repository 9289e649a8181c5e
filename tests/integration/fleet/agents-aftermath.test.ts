/** What follows from stored process events: the live stream, programs to be classified, and a snapshot where views differ. */
import { describe, expect, spyOn, test } from "bun:test";
import { BatchAnswer } from "../../../src/protocol/fleet/envelope.ts";
import { TestStream } from "../../support/fleet/agent.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { Processes, T0 } from "../../support/fleet/stored.ts";
import { waitFor } from "../../support/wait-for.ts";

const STOPPED_AT_MS = T0 + 5000;

describe("process events", () => {
  test("are told live, and programs that nobody knows are handed on once", async () => {
    await using parent = await TestParent.start();
    const events = parent.watch();
    const handedOn = spyOn(parent.context.classifications, "seen");
    const agent = await parent.agent();
    const stream = new TestStream(agent, "process");
    const processes = new Processes();
    const game = processes.running(100, "supertux2");
    expect((await agent.send(stream.batch([processes.started(game)]))).status).toBe(200);
    expect((await agent.send(stream.batch([processes.stopped(game, STOPPED_AT_MS)]))).status).toBe(200);
    const again = processes.running(101, "supertux2");
    const answer = await agent.send(stream.batch([processes.started(again)]));
    expect(BatchAnswer.parse(answer.body).cursor).toBe(3);
    const live = await waitFor("three live events", () => {
      const found = events.filter(({ type }) => type.startsWith("process_"));
      return found.length === 3 && found;
    });
    expect(
      live.map((event) => "process" in event && [event.type, event.process.pid, event.process.stoppedAtMs]),
    ).toEqual([
      ["process_started", 100, null],
      ["process_stopped", 100, STOPPED_AT_MS],
      ["process_started", 101, null],
    ]);
    const { commandLinePattern: _, ...fingerprint } = game.fingerprint;
    expect(handedOn.mock.calls.flatMap(([programs]) => programs)).toEqual([
      { fingerprintHash: game.fingerprintHash, ...fingerprint },
    ]);
  });

  test("that do not fit what the parent knows make it ask for a snapshot, once in a while", async () => {
    await using parent = await TestParent.start();
    const agent = await parent.agent();
    const stream = new TestStream(agent, "process");
    const processes = new Processes();
    processes.silently("start", processes.running(999, "never-told"));
    for (const pid of [1, 2, 3]) {
      const event = processes.started(processes.running(pid, `program${pid}`));
      expect((await agent.send(stream.batch([event]))).status).toBe(200);
    }
    const commands = await waitFor("the command", async () => {
      const found = await parent.store.commands.after(agent.identity.id, 0, Date.now(), 10);
      return found.length > 0 && found;
    });
    expect(commands.map(({ kind, seq }) => [kind, seq])).toEqual([["snapshot", 1]]);
    await waitFor("it to be counted", () => parent.metric("wb_snapshots_asked_total") === 1);
  });
});
