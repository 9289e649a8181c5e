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
