/** The agent's outbox: its streams with their quotas, opened for work, or only looked at where no agent runs. */
import { existsSync } from "node:fs";
import type { StreamQuota, Outbox, OutboxStatus } from "../telemetry/contract.ts";
import { epochAccounts, streamReports } from "../telemetry/accounts.ts";
import { databasePath } from "../telemetry/journal.ts";
import { openOutbox } from "../telemetry/outbox.ts";
import { WbError, withHint } from "../model/errors.ts";
import { damagedFiles, EmptyDatabaseError, storageMessage } from "../store/database.ts";
import { isOutboxDamage, readOutboxAccounts } from "../store/outbox.ts";
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
  for (const path of outbox.status().setAside) log.warn(`a damaged file lies set aside: ${path}`);
  return outbox;
}

/** Why it can't be read, for a person. */
function problemOf(error: unknown): string {
  if (isOutboxDamage(error))
    return "the outbox is damaged: the agent sets it aside when it starts, and tells what is lost";
  return error instanceof WbError ? withHint(error) : `the outbox can't be read: ${storageMessage(error)}`;
}

/** As an agent that does not run has left it; undefined where there is none. Changes nothing. */
export function readOutboxStatus(directory: string): OutboxStatus | undefined {
  const path = databasePath(directory);
  if (!existsSync(path)) return undefined;
  const ring = { ringEvents: 0, ringBytes: 0 };
  const setAside = damagedFiles(path);
  try {
    const accounts = readOutboxAccounts(path);
    const [epochs, streams] = [epochAccounts(accounts), streamReports(accounts)];
    return { epochs, streams, ...ring, storageProblem: null, setAside };
  } catch (error) {
    // It is only just being made, or its maker was killed at once.
    if (error instanceof EmptyDatabaseError) return undefined;
    return { epochs: [], streams: [], ...ring, storageProblem: problemOf(error), setAside };
  }
}
