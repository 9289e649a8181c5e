/** The agent's outbox: its streams with their quotas, opened for work, or only looked at where no agent runs. */
import { existsSync } from "node:fs";
import type { StreamQuota, Outbox, OutboxStatus } from "../telemetry/contract.ts";
import { epochAccounts, streamReports } from "../telemetry/accounts.ts";
import { databasePath } from "../telemetry/journal.ts";
import { openOutbox } from "../telemetry/outbox.ts";
import { WbError } from "../model/errors.ts";
import { EmptyDatabaseError } from "../store/database.ts";
import { damagedFiles } from "../store/database.ts";
import { readOutboxAccounts } from "../store/outbox.ts";
import type { AgentClock, AgentLog, AgentState } from "./contract.ts";

const MEBIBYTE = 1024 * 1024;

/** Days of an ordinary machine's processes, a day of its connections. */
export const QUOTAS: readonly StreamQuota[] = [
  { stream: "process", bytesMax: 64 * MEBIBYTE },
  { stream: "flow", bytesMax: 32 * MEBIBYTE },
  { stream: "health", bytesMax: 4 * MEBIBYTE },
];

export interface AgentOutboxOptions {
  /** Joined already. */
  readonly state: AgentState;
  readonly bootId: string;
  readonly clock: AgentClock;
  readonly log: AgentLog;
}

/** Never throws for what the disk does. */
export function openAgentOutbox({ state, bootId, clock, log }: AgentOutboxOptions): Outbox {
  const { parent, directory, identity } = state;
  if (parent === undefined) throw new WbError("internal", "an outbox without a parent");
  const outbox = openOutbox({
    directory,
    signer: identity,
    parentId: parent.parentId,
    bootId,
    clock: { nowMs: () => clock.now(), monotonicMs: () => clock.monotonicMs() },
    quotas: QUOTAS,
  });
  const { setAside, storageProblem } = outbox.status();
  for (const path of setAside) log.warn(`a damaged file lies set aside: ${path}`);
  if (storageProblem !== null) log.error(`nothing can be stored: ${storageProblem}`);
  return outbox;
}

/** Undefined for one that is only just being made, or whose maker was killed at once. */
function accountsOf(path: string): ReturnType<typeof readOutboxAccounts> | undefined {
  try {
    return readOutboxAccounts(path);
  } catch (error) {
    if (error instanceof EmptyDatabaseError) return undefined;
    throw error;
  }
}

/**
 * As an agent that does not run has left it; undefined where there is none. Changes nothing.
 * @throws WbError("storage") where it can't be read.
 */
export function readOutboxStatus(directory: string): OutboxStatus | undefined {
  const path = databasePath(directory);
  if (!existsSync(path)) return undefined;
  const accounts = accountsOf(path);
  if (accounts === undefined) return undefined;
  return {
    epochs: epochAccounts(accounts),
    streams: streamReports(accounts),
    ringEvents: 0,
    ringBytes: 0,
    storageProblem: null,
    setAside: damagedFiles(path),
  };
}
