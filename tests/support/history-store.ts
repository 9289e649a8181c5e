/** A history with rows whose every number is known: for the tests of the store. */
import { ManualClock } from "../../src/lib/clock.ts";
import type { HistoryIncrement, HistorySubject } from "../../src/model/history.ts";
import { openHistory, type HistoryOptions, type HistoryStore } from "../../src/store/history.ts";
import { NOON_MS } from "./history-world.ts";

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;
export const EVER = { sinceMs: 0, untilMs: 2 ** 52 };
export const SCOPE = "boot net sock_diag tcp";

export const SUBJECT: HistorySubject = {
  processName: "curl",
  processPath: "/usr/bin/curl",
  userId: 1000,
  userName: "alice",
  attribution: "exact",
  remoteAddress: "198.51.100.7",
  remoteHost: "example.org",
  hostSource: "ptr",
  port: 443,
  protocol: "tcp",
  direction: "out",
  meaning: "payload",
};

export function increment(
  bytesReceived: number,
  changes: Partial<HistoryIncrement> = {},
  subject: Partial<HistorySubject> = {},
): HistoryIncrement {
  return {
    hourStartMs: NOON_MS,
    subject: { ...SUBJECT, ...subject },
    connections: 1,
    bytesSent: 1,
    bytesReceived,
    uncertaintyBytes: 0,
    lowerBoundConnections: 0,
    ...changes,
  };
}

export function write(
  history: HistoryStore,
  increments: readonly HistoryIncrement[],
  fromMs = NOON_MS,
  untilMs = NOON_MS + 5000,
): void {
  history.record(
    { increments, loss: [], marks: [], forgotten: [], marksComplete: true },
    { fromMs, untilMs, windowMs: 6000, scope: SCOPE },
  );
}

export function open(path: string, options: Partial<HistoryOptions> = {}): HistoryStore {
  return openHistory({ path, clock: new ManualClock(NOON_MS + 5000), ...options });
}

export function begun(path: string, options: Partial<HistoryOptions> = {}): HistoryStore {
  const history = open(path, options);
  history.begin({ scope: SCOPE });
  return history;
}
