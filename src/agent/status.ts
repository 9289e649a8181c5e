/** What `wb agent status` tells: one object, the same from a running agent and, as far as files can tell, from one that is not. */
import { VERSION } from "../model/version.ts";
import type { EpochAccount, OutboxStatus } from "../telemetry/contract.ts";
import type { StreamReport } from "../protocol/fleet/messages.ts";
import type { AgentState, JoinedParent } from "./contract.ts";
import type { LinkStatus } from "./link.ts";

/** The version of this object's shape. */
export const STATUS_VERSION = 1;

export interface StreamStatus extends StreamReport {
  /** produced = acked + pending + lost. */
  readonly invariantHolds: boolean;
}

export interface AgentStatus {
  readonly version: typeof STATUS_VERSION;
  readonly wbVersion: string;
  readonly running: boolean;
  readonly pid: number | null;
  readonly directory: string;
  readonly agentId: string | null;
  readonly startedAtMs: number | null;
  /** The file of the parent, without what is of no use to a person. */
  readonly parent: Pick<
    JoinedParent,
    "addresses" | "pin" | "parentId" | "parentName" | "state" | "code"
  > | null;
  /** Null where the agent does not run. */
  readonly link: LinkStatus | null;
  readonly captureMethod: string | null;
  readonly runningProcesses: number | null;
  readonly residentBytes: number | null;
  readonly commandCursor: number | null;
  /** Null where the outbox can't be read. */
  readonly streams: readonly StreamStatus[] | null;
  readonly epochs: readonly EpochAccount[] | null;
  readonly ring: { readonly events: number; readonly bytes: number } | null;
  readonly storageProblem: string | null;
  readonly setAside: readonly string[];
  /** For a person, worst first. */
  readonly notices: readonly string[];
}

export function withInvariant(streams: readonly StreamReport[]): StreamStatus[] {
  return streams.map((stream) => ({
    ...stream,
    invariantHolds: stream.produced === stream.acked + stream.pending + stream.lost,
  }));
}

function parentOf(parent: JoinedParent | undefined): AgentStatus["parent"] {
  if (parent === undefined) return null;
  const { addresses, pin, parentId, parentName, state, code } = parent;
  return { addresses, pin, parentId, parentName, state, code };
}

export interface RunningFacts {
  readonly state: AgentState;
  readonly startedAtMs: number;
  readonly link: LinkStatus;
  readonly outbox: OutboxStatus;
  readonly captureMethod: string;
  readonly runningProcesses: number;
  readonly notices: readonly string[];
}

export function statusOfRunning(facts: RunningFacts): AgentStatus {
  const { state, startedAtMs, link, outbox, captureMethod, runningProcesses, notices } = facts;
  return {
    version: STATUS_VERSION,
    wbVersion: VERSION,
    running: true,
    pid: process.pid,
    directory: state.directory,
    agentId: state.identity.id,
    startedAtMs,
    parent: parentOf(state.parent),
    link,
    captureMethod,
    runningProcesses,
    residentBytes: process.memoryUsage.rss(),
    commandCursor: state.commandCursor,
    streams: withInvariant(outbox.streams),
    epochs: outbox.epochs,
    ring: { events: outbox.ringEvents, bytes: outbox.ringBytes },
    storageProblem: outbox.storageProblem,
    setAside: outbox.setAside,
    notices,
  };
}

/** From what an agent that does not run has left. */
export function statusOfStopped(
  directory: string,
  known: { agentId: string; parent: JoinedParent } | undefined,
  outbox: OutboxStatus | undefined,
  running: boolean,
): AgentStatus {
  const isRead = outbox?.storageProblem === null;
  return {
    version: STATUS_VERSION,
    wbVersion: VERSION,
    running,
    pid: null,
    directory,
    agentId: known?.agentId ?? null,
    startedAtMs: null,
    parent: parentOf(known?.parent),
    link: null,
    captureMethod: null,
    runningProcesses: null,
    residentBytes: null,
    commandCursor: null,
    streams: isRead ? withInvariant(outbox.streams) : null,
    epochs: isRead ? outbox.epochs : null,
    ring: null,
    storageProblem: outbox?.storageProblem ?? null,
    setAside: outbox?.setAside ?? [],
    notices: [],
  };
}
