/**
 * The promise of the history under any schedule of kills, restarts, stand-bys and growth: what is recorded never exceeds
 * what happened, and what is missing happened between the last commit of a killed recorder and the start of the next.
 */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { join } from "node:path";
import * as fc from "fast-check";
import { Rollup } from "../../../src/engine/rollup.ts";
import { localHourStart } from "../../../src/lib/calendar.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { openHistory } from "../../../src/store/history.ts";
import { createRecorder, type Recorder } from "../../../src/store/recorder.ts";
import { NOON_MS, SharedLock, WorldMonitor, WorldSocket } from "../../support/history-world.ts";
import { tmpdir } from "../../support/tmpdir.ts";

type Step =
  | { readonly kind: "grow"; readonly which: number; readonly sent: number; readonly received: number }
  | { readonly kind: "open"; readonly sent: number }
  | { readonly kind: "close"; readonly which: number }
  | { readonly kind: "wait"; readonly ms: number }
  | { readonly kind: "look"; readonly monitor: 0 | 1 }
  | { readonly kind: "kill" | "stop"; readonly monitor: 0 | 1 };

const bytes = fc.integer({ min: 0, max: 100_000 });
const monitor = fc.constantFrom(0 as const, 1 as const);
const which = fc.nat(20);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant("grow" as const), which, sent: bytes, received: bytes }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("open" as const), sent: bytes }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("close" as const), which }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("look" as const), monitor }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("wait" as const),
      ms: fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.constantFrom(45_000, 500_000, 700_000)),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("kill" as const, "stop" as const), monitor }) },
);

interface Running {
  readonly recorder: Recorder;
  readonly eyes: WorldMonitor;
  readonly lock: { kill(): void };
  recording: boolean;
}

/** The world, two monitors at most, and the account of what may be missing. */
class Play {
  readonly clock = new ManualClock(NOON_MS);
  readonly path: string;
  readonly sockets: WorldSocket[] = [];
  readonly #lock = new SharedLock();
  readonly #monitors: (Running | undefined)[] = [undefined, undefined];
  #reader: Database | undefined;
  /** When the first recorder first looked. */
  #beganAtMs: number | undefined;
  /** When nobody recorded, as far as the database can know: from the last commit to the next first look. */
  readonly unrecorded: { fromMs: number; untilMs: number }[] = [];
  #openSinceMs: number | undefined;

  constructor(path: string) {
    this.path = path;
  }

  do(step: Step): void {
    this.clock.advance(1); // so that no two things happen at one moment
    const now = this.clock.nowMs();
    const living = this.sockets.filter((socket) => socket.closedAtMs === undefined);
    if (step.kind === "wait") this.clock.advance(step.ms);
    else if (step.kind === "open") {
      const socket = new WorldSocket(`s${this.sockets.length}`, now);
      socket.grow(now, step.sent, 0);
      this.sockets.push(socket);
    } else if (step.kind === "grow") living[step.which % living.length]?.grow(now, step.sent, step.received);
    else if (step.kind === "close") {
      const socket = living[step.which % living.length];
      if (socket !== undefined) socket.closedAtMs = now;
    } else if (step.kind === "look") this.#look(step.monitor, now);
    else this.#end(step.monitor, step.kind);
  }

  recordedBytes(): number {
    const history = openHistory({ path: this.path, clock: this.clock });
    try {
      const { totals } = history.query({ sinceMs: 0, untilMs: 2 ** 52, by: "process" });
      return totals.bytesSent + totals.bytesReceived;
    } finally {
      history.close();
    }
  }

  connections(): number {
    const history = openHistory({ path: this.path, clock: this.clock });
    try {
      return history.query({ sinceMs: 0, untilMs: 2 ** 52, by: "process" }).totals.connections;
    } finally {
      history.close();
    }
  }

  get began(): boolean {
    return this.#beganAtMs !== undefined;
  }

  finish(): void {
    // One more look takes over what a dead one left, then everything is written.
    this.do({ kind: "look", monitor: 0 });
    this.do({ kind: "look", monitor: 1 });
    this.do({ kind: "stop", monitor: 0 });
    this.do({ kind: "look", monitor: 1 });
    this.do({ kind: "stop", monitor: 1 });
    this.#reader?.close();
  }

  /** Bytes that happened since the first look. */
  truth(): number {
    const began = this.#beganAtMs ?? 0;
    return this.sockets.reduce((sum, socket) => sum + socket.bytesBetween(began, this.clock.nowMs()), 0);
  }

  /** Bytes that may be missing: of windows with nobody recording, of sockets that did not live through them. */
  mayMiss(): number {
    let missing = 0;
    for (const { fromMs, untilMs } of this.unrecorded) {
      for (const socket of this.sockets) {
        const livedOn = socket.closedAtMs === undefined || socket.closedAtMs > untilMs;
        if (livedOn && untilMs - fromMs <= 600_000) continue;
        missing += socket.bytesBetween(fromMs, untilMs);
      }
    }
    return missing;
  }

  #look(index: 0 | 1, now: number): void {
    const running = (this.#monitors[index] ??= this.#start());
    const snapshot = running.eyes.look(now, this.sockets);
    const before = running.recording;
    running.recorder.observe(snapshot);
    const { state } = running.recorder.status();
    if (state === "stopped") throw new Error(`stopped: ${running.recorder.status().message}`);
    running.recording = state === "recording";
    if (running.recording && !before) {
      this.#beganAtMs ??= now;
      if (this.#openSinceMs !== undefined) this.unrecorded.push({ fromMs: this.#openSinceMs, untilMs: now });
      this.#openSinceMs = undefined;
    }
  }

  #start(): Running {
    const lock = this.#lock.forOne(() => this.clock.nowMs());
    const recorder = createRecorder({
      path: this.path,
      clock: this.clock,
      lock,
      createRollup: (start) => new Rollup({ ...start, hourStartMs: localHourStart }),
      scope: "boot net",
    });
    return { recorder, eyes: new WorldMonitor(), lock, recording: false };
  }

  #end(index: 0 | 1, how: "kill" | "stop"): void {
    const running = this.#monitors[index];
    if (running === undefined) return;
    this.#monitors[index] = undefined;
    if (how === "stop") running.recorder.close();
    else running.lock.kill(); // nothing is closed: what it did not commit is gone
    if (running.recording) this.#openSinceMs = this.#lastCommitMs();
  }

  #lastCommitMs(): number {
    this.#reader ??= new Database(this.path, { readonly: true });
    const row = this.#reader.query<{ last: number }, []>("SELECT last_commit_ms AS last FROM state").get();
    return row?.last ?? 0;
  }
}

test("any schedule of kills: recorded ≤ happened, and what is missing happened while nobody recorded", async () => {
  await using directory = await tmpdir();
  let runs = 0;
  fc.assert(
    fc.property(fc.array(step, { minLength: 5, maxLength: 80 }), (steps) => {
      runs += 1;
      const play = new Play(join(directory.path, `${runs}.db`));
      for (const each of steps) play.do(each);
      play.finish();
      const recorded = play.recordedBytes();
      const truth = play.truth();
      expect(recorded).toBeLessThanOrEqual(truth);
      expect(truth - recorded).toBeLessThanOrEqual(play.mayMiss());
      expect(play.connections()).toBeLessThanOrEqual(play.sockets.length);
    }),
    { numRuns: 300 },
  );
}, 300_000);

test("without a kill or a pause nothing is missing", async () => {
  await using directory = await tmpdir();
  let runs = 0;
  const calm = step.filter((each) => each.kind !== "kill" && each.kind !== "stop");
  fc.assert(
    fc.property(fc.array(calm, { minLength: 5, maxLength: 60 }), (steps) => {
      runs += 1;
      const play = new Play(join(directory.path, `${runs}.db`));
      play.do({ kind: "look", monitor: 0 });
      for (const each of steps) play.do(each);
      play.finish();
      expect(play.recordedBytes()).toBe(play.truth());
    }),
    { numRuns: 100 },
  );
}, 300_000);
