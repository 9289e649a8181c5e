/** The stream of process events over a helper that comes, goes, drops, lacks programs, and whose sessions end. */
import { describe, expect, test } from "bun:test";
import { ProcessWatch } from "../../../../src/capture/helper/process-watch.ts";
import type { ProcessEvent } from "../../../../src/decode/process-events.ts";
import { joinBytes } from "../../../../src/lib/bytes.ts";
import { systemClock } from "../../../../src/lib/clock.ts";
import { WbError } from "../../../../src/model/errors.ts";
import { FakeSource, NO_LOSS, serveHelper, type ServedHelper } from "../../../support/fake-helper.ts";
import { execEvent, forkEvent } from "../../../support/helper-rows.ts";
import { eventRecord } from "../../../support/kernel-records.ts";
import { tmpdir } from "../../../support/tmpdir.ts";
import { waitFor } from "../../../support/wait-for.ts";

class ProcessSource extends FakeSource {
  override readonly programs: string[] = ["tp_fork", "tp_exec", "tp_exit"] as never;
}

class World implements AsyncDisposable {
  readonly happened: string[] = [];
  readonly events: ProcessEvent[] = [];
  served: ServedHelper | undefined;
  locations = 0;
  readonly watch: ProcessWatch;

  constructor() {
    this.watch = new ProcessWatch({
      access: {
        locate: () => {
          this.locations += 1;
          if (this.served !== undefined) return Promise.resolve(this.served.address);
          return Promise.reject(new WbError("unavailable", "there is none"));
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      },
      clock: systemClock,
      onBegan: () => this.happened.push("began"),
      onEvents: (events) => this.events.push(...events),
      onLost: (where, count) => this.happened.push(`lost ${count} ${where}`),
      onEnded: () => this.happened.push("ended"),
      lossMs: 50,
      retryMs: { first: 10, last: 50 },
    });
    this.watch.start();
  }

  saw(what: string): Promise<true> {
    return waitFor(what, () => this.happened.includes(what) || undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.watch[Symbol.asyncDispose]();
    await this.served?.[Symbol.asyncDispose]();
  }
}

function forks(...pids: readonly number[]): Uint8Array {
  return joinBytes(pids.map((pid) => forkEvent({ pid, startNs: 1 })));
}

const NOTHING = new Uint8Array(0);

describe("process events", () => {
  test("come from a helper that was not there at first, end with it, and come again with the next", async () => {
    await using directory = await tmpdir();
    await using world = new World();
    await waitFor("some attempts", () => world.locations > 2);
    expect(world.watch.isLive).toBe(false);
    expect(await world.watch.processes([1])).toEqual([]);
    const source = new ProcessSource();
    const row = {
      pid: 7,
      startTime: 1,
      parentPid: 1,
      userId: 0,
      name: "x",
      path: "/x",
      commandLine: [],
      memoryBytes: 1,
      cpuTimeMs: 1,
    };
    world.served = await serveHelper(directory.path, { source, processes: [row] });
    await world.saw("began");
    source.records = { events: forks(1, 2), names: NOTHING };
    await waitFor("the events", () => world.events.length === 2);
    expect(await world.watch.processes([7, 8])).toEqual([row]);
    await world.served[Symbol.asyncDispose]();
    world.served = undefined;
    await world.saw("ended");
    expect(world.watch.isLive).toBe(false);
    const other = new ProcessSource();
    world.served = await serveHelper(directory.path, { source: other });
    await waitFor("the second helper", () => world.happened.length === 3);
    other.records = { events: forks(3), names: NOTHING };
    await waitFor("its events", () => world.events.length === 3);
    expect(world.happened).toEqual(["began", "ended", "began"]);
  });

  test("go on over sessions whose time is over, without an end", async () => {
    await using directory = await tmpdir();
    await using world = new World();
    const source = new ProcessSource();
    world.served = await serveHelper(directory.path, { source, lifetimeMs: 1600 });
    await world.saw("began");
    for (let pid = 1; pid <= 4; pid += 1) {
      const before = world.locations;
      await waitFor("another session", () => world.locations > before);
      source.records = { events: forks(pid), names: NOTHING };
      await waitFor("its event", () => world.events.some((event) => event.pid === pid));
    }
    expect(world.happened).toEqual(["began"]);
  }, 120_000);

  test("what the kernel had no room for is counted from when the helper was met", async () => {
    await using directory = await tmpdir();
    await using world = new World();
    const source = new ProcessSource();
    source.loss = { ...NO_LOSS, eventsFull: 5 };
    world.served = await serveHelper(directory.path, { source });
    await world.saw("began");
    const { served } = world;
    await waitFor("the first look", () => served !== undefined && source.timeNs > 1_005_000_000);
    source.loss = { ...NO_LOSS, eventsFull: 12 };
    await waitFor("the loss", () => world.happened.includes("lost 7 kernel"));
  });

  test("what can't be understood is a loss, and what came before it is told", async () => {
    await using directory = await tmpdir();
    await using world = new World();
    const source = new ProcessSource();
    world.served = await serveHelper(directory.path, { source });
    await world.saw("began");
    const exec = execEvent({ pid: 1, startNs: 1 }, "/bin/x", ["x"], "x");
    source.records = { events: joinBytes([exec, eventRecord(39)]), names: NOTHING };
    await world.saw("lost 1 helper");
    expect(world.events).toMatchObject([{ type: "exec", fileName: "/bin/x" }]);
  });

  test("a helper without the programs is none", async () => {
    await using directory = await tmpdir();
    await using world = new World();
    world.served = await serveHelper(directory.path, { source: new FakeSource() });
    await waitFor("some attempts", () => world.locations > 3);
    expect(world.happened).toEqual([]);
  });
});
