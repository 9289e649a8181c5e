/**
 * Forced overflow: the kernel's maps have room for 64 sockets and 64 processes at sockets, the ring for 4 KiB of events.
 * What is shown plus what is declared lost is the truth, to the byte.
 *
 * The kernel counts for the whole machine, so a loss can be another program's: then it is more than what is missing of
 * ours, never less, and a later try is quiet enough to see the two be equal.
 */
import { expect } from "bun:test";
import { BINARY_PATH, testWith } from "../../support/needs.ts";
import { HelperProcess } from "../../support/helper-process.ts";
import type { ToldLoss, ToldRow } from "./rows.ts";
import { nameOfRow } from "./rows.ts";
import { runScenarios, type Judged } from "./run-scenario.ts";

const TINY = ["--sockets-max", "64", "--bytes-max", "64", "--events-bytes", "4096"];
const TRAFFIC = [
  "tcp-many-processes",
  "tcp-parallel",
  "udp-send-recv",
  "udp-flood",
  "--families",
  "46",
  "--processes",
  "200",
  "--connections",
  "10",
];
const TRIES_MAX = 15;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const bytesOf = (row: ToldRow): number => (row.bytesSent ?? 0) + (row.bytesReceived ?? 0);
const countOf = (losses: readonly ToldLoss[], cause: string): number =>
  losses.find((loss) => loss.cause === cause)?.count ?? 0;

/** Bytes that our processes moved, those that rows tell of them, and those that were declared lost, of whomever. */
function account({ account: { truths }, told }: Judged): { truth: number; shown: number; lost: number } {
  const cookies = new Set(truths.map(({ cookie }) => cookie));
  const ours = told.rows.filter(({ id }) => cookies.has(nameOfRow(id).cookie));
  return {
    truth: sum(truths.map(({ sent, received }) => sent + received)),
    shown: sum(ours.map(bytesOf)),
    lost: sum(told.loss.map(({ bytes }) => bytes ?? 0)),
  };
}

testWith(
  ["binary", "root", "program:cc"],
  "with room for 64 sockets, what is shown plus what is declared lost equals the truth",
  async () => {
    await using helper = await HelperProcess.start({ program: [BINARY_PATH], args: TINY });
    expect(helper.isReady).toBe(true);
    for (let tries = 1; ; tries += 1) {
      const judged = await runScenarios(TRAFFIC, { elevate: false, helper });
      const { truth, shown, lost } = account(judged);
      expect(shown).toBeLessThan(truth);
      expect(lost).toBeGreaterThanOrEqual(truth - shown);
      const { loss } = judged.told;
      const isFull = countOf(loss, "socket_map_full") + countOf(loss, "bytes_map_full") > 0;
      const isEventLost = countOf(loss, "event_ring_full") > 0;
      if (isFull && isEventLost && shown + lost === truth) break;
      if (tries < TRIES_MAX) continue;
      expect({ isFull, isEventLost }).toEqual({ isFull: true, isEventLost: true });
      expect(shown + lost).toBe(truth);
    }
  },
  900_000,
);

testWith(
  ["binary", "root", "program:cc"],
  "with room for every socket and for few processes at them, no row says that it is exact and is not",
  async () => {
    const args = ["--sockets-max", "16384", "--bytes-max", "64"];
    await using helper = await HelperProcess.start({ program: [BINARY_PATH], args });
    expect(helper.isReady).toBe(true);
    const judged = await runScenarios(TRAFFIC, { elevate: false, helper });
    expect(countOf(judged.told.loss, "bytes_map_full")).toBeGreaterThan(0);
    expect(judged.comparison.wrong.map(({ text }) => text)).toEqual([]);
    const { truth, shown, lost } = account(judged);
    expect(lost).toBeGreaterThanOrEqual(truth - shown);
  },
  300_000,
);
