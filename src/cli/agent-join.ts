/** `wb agent join`, and the joining that `wb agent` begins with: asks, shows the code to compare, waits, says what came of it. */
import { awaitApproval, join, targetOfHost, targetOfToken, type JoinOptions } from "../agent/join.ts";
import { createAgentLog } from "../agent/log.ts";
import { askPin } from "../agent/pin.ts";
import { proxyFor } from "../agent/proxy.ts";
import { machineFacts } from "../agent/machine.ts";
import { FILES, openState } from "../agent/state.ts";
import type { AgentLog, AgentState, JoinedParent } from "../agent/contract.ts";
import { formatAddress, parseAddress } from "../agent/address.ts";
import { WbError } from "../model/errors.ts";
import type { JoinToken } from "../protocol/fleet/join-token.ts";
import { join as joinPath } from "node:path";
import { agentSettings, readToken, type AgentFlags, type AgentSettings } from "./agent-options.ts";
import { say, sayLines, standardOutput } from "./output.ts";
import { stopSignal } from "./stop-signal.ts";

/** Of this directory's agent. */
export function agentLog(directory: string): AgentLog {
  return createAgentLog({
    path: joinPath(directory, FILES.log),
    now: () => Date.now(),
    write: (line) => sayLines([line]),
    isJournal: (process.env["JOURNAL_STREAM"] ?? "") !== "",
  });
}

const ASK_MS = 5000;
const ADDRESSES_MAX = 8;

export interface JoinWish {
  readonly token: JoinToken | undefined;
  readonly parent: string | undefined;
  readonly pin: string | undefined;
}

function otherParent(parent: JoinedParent): WbError {
  return new WbError(
    "usage",
    `this machine has joined ${parent.parentName} (${parent.addresses[0] ?? ""}) already`,
    {
      hint: "`wb agent leave` first",
    },
  );
}

function joinOptions(state: AgentState, settings: AgentSettings, signal: AbortSignal): JoinOptions {
  return { state, machine: machineFacts(), proxy: settings.proxy, env: process.env, signal, say };
}

/** Shows the code while a person decides. False where it was interrupted before. */
async function waitForPerson(parent: JoinedParent, options: JoinOptions): Promise<boolean> {
  // Not by the name that it gives itself: who is in between could write the other side's code into it.
  say(
    `a person at ${parent.addresses[0] ?? "the parent"} must approve this machine; the code shown there must be the same as here:`,
  );
  say(`\n    ${parent.code ?? ""}\n`);
  say(`there: wb serve agents approve ${options.state.identity.id} ${parent.code ?? "CODE"}`);
  say("waiting for approval (Ctrl-C ends waiting; the request stays)…");
  return await awaitApproval(options);
}

/** Joins by token or by approval. False where it was interrupted while it waited. @throws WbError */
export async function joinNow(
  wish: JoinWish,
  state: AgentState,
  settings: AgentSettings,
  signal: AbortSignal,
): Promise<boolean> {
  const { token, parent: named, pin } = wish;
  const options = joinOptions(state, settings, signal);
  if (token === undefined && named === undefined) {
    throw new WbError("usage", "this machine has joined no parent", {
      hint: "wb agent join TOKEN, with a token of `wb serve token create`; or wb agent --parent HOST, and approve it there",
    });
  }
  if (token !== undefined && pin !== undefined && pin !== token.pin) {
    throw new WbError("usage", "the token and --pin name different parents", { hint: "leave out --pin" });
  }
  const target = token === undefined ? targetOfHost(named ?? "", pin) : targetOfToken(token, named);
  say(`asking ${target.addresses[0] ?? ""} to join…`);
  const joined = await join(target, options);
  if (joined.state === "pending" && !(await waitForPerson(joined, options))) return false;
  say(`joined ${joined.parentName} (${joined.parentId})`);
  return true;
}

/**
 * A name that was not known of the parent: if who answers there has its key, or nobody does now, it is one more address.
 * @throws WbError("usage") where somebody else answers
 */
async function rememberAddress(
  named: string,
  parent: JoinedParent,
  state: AgentState,
  settings: AgentSettings,
): Promise<void> {
  const address = parseAddress(named);
  const text = formatAddress(address);
  if (parent.addresses.includes(text)) return;
  try {
    const proxy = proxyFor(address, settings.proxy, process.env);
    if ((await askPin({ address, proxy }, AbortSignal.timeout(ASK_MS))) !== parent.pin)
      throw otherParent(parent);
  } catch (error) {
    if (!(error instanceof WbError) || error.code !== "unavailable") throw error;
  }
  state.setParent({ ...parent, addresses: [text, ...parent.addresses].slice(0, ADDRESSES_MAX) });
}

/** Sees to it that this machine has joined. False where it was interrupted while it waited. @throws WbError */
export async function ensureJoined(
  wish: JoinWish,
  state: AgentState,
  settings: AgentSettings,
  signal: AbortSignal,
): Promise<boolean> {
  const { parent } = state;
  if (parent === undefined) return await joinNow(wish, state, settings, signal);
  if (wish.token !== undefined && wish.token.pin !== parent.pin) throw otherParent(parent);
  if (wish.parent !== undefined) await rememberAddress(wish.parent, parent, state, settings);
  if (parent.state === "active") return true;
  // With a token nobody needs to wait for a person; a code whose request was forgotten there is asked for anew.
  if (wish.token !== undefined) return await joinNow(wish, state, settings, signal);
  return await waitForPerson(parent, joinOptions(state, settings, signal));
}

/** `wb agent join TOKEN`. */
export async function runJoin(written: string | undefined, flags: AgentFlags): Promise<void> {
  const settings = await agentSettings(flags);
  const token = await readToken(written ?? flags.token, flags.tokenFile);
  using stop = stopSignal({ durationMs: undefined, once: false });
  const state = openState(settings.directory, agentLog(settings.directory));
  try {
    const { parent } = state;
    if (parent !== undefined && token !== undefined && token.pin !== parent.pin) throw otherParent(parent);
    const wish = { token, parent: settings.parent, pin: flags.pin };
    const isJoined = await joinNow(wish, state, settings, stop.signal);
    if (isJoined)
      say(
        `start it: wb agent, or as a service: wb agent install${process.geteuid?.() === 0 ? "" : " --user"}`,
      );
    await standardOutput.write(`${state.identity.id}\n`);
  } finally {
    state.close();
  }
}
