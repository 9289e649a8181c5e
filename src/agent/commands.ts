/**
 * The parent's word: each command is checked (made for this agent, by this parent's key, not carried out before, not expired by
 * the parent's own clock) and then done. A command may be done twice where the agent was killed in between: all of them may.
 */
import { ClassificationUpdates } from "../protocol/fleet/classification.ts";
import { importPublicKey, isSignedBy } from "../protocol/fleet/identity.ts";
import { WatchPayload, type Command } from "../protocol/fleet/messages.ts";
import { commandBytes } from "../protocol/fleet/proofs.ts";
import type { AgentLog, AgentState, FlowMonitor, JoinedParent, ProcessAuditor } from "./contract.ts";
import type { Link } from "./link.ts";

export interface CommandTargets {
  readonly auditor: Pick<ProcessAuditor, "requestSnapshot" | "applyClassifications">;
  readonly flows: Pick<FlowMonitor, "watch">;
  readonly link: Link;
}

/** Why a command is not to be done; undefined where it is. `forged` ones are no word of the parent's. */
export function commandProblem(
  command: Command,
  facts: {
    agentId: string;
    parent: Pick<JoinedParent, "parentId" | "parentKey">;
    cursor: number;
    nowMs: number;
  },
): { readonly kind: "forged" | "old" | "expired"; readonly message: string } | undefined {
  const { agentId, parent, cursor, nowMs } = facts;
  const key = importPublicKey(parent.parentKey);
  if (command.agentId !== agentId) return { kind: "forged", message: "it is for another agent" };
  if (key === undefined || !isSignedBy(key, commandBytes(parent.parentId, command), command.signature)) {
    return { kind: "forged", message: "it is not signed by the parent" };
  }
  if (command.seq <= cursor) return { kind: "old", message: "it was carried out before" };
  if (command.expiresAtMs <= nowMs) return { kind: "expired", message: "it has expired" };
  return undefined;
}

/** @throws where the payload is not what the kind of command wants. */
export function carryOut(command: Command, targets: CommandTargets): void {
  const payload: unknown = command.payload === "" ? null : JSON.parse(command.payload);
  switch (command.kind) {
    case "classifications":
      targets.auditor.applyClassifications(ClassificationUpdates.parse(payload).updates);
      break;
    case "snapshot":
      targets.auditor.requestSnapshot();
      break;
    case "watch": {
      const { intervalMs, forMs } = WatchPayload.parse(payload);
      targets.flows.watch(intervalMs, forMs);
      break;
    }
    case "heartbeat":
      targets.link.wanted.ring();
      break;
  }
}

/**
 * Does the commands in their order, and keeps the cursor after each. False where one is no word of the parent's: then it and
 * what follows is left, and the cursor stays.
 */
export function carryOutAll(
  commands: readonly Command[],
  state: AgentState,
  targets: CommandTargets,
  nowMs: number,
  log: AgentLog,
): boolean {
  const { parent, identity } = state;
  if (parent === undefined) return false;
  for (const command of commands) {
    const facts = { agentId: identity.id, parent, cursor: state.commandCursor, nowMs };
    const problem = commandProblem(command, facts);
    if (problem?.kind === "forged") {
      log.error(`a command was refused: ${problem.message}`);
      return false;
    }
    if (problem?.kind === "old") continue;
    if (problem !== undefined)
      log.warn(`the command ${command.seq} (${command.kind}) is left: ${problem.message}`);
    else {
      try {
        carryOut(command, targets);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        log.warn(
          `the command ${command.seq} (${command.kind}) can't be carried out: ${reason.slice(0, 300)}`,
        );
      }
    }
    state.setCommandCursor(command.seq);
  }
  return true;
}
