/**
 * Wires what `wb monitor` needs together: capture, flow table, names and history, each loaded only where it is wanted,
 * and ended in order. A history that can't be written is a notice, never the end of the monitor.
 */
import type { Users } from "../capture/linux/users.ts";
import { systemClock } from "../lib/clock.ts";
import type { Capture, SnapshotSource } from "../model/contracts.ts";
import type { Loss } from "../model/loss.ts";
import type { ObservedLookup } from "../model/names.ts";
import type { HostName, Snapshot } from "../model/snapshot.ts";
import type { ElevationWay } from "../platform/elevation.ts";
import type { Recorder } from "../store/recorder.ts";
import type { MonitorOptions } from "./monitor-options.ts";
import { ObservedCapture, type ObserveRecords } from "./observed-capture.ts";
import { say } from "./output.ts";

/** Connections that a document of a duration remembers; more are evicted, and counted as loss. About 1 KiB each. */
const FLOWS_MAX = 250_000;
const CLOSED_RETENTION_MS = 30_000;
/** The kernel tells of a destroyed socket from a work queue: seen to come up to 30 ms after the close. */
const NOTICE_LAG_MS = 60;

export interface MonitorSession extends AsyncDisposable {
  readonly source: SnapshotSource;
  /** A sample outside the beat: the only one, or the last. */
  sampleOnce(): Promise<Snapshot>;
  /** The end of a watch: what closed just before is waited for, so that its final counters are in it. */
  lastSample(): Promise<Snapshot>;
  /** Undefined where nothing is recorded. */
  readonly recorder: Recorder | undefined;
}

/** Below the prompt of a sudo that asks, if it does. */
function sayThatItWaits(way: ElevationWay): void {
  const why = way === "pkexec" ? "pkexec" : way === "sudo" ? "sudo" : undefined;
  const what = why === undefined ? "" : `; ${why} may be asking for a password`;
  say(`${why === "sudo" ? "\n" : ""}wb: waiting for the elevated helper${what}`);
}

async function openTheCapture(options: MonitorOptions, names: NameGiver): Promise<Capture> {
  const { demo, demoConnections } = options;
  if (!demo) {
    const { openCapture } = await import("../capture/open.ts");
    const helper = { ...options.helper, onWait: sayThatItWaits };
    const observe: ObserveRecords = (records) => names.observeRecords?.(records) ?? [];
    return await ObservedCapture.open(observe, (onNameRecords) => openCapture({ helper, onNameRecords }));
  }
  const { openSimulatedCapture } = await import("../capture/simulated.ts");
  return openSimulatedCapture(demoConnections === undefined ? {} : { connections: demoConnections });
}

interface NameGiver {
  nameOf(address: string): HostName | undefined;
  /** Undefined in a simulated world, in which nobody observes. */
  readonly observed?: ObservedLookup;
  observeRecords?(records: Uint8Array): readonly Loss[];
  close(): Promise<void>;
}

async function openNames(options: MonitorOptions): Promise<NameGiver> {
  if (options.demo) {
    const { simulatedNameOf } = await import("../capture/simulated.ts");
    return { nameOf: simulatedNameOf, close: () => Promise.resolve() };
  }
  const { startNames } = await import("./names.ts");
  // One sample doesn't wait for name servers, so it doesn't ask them either; what is known already is there at once.
  const names = startNames({ enabled: options.dns, asks: !options.once, clock: systemClock, persist: true });
  if (options.once) await names.load();
  return names;
}

/** One sample has no traffic between two, a simulated world none that happened: nothing to record. */
function records(options: MonitorOptions): boolean {
  return options.history && !options.demo && !options.once;
}

/** Hands every snapshot to the history before anybody else. */
function recorded(source: SnapshotSource, recorder: Recorder): SnapshotSource {
  return {
    async *snapshots(signal) {
      for await (const snapshot of source.snapshots(signal)) {
        recorder.observe(snapshot);
        yield snapshot;
      }
    },
  };
}

async function openHistoryRecorder(
  options: MonitorOptions,
  onNotice: (message: string) => void,
): Promise<Recorder> {
  const { openRecorder } = await import("./recording.ts");
  return openRecorder({ ...options.historySettings, onNotice });
}

/** Asked once per user and sample: the flow table remembers the answer that long. */
function userNames(users: Users): (userId: number) => string | undefined {
  return (userId) => {
    users.refresh();
    return users.name(userId);
  };
}

/**
 * Opens everything. `onNotice` is told what happens to the history, once each. What was opened is ended when the session
 * is disposed of, or at once if the rest can't be opened.
 * @throws WbError("unsupported"), WbError("unavailable") where this system has no capture; WbError("permission") too where
 * an elevated helper was asked for and can't be started.
 */
export async function openSession(
  options: MonitorOptions,
  onNotice: (message: string) => void,
): Promise<MonitorSession> {
  await using opening = new AsyncDisposableStack();
  const [{ FlowTable }, { snapshotSource }, { serviceOf }, { Users }] = await Promise.all([
    import("../engine/flow-table.ts"),
    import("../engine/source.ts"),
    import("../engine/services.ts"),
    import("../capture/linux/users.ts"),
  ]);
  const names = opening.adopt(await openNames(options), (each) => each.close());
  const capture = opening.use(await openTheCapture(options, names));
  const { observed } = names;
  const whole = options.durationMs !== undefined && options.form !== "jsonl" && options.form !== "screen";
  const table = new FlowTable({
    clock: systemClock,
    closedRetentionMs: whole ? Number.POSITIVE_INFINITY : CLOSED_RETENTION_MS,
    ...(whole ? { maxFlows: FLOWS_MAX } : {}),
    nameOf: names.nameOf.bind(names),
    ...(observed === undefined ? {} : { observedNames: observed }),
    serviceOf,
    userNameOf: options.demo
      ? (await import("../capture/simulated.ts")).simulatedUserNameOf
      : userNames(new Users()),
  });
  const recorder = records(options) ? await openHistoryRecorder(options, onNotice) : undefined;
  if (recorder !== undefined) opening.defer(() => recorder.close());
  const source = snapshotSource({ capture, table, intervalMs: options.intervalMs, clock: systemClock });
  const ending = opening.move();
  const sampleOnce = async (): Promise<Snapshot> => {
    const snapshot = await source.sampleOnce();
    recorder?.observe(snapshot);
    return snapshot;
  };
  return {
    source: recorder === undefined ? source : recorded(source, recorder),
    sampleOnce,
    lastSample: async () => {
      await sampleOnce();
      await Bun.sleep(NOTICE_LAG_MS);
      return await sampleOnce();
    },
    recorder,
    [Symbol.asyncDispose]: () => ending.disposeAsync(),
  };
}
