/** The recorder: several monitors, kills, disks that refuse, and a machine that sleeps. It never throws. */
import { describe, expect, test } from "bun:test";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Database } from "bun:sqlite";
import { Rollup } from "../../../src/engine/rollup.ts";
import { localHourStart } from "../../../src/lib/calendar.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { Flow } from "../../../src/model/snapshot.ts";
import { openHistory } from "../../../src/store/history.ts";
import { createRecorder, type Recorder, type RecorderOptions } from "../../../src/store/recorder.ts";
import { makeFlow, makeSnapshot, NOON_MS, SharedLock } from "../../support/history-world.ts";
import { tmpdir } from "../../support/tmpdir.ts";

/** One directory, one clock, one lock, and as many recorders as wanted. */
class Scene {
  readonly clock = new ManualClock(NOON_MS);
  readonly lock = new SharedLock();
  readonly path: string;
  readonly told: string[] = [];

  constructor(directory: string) {
    this.path = join(directory, "history.db");
  }

  start(options: Partial<RecorderOptions> = {}): Recorder & { kill(): void } {
    const lock = this.lock.forOne(() => this.clock.nowMs());
    const recorder = createRecorder({
      path: this.path,
      clock: this.clock,
      lock,
      createRollup: (start) => new Rollup({ ...start, hourStartMs: localHourStart }),
      scope: "boot net",
      onNotice: (message) => this.told.push(message),
      ...options,
    });
    return {
      observe: (snapshot) => recorder.observe(snapshot),
      status: () => recorder.status(),
      close: () => recorder.close(),
      kill: () => lock.kill(),
    };
  }

  /** A second passes, then a look. */
  look(recorder: Recorder, flows: readonly Flow[], afterMs = 1000): void {
    this.clock.advance(afterMs);
    recorder.observe(makeSnapshot(this.clock.nowMs(), flows, { intervalMs: 1000 }));
  }

  recorded(): { bytes: number; gaps: string[]; recordedMs: number } {
    const history = openHistory({ path: this.path, clock: this.clock, readonly: true });
    const { totals, coverage } = history.query({ sinceMs: 0, untilMs: 2 ** 52, by: "process" });
    history.close();
    return {
      bytes: totals.bytesSent,
      gaps: coverage.gaps.map((gap) => `${gap.reason} ${(gap.untilMs - gap.fromMs) / 1000}`),
      recordedMs: coverage.recordedMs,
    };
  }
}

function sent(bytes: number, id = "a"): Flow {
  return makeFlow(id, { bytesSent: bytes, observedBytesSent: bytes });
}

test("commits the first look at once, then every five seconds, and the rest when it is closed", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const recorder = scene.start();
  const seen: number[] = [];
  for (let second = 1; second <= 11; second += 1) {
    scene.look(recorder, [sent(second)]);
    seen.push(scene.recorded().bytes);
  }
  expect(seen).toEqual([1, 1, 1, 1, 1, 6, 6, 6, 6, 6, 11]);
  scene.look(recorder, [sent(12)]);
  recorder.close();
  expect(scene.recorded()).toEqual({ bytes: 12, gaps: [], recordedMs: 11_000 });
  expect(recorder.status().state).toBe("stopped");
  expect(scene.told).toEqual([]);
});

test("with a long interval every look is committed", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const recorder = scene.start();
  for (const bytes of [1, 2, 3]) {
    scene.clock.advance(60_000);
    recorder.observe(makeSnapshot(scene.clock.nowMs(), [sent(bytes)], { intervalMs: 60_000 }));
    expect(scene.recorded().bytes).toBe(bytes);
  }
});

describe("after a kill", () => {
  test("says how much is missing, goes on without counting twice, and books what living flows did meanwhile", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    const first = scene.start();
    scene.look(first, [sent(100), sent(1000, "short")]);
    scene.look(first, [sent(130), sent(1500, "short")]);
    first.kill();
    const second = scene.start();
    // The flow table of the new monitor begins to observe at 140; "short" is gone for good.
    const lived = (bytes: number): Flow =>
      makeFlow("a", { bytesSent: bytes, observedBytesSent: bytes - 140, firstSeenMs: scene.clock.nowMs() });
    scene.look(second, [lived(140)], 60_000);
    scene.look(second, [lived(150)]);
    second.close();
    expect(scene.recorded()).toMatchObject({ bytes: 1150, gaps: ["unclean_end 6"] });
    expect(scene.told.length).toBe(1);
    expect(scene.told[0]).toMatch(
      /^the last monitor ended without closing the history: up to 6 s after \d\d:\d\d:\d\d on 2026-11-\d\d are missing$/,
    );
    expect(second.status().notices).toEqual(scene.told);
  });

  test("and a new boot of the machine nothing is taken for the same flow", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    const first = scene.start();
    scene.look(first, [sent(100)]);
    first.kill();
    const second = scene.start({ scope: "other-boot net" });
    scene.look(second, [makeFlow("a", { bytesSent: 500, observedBytesSent: 0 })]);
    second.close();
    expect(scene.recorded()).toMatchObject({ bytes: 100 });
    expect(scene.told[0]).toStartWith("the machine stopped while a monitor was recording: up to 1 s after");
  });

  test("in order there is no gap, and nothing is told", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    const first = scene.start();
    scene.look(first, [sent(100)]);
    first.close();
    const second = scene.start();
    scene.look(second, [makeFlow("a", { bytesSent: 120, observedBytesSent: 0 })]);
    second.close();
    expect(scene.recorded()).toMatchObject({ bytes: 120, gaps: [] });
    expect(scene.told).toEqual([]);
  });
});

test("of several monitors one records, the others stand by and take over, none counts twice", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const [first, second] = [scene.start(), scene.start()];
  scene.look(first, [sent(100)]);
  scene.look(second, [sent(100)]);
  expect(second.status()).toMatchObject({
    state: "standby",
    message: "another monitor records the history; this one takes over when it ends",
  });
  scene.look(second, [sent(110)]);
  scene.look(first, [sent(110)]);
  first.close();
  scene.look(second, [sent(120)]);
  expect(second.status().state).toBe("recording");
  scene.look(second, [sent(125), sent(7, "new")]);
  second.close();
  expect(scene.recorded()).toMatchObject({ bytes: 132, gaps: [] });
});

describe("a disk that refuses", () => {
  test("stops the recording, not the monitor; what is seen is kept and written when it is possible again", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(join(directory.path, "state"));
    writeFileSync(join(directory.path, "state"), "a file where the directory should be");
    const recorder = scene.start();
    scene.look(recorder, [sent(1)]);
    expect(recorder.status().state).toBe("stopped");
    expect(recorder.status().message).toMatch(
      /^recording stopped: the history .* cannot be written: .*tried again every minute, and what is seen meanwhile is kept in memory$/,
    );
    rmSync(join(directory.path, "state"));
    mkdirSync(join(directory.path, "state"));
    for (let second = 2; second < 60; second += 1) scene.look(recorder, [sent(second)]);
    expect(readdirSync(join(directory.path, "state"))).toEqual([]);
    for (let second = 60; second < 65; second += 1) scene.look(recorder, [sent(second)]);
    expect(recorder.status().state).toBe("recording");
    recorder.close();
    expect(scene.recorded()).toEqual({ bytes: 64, gaps: [], recordedMs: 63_000 });
    expect(scene.told.length).toBe(2);
    expect(scene.told[1]).toBe("the history is recorded again; nothing that was seen is missing");
  });

  test("in the middle of a recording loses nothing either", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    const recorder = scene.start();
    scene.look(recorder, [sent(1)]);
    // Another program holds the write lock for longer than is waited.
    const other = new Database(scene.path);
    other.run("BEGIN IMMEDIATE");
    for (let second = 2; second <= 7; second += 1) scene.look(recorder, [sent(second)]);
    expect(recorder.status()).toMatchObject({ state: "stopped" });
    expect(recorder.status().message).toContain("another program keeps it locked");
    other.run("ROLLBACK");
    other.close();
    for (let second = 8; second <= 70; second += 1) scene.look(recorder, [sent(second)]);
    recorder.close();
    expect(scene.recorded()).toMatchObject({ bytes: 70, gaps: [] });
  });

  test("without a lock records nothing, tries again, and says what is missing", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    scene.lock.failure = new Error("no locks on this file system");
    const recorder = scene.start();
    for (let second = 1; second <= 30; second += 1) scene.look(recorder, [sent(second)]);
    expect(recorder.status().message).toContain("no locks on this file system");
    scene.lock.failure = undefined;
    for (let second = 31; second <= 65; second += 1) scene.look(recorder, [sent(second)]);
    recorder.close();
    // From the 61st second on, when it was tried again.
    expect(scene.recorded()).toMatchObject({ bytes: 4, gaps: ["storage_failed 60"] });
  });

  test("until the end is told by the next start", async () => {
    await using directory = await tmpdir();
    const scene = new Scene(directory.path);
    const first = scene.start();
    scene.look(first, [sent(1)]);
    const other = new Database(scene.path);
    other.run("BEGIN IMMEDIATE");
    for (let second = 2; second <= 130; second += 1) scene.look(first, [sent(second)]);
    first.kill();
    other.run("ROLLBACK");
    other.close();
    const second = scene.start();
    scene.look(second, []);
    expect(scene.told.at(-1)).toMatch(
      /^the last monitor could not write its history: what happened after .*, for up to \d+ s, is missing$/,
    );
    expect(scene.recorded()).toMatchObject({
      bytes: 1,
      gaps: [expect.stringMatching(/^storage_failed 1\d\d$/)],
    });
  });
});

test("a history of a newer version stops the recording for good, and the lock is free", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  scene.start().close();
  openHistory({ path: scene.path, clock: scene.clock }).close();
  const database = new Database(scene.path);
  database.run("PRAGMA user_version = 7");
  database.close();
  const recorder = scene.start();
  scene.look(recorder, [sent(1)]);
  expect(recorder.status().message).toMatch(
    /^recording stopped: .* was made by a newer wb .* install the newer wb/,
  );
  expect(recorder.status().message).not.toContain("tried again");
  scene.look(recorder, [sent(2)], 120_000);
  expect(scene.told.length).toBe(1);
  expect(scene.lock.forOne(() => 0).tryAcquire()).toBe(true);
});

test("a history that turns out to be damaged while recording is set aside, and the recording goes on", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const first = scene.start();
  scene.look(
    first,
    Array.from({ length: 2000 }, (_, index) =>
      makeFlow(`f${index}`, { remoteAddress: `192.0.2.${index}`, observedBytesSent: 1 }),
    ),
  );
  first.close();
  writeFileSync(scene.path, Buffer.alloc(200_000, 0x5a));
  const second = scene.start();
  scene.look(second, [sent(5, "new")]);
  expect(second.status().state).toBe("recording");
  second.close();
  expect(scene.told.length).toBe(1);
  expect(scene.told[0]).toMatch(/^the history was damaged: it was set aside as .*, and a new one begun$/);
  expect(scene.recorded()).toMatchObject({ bytes: 5, gaps: ["database_corrupt 0"] });
});

test("a history that is removed while it is recorded is begun anew, with what lives", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const first = scene.start();
  scene.look(first, [sent(100)]);
  for (const name of readdirSync(directory.path)) rmSync(join(directory.path, name));
  for (let second = 1; second <= 6; second += 1) scene.look(first, [sent(100 + second)]);
  first.kill();
  expect(scene.recorded()).toMatchObject({ bytes: 5, gaps: [] });
  expect(scene.told.length).toBe(1);
  expect(scene.told[0]).toContain("was removed or replaced");
  const second = scene.start();
  scene.look(second, [makeFlow("a", { bytesSent: 110, observedBytesSent: 0 })]);
  expect(scene.recorded().bytes).toBe(10);
});

test("the time that a machine sleeps is not recorded time", async () => {
  await using directory = await tmpdir();
  const scene = new Scene(directory.path);
  const recorder = scene.start();
  for (let second = 1; second <= 10; second += 1) scene.look(recorder, [sent(second)]);
  scene.look(recorder, [sent(11)], 3_600_000);
  for (let second = 1; second <= 9; second += 1) scene.look(recorder, [sent(11)]);
  recorder.close();
  expect(scene.recorded()).toEqual({ bytes: 11, gaps: [], recordedMs: 18_000 });
});
