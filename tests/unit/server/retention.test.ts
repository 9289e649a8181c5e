/** Forgetting what is old: in steps, without haste, and until the end. */
import { expect, test } from "bun:test";
import type { ServerContext } from "../../../src/server/context.ts";
import { createMetrics } from "../../../src/server/metrics.ts";
import { keepPruning } from "../../../src/server/retention.ts";

test("steps of a thousand rows until there are no more; a failure is told, and tried again", async () => {
  const stopping = new AbortController();
  const metrics = createMetrics();
  const warnings: string[] = [];
  const asked: number[] = [];
  const rows = [1000, 1000, 7];
  const context = {
    store: {
      events: {
        prune: (beforeMs: number, rowsMax: number) => {
          asked.push(beforeMs, rowsMax);
          const next = rows.shift();
          if (next === 7) setTimeout(() => stopping.abort(), 0);
          return Promise.resolve(next ?? 0);
        },
      },
    },
    clock: { now: () => 100_000, monotonicMs: () => 0 },
    metrics,
    log: { warn: (message: string) => warnings.push(message) },
    stopping: stopping.signal,
  } as unknown as ServerContext;
  await keepPruning(context, 40_000);
  expect(asked).toEqual([60_000, 1000, 60_000, 1000, 60_000, 1000]);
  expect(metrics.text()).toContain("wb_pruned_rows_total 2007\n");
  expect(warnings).toEqual([]);

  const failing = new AbortController();
  const broken = {
    ...context,
    stopping: failing.signal,
    store: {
      events: {
        prune: () => {
          setTimeout(() => failing.abort(), 0);
          return Promise.reject(new Error("disk full"));
        },
      },
    },
  } as unknown as ServerContext;
  await keepPruning(broken, 40_000);
  expect(warnings).toHaveLength(1);
});

test("a clock that was set ahead makes nothing old for an hour: what is forgotten by mistake is gone", async () => {
  const stopping = new AbortController();
  const asked: number[] = [];
  const warnings: string[] = [];
  const DAY_MS = 86_400_000;
  const minute = { wallMs: 100 * DAY_MS, monotonicMs: 0 };
  // Right for two looks, then a year ahead for two, put right again, and a suspended machine's two hours at the end.
  const wall = [0, 1, 365 * DAY_MS, 365 * DAY_MS + 60_000, 180_000, 7_380_000, 7_440_000];
  const monotonic = [0, 1, 2, 60_000, 180_000, 240_000, 240_000 + 3_600_000];
  let look = 0;
  const clock = {
    now: () => minute.wallMs + (wall[look] ?? 0),
    monotonicMs: () => monotonic[look] ?? 0,
  };
  const context = {
    store: {
      events: {
        prune: (beforeMs: number) => {
          asked.push(look, beforeMs - minute.wallMs + 30 * DAY_MS);
          return Promise.resolve(0);
        },
      },
    },
    clock,
    metrics: createMetrics(),
    log: { warn: (message: string) => warnings.push(message) },
    stopping: stopping.signal,
  } as unknown as ServerContext;
  await keepPruning(context, 30 * DAY_MS, () => {
    look += 1;
    if (look === wall.length) stopping.abort();
    return Promise.resolve();
  });
  expect(asked).toEqual([0, 0, 1, 1, 6, 7_440_000]);
  expect(warnings).toEqual([
    "the clock was set ahead: nothing is taken for old for an hour",
    "the clock was set ahead: nothing is taken for old for an hour",
  ]);
});
