/** A session in the simulated world on a clock of its own: the same second gives the same screen on every machine. */
import { openSimulatedCapture, simulatedNameOf, simulatedUserNameOf } from "../../../src/capture/simulated.ts";
import { FlowTable } from "../../../src/engine/flow-table.ts";
import { query, sortColumns } from "../../../src/engine/query.ts";
import { serviceOf } from "../../../src/engine/services.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { App } from "../../../src/tui/app.ts";
import { frameText } from "../../../src/tui/line.ts";
import type { Snapshot } from "../../../src/model/snapshot.ts";
import { filterProblem } from "../../../src/cli/monitor-question.ts";

const START_MS = Date.UTC(2026, 0, 31, 14, 2, 7);

export interface World {
  readonly app: App;
  /** Lets a second pass, and shows what is known then. */
  second(): Promise<Snapshot>;
}

/** An app of this size that has watched the simulated world for `seconds`. */
export async function watchedWorld(width: number, height: number, seconds = 60): Promise<World> {
  const clock = new ManualClock(START_MS);
  const capture = openSimulatedCapture({ seed: 1, clock });
  const table = new FlowTable({
    clock,
    nameOf: simulatedNameOf,
    userNameOf: simulatedUserNameOf,
    serviceOf,
  });
  const app = new App({ query, columnsOf: sortColumns, parseFilter: filterProblem, demo: true });
  app.resize(width, height);
  const second = async (): Promise<Snapshot> => {
    clock.advance(1000);
    const snapshot = table.ingest(await capture.sample(), capture.status());
    app.ingest(snapshot);
    return snapshot;
  };
  for (let count = 0; count < seconds; count += 1) await second();
  return { app, second };
}

export function screenOf(app: App): string {
  return `${frameText(app.frame()).join("\n")}\n`;
}
