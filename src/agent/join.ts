/**
 * Joining a parent. With a token: its pin says who the parent is, its secret that this agent may. Without: whoever answers is
 * asked, and a code is shown that a person compares with the one that the parent shows; nobody in between can make the two alike
 * (the agent commits to its nonce before it knows the parent's). Nothing is kept before the parent has answered in full.
 */
import { randomBytes } from "node:crypto";
import { printable } from "../lib/format.ts";
import { linkedSignal } from "../lib/linked-signal.ts";
import { WbError } from "../model/errors.ts";
import { idOf } from "../protocol/fleet/identity.ts";
import type { JoinToken } from "../protocol/fleet/join-token.ts";
import { JoinAnswer, JoinStatus, type JoinRequest, type MachineFacts } from "../protocol/fleet/messages.ts";
import { AGENT_PATHS } from "../protocol/fleet/paths.ts";
import { approvalCode, commitmentOf, joinBytes } from "../protocol/fleet/proofs.ts";
import { toBase64Url } from "../protocol/fleet/canonical.ts";
import { formatAddress, parseAddress } from "./address.ts";
import { afterAsked, Backoff } from "./backoff.ts";
import { answerOf, createParentClient, ParentTransport } from "./client.ts";
import type { AgentState, JoinedParent, ParentAnswer } from "./contract.ts";
import { askPin } from "./pin.ts";
import { proxyFor } from "./proxy.ts";
import { askedWaitMs, standingOf, wordsOf, type Failure } from "./refusal.ts";
import { pause } from "./wait.ts";

export interface JoinOptions {
  readonly state: AgentState;
  readonly machine: MachineFacts;
  readonly proxy: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
  /** Words for a person, while it takes its time. */
  readonly say: (text: string) => void;
}

export interface JoinTarget {
  /** `host:port`, the best first. */
  readonly addresses: readonly string[];
  /** Undefined: whoever answers, to be compared by the code. */
  readonly pin: string | undefined;
  /** `<id>.<secret>`; null: by approval. */
  readonly token: string | null;
}

const ADDRESSES_MAX = 8;
/** As `wb serve --name` allows. */
const NAME_LENGTH_MAX = 100;
const ASK_MS = 10_000;
const STATUS_MS = 3000;
const STATUS_MS_MAX = 15_000;
/** Where the parent asks to wait, because many join at once, so long in all. */
const PATIENCE_MS = 300_000;
/** Refusals that pass by waiting. */
const PASSING: ReadonlySet<string> = new Set(["rate_limited", "overloaded", "storage_full"]);

/** Where to join by this token; a parent that was named is tried first. @throws WbError("usage") for a wrong address. */
export function targetOfToken(token: JoinToken, named: string | undefined): JoinTarget {
  const all = [...(named === undefined ? [] : [named]), ...token.addresses].map((each) =>
    formatAddress(parseAddress(each)),
  );
  const addresses = [...new Set(all)].slice(0, ADDRESSES_MAX);
  return { addresses, pin: token.pin, token: `${token.id}.${token.secret}` };
}

/** Without a token. @throws WbError("usage") for a wrong address or pin. */
export function targetOfHost(named: string, pin: string | undefined): JoinTarget {
  if (pin !== undefined && !/^[\w-]{43}$/.test(pin)) {
    throw new WbError("usage", "this is no pin of a parent", {
      hint: "`wb serve` shows it: 43 letters, digits, - and _",
    });
  }
  return { addresses: [formatAddress(parseAddress(named))], pin, token: null };
}

async function pinOfWhoAnswers(target: JoinTarget, options: JoinOptions): Promise<string> {
  const [first = ""] = target.addresses;
  const address = parseAddress(first);
  using linked = linkedSignal([options.signal], ASK_MS);
  return await askPin({ address, proxy: proxyFor(address, options.proxy, options.env) }, linked.signal);
}

function refused(failure: Failure): WbError {
  if (failure.kind === "unreachable") return failure.error;
  const { message, code, hint } = failure.error;
  const standing = standingOf(failure);
  const own = standing === undefined ? undefined : wordsOf(failure);
  const tokenHint = code === "token" ? "make a new one: wb serve token create" : undefined;
  const told = hint ?? tokenHint ?? own;
  return new WbError(
    "unavailable",
    `the parent refuses: ${message}`,
    told === undefined ? {} : { hint: told },
  );
}

function valueOf<T>(answer: ParentAnswer<T>): T {
  if (answer.kind === "ok") return answer.value;
  throw refused(answer);
}

/** Asks again where the parent is busy and says when to come back: a whole fleet may join in the same moment. */
async function askPatiently<T>(
  ask: () => Promise<ParentAnswer<T>>,
  { signal, say }: JoinOptions,
): Promise<ParentAnswer<T>> {
  const endMs = performance.now() + PATIENCE_MS;
  for (let isTold = false; ; isTold = true) {
    const answer = await ask();
    if (answer.kind !== "refused" || !PASSING.has(answer.error.code)) return answer;
    const waitMs = answer.retryAfterMs === undefined ? undefined : afterAsked(answer.retryAfterMs);
    if (waitMs === undefined || performance.now() + waitMs > endMs) return answer;
    if (!isTold) say(`the parent asks to wait: ${answer.error.message}`);
    await pause(waitMs, signal);
    if (signal.aborted) return answer;
  }
}

async function askToJoin(
  transport: ParentTransport,
  target: JoinTarget & { readonly pin: string },
  nonce: string,
  options: JoinOptions,
): Promise<JoinAnswer> {
  const { identity } = options.state;
  const unsigned = {
    publicKey: identity.publicKey,
    machine: options.machine,
    token: target.token,
    commitment: commitmentOf(nonce),
  };
  const signature = toBase64Url(identity.sign(joinBytes(unsigned, target.pin)));
  const body: JoinRequest = { ...unsigned, signature };
  const bytes = Buffer.from(JSON.stringify(body), "utf8");
  const ask = async (): Promise<ParentAnswer<JoinAnswer>> => {
    const answer = await transport.send("POST", AGENT_PATHS.join, {}, bytes, { signal: options.signal });
    return answerOf(answer, (found) => JoinAnswer.parse(found));
  };
  const value = valueOf(await askPatiently(ask, options));
  if (idOf(value.parentKey) !== value.parentId || value.agentId !== identity.id) {
    throw new WbError("protocol", "the parent's answer contradicts itself", {
      hint: "see that agent and parent are of one version",
    });
  }
  return value;
}

/**
 * Joins, and writes down whom. The answer's state is `pending` where a person must approve: then its `code` is to be shown.
 * @throws WbError where the parent refuses, can't be reached, or is not the one that the token names.
 */
export async function join(target: JoinTarget, options: JoinOptions): Promise<JoinedParent> {
  const { state } = options;
  const pin = target.pin ?? (await pinOfWhoAnswers(target, options));
  let { addresses } = target;
  const transport = new ParentTransport({
    addresses,
    pin,
    proxy: options.proxy,
    env: options.env,
    onWorked: (order) => (addresses = order),
  });
  try {
    const nonce = toBase64Url(randomBytes(32));
    const answer = await askToJoin(transport, { ...target, pin }, nonce, options);
    const { parentId, parentKey } = answer;
    // One line, whatever it says.
    const parentName = printable(answer.parentName).slice(0, NAME_LENGTH_MAX);
    const known = { addresses, pin, parentId, parentKey, parentName };
    if (answer.state === "active") {
      const joined: JoinedParent = { ...known, state: "active", code: null };
      state.setParent(joined);
      return joined;
    }
    const client = createParentClient({ state, transport, parentId });
    valueOf(
      await client.request("POST", AGENT_PATHS.joinReveal, { nonce }, () => undefined, {
        signal: options.signal,
      }),
    );
    const code = approvalCode({
      parentPin: pin,
      parentKey,
      agentKey: state.identity.publicKey,
      agentNonce: nonce,
      parentNonce: answer.parentNonce,
    });
    const joined: JoinedParent = { ...known, state: "pending", code };
    state.setParent(joined);
    return joined;
  } finally {
    transport.close();
  }
}

/**
 * Waits until a person has decided. True: approved. False where the signal aborted first; the agent can go on waiting later.
 * @throws WbError where it was refused.
 */
export async function awaitApproval(options: JoinOptions): Promise<boolean> {
  const { state, signal } = options;
  const { parent } = state;
  if (parent === undefined) throw new WbError("internal", "it waits for a parent that it does not have");
  const transport = new ParentTransport({
    addresses: parent.addresses,
    pin: parent.pin,
    proxy: options.proxy,
    env: options.env,
  });
  const client = createParentClient({ state, transport, parentId: parent.parentId });
  const backoff = new Backoff({ maxMs: STATUS_MS_MAX });
  let told = "";
  try {
    while (!signal.aborted) {
      const answer = await client.request(
        "GET",
        AGENT_PATHS.joinStatus,
        undefined,
        (value) => JoinStatus.parse(value),
        { signal },
      );
      const standing = answer.kind === "ok" ? answer.value.state : standingOf(answer);
      if (standing === "active") {
        state.setParent({ ...parent, state: "active", code: null });
        return true;
      }
      if (answer.kind !== "ok" && standing !== undefined && standing !== "pending") throw refused(answer);
      if (standing === "removed" || standing === "quarantined") {
        throw new WbError("unavailable", "a person at the parent has refused this agent", {
          hint: "ask who runs the parent",
        });
      }
      const failure = answer.kind === "ok" || standing === "pending" ? undefined : answer;
      const words = failure === undefined ? "" : wordsOf(failure);
      if (words !== told && words !== "") options.say(`still trying: ${words}`);
      told = words;
      if (failure === undefined) backoff.reset();
      await pause(failure === undefined ? STATUS_MS : backoff.next(askedWaitMs(failure)), signal);
    }
    return false;
  } finally {
    client.close();
  }
}
