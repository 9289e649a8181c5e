/**
 * One run: connections that are older than the capture are made, the watcher begins, every scenario happens, the watcher
 * ends while the long-lived connections are alive, and what it told is compared with what the programs counted.
 */
import { Comparison } from "./compare.ts";
import { startTraffic, trafficProgram } from "./program.ts";
import type { Told } from "./rows.ts";
import type { Account } from "./truth.ts";
import { Watcher, type WatcherOptions } from "./watcher.ts";

export interface Judged {
  readonly account: Account;
  readonly told: Told;
  readonly comparison: Comparison;
}

/** `words`: names of scenarios, or `all`, and options as in traffic/main.c. */
export async function runScenarios(words: readonly string[], options: WatcherOptions): Promise<Judged> {
  await using traffic = startTraffic(await trafficProgram(), words);
  await traffic.prepared();
  await using watcher = new Watcher(options);
  await watcher.watching();
  traffic.goOn();
  await traffic.ran();
  const told = await watcher.stop();
  traffic.goOn();
  const account = await traffic.ended();
  return { account, told, comparison: new Comparison(account, told) };
}
