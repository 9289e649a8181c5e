/**
 * Point 5 of what must hold: killed in mid-write 200 times, the history opens, its totals never exceed the truth, what is
 * missing is within the last ten seconds before each kill, and connections that live on lose nothing at all.
 */
import { expect } from "bun:test";
import { crashTrial } from "../support/history-crash.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const KILLS = 200;
const PROMISED_LOSS_MS = 10_000;

testWith(
  ["binary"],
  `the history survives ${KILLS} kills with SIGKILL`,
  async () => {
    await using directory = await tmpdir();
    const result = await crashTrial({
      command: [BINARY_PATH],
      stateHome: directory.path,
      kills: KILLS,
      lifeMsMax: 400,
    });
    expect(result.wrong).toEqual([]);
    expect(result.longTruth).toBeGreaterThan(1_000_000);
    expect(result.longRecorded).toBe(result.longTruth);
    expect(result.shortRecorded).toBeLessThanOrEqual(result.shortTruth);
    expect(result.shortTruth - result.shortRecorded).toBeLessThanOrEqual(result.shortUnrecorded);
    expect(result.longestWindowMs).toBeLessThan(PROMISED_LOSS_MS);
    expect(result.killsAfterCommit).toBeGreaterThan(KILLS / 4);
    expect(result.gaps).toBe(result.killsAfterCommit);
  },
  1_200_000,
);
