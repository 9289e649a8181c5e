/** No answer of a parent, however odd, makes an agent ask in a tight circle. */
import { expect, test } from "bun:test";
import { syncClassifications } from "../../../src/agent/classifying.ts";
import type { AgentState, ParentAnswer, ParentClient } from "../../../src/agent/contract.ts";
import { Credit } from "../../../src/agent/credit.ts";
import { Cursors } from "../../../src/agent/cursors.ts";
import { Drain, LANES } from "../../../src/agent/drain.ts";
import { Link } from "../../../src/agent/link.ts";
import { pollCommands } from "../../../src/agent/poll.ts";
import { pause } from "../../../src/agent/wait.ts";
import { WbError } from "../../../src/model/errors.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { commandBytes } from "../../../src/protocol/fleet/proofs.ts";
import { numbered, openTestOutbox } from "../../support/fleet/outbox.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const clock = { now: () => Date.now(), monotonicMs: () => performance.now() };
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
/** The first pause is a second then: the second request of a circle comes before, that of a patient agent does not. */
const random = (): number => 1;
const LOOKED_FOR_MS = 600;

/** Answers every request in the same way. */
function parentThatSays(answer: ParentAnswer<unknown>): { client: ParentClient; requests: () => number } {
  let requests = 0;
  const client = {
    instance: "i",
    request: async <T>(): Promise<ParentAnswer<T>> => {
      requests += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return answer as ParentAnswer<T>;
    },
  };
  return { client, requests: () => requests };
}

const forbidden: ParentAnswer<never> = {
  kind: "refused",
  status: 401,
  error: { code: "unauthenticated", message: "who are you?" },
  retryAfterMs: undefined,
};

/** Its heartbeats are taken, whatever becomes of all else. */
async function keepOnline(link: Link, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    link.online(Date.now());
    await link.wanted.wait(1e6, signal);
  }
}

/** What the two loops that wait for the parent are given, and an agent that knows it. */
function pollWorld(answer: ParentAnswer<unknown>) {
  const parent = Identity.generate();
  const identity = Identity.generate();
  const state = {
    identity,
    parent: { parentId: parent.id, parentKey: parent.publicKey },
    commandCursor: 7,
    setCommandCursor: () => undefined,
  } as unknown as AgentState;
  const at = parentThatSays(answer);
  const link = new Link(clock);
  const targets = {
    link,
    auditor: { requestSnapshot: () => undefined, applyClassifications: () => undefined },
    flows: { watch: () => undefined },
  };
  return {
    ...at,
    parent,
    identity,
    options: { client: at.client, state, clock, log, targets, retryMaxMs: 300_000, random },
  };
}

/** How often it has asked a while after it asked first. */
async function requestsOf(
  link: Link,
  requests: () => number,
  run: (signal: AbortSignal) => Promise<void>,
): Promise<number> {
  const stop = new AbortController();
  const running = [keepOnline(link, stop.signal), run(stop.signal)];
  await waitFor("the first request", () => requests() > 0);
  await pause(LOOKED_FOR_MS, stop.signal);
  stop.abort();
  await Promise.all(running);
  return requests();
}

async function requestsOfPoll({ options, requests }: ReturnType<typeof pollWorld>): Promise<number> {
  return await requestsOf(options.targets.link, requests, (signal) => pollCommands(options, signal));
}

test("commands that were carried out before, told again and again", async () => {
  const at = pollWorld({ kind: "ok", value: undefined });
  const unsigned = {
    agentId: at.identity.id,
    seq: 7,
    kind: "heartbeat" as const,
    issuedAtMs: Date.now(),
    expiresAtMs: Date.now() + 60_000,
    payload: "",
  };
  const signature = Buffer.from(at.parent.sign(commandBytes(at.parent.id, unsigned))).toString("base64url");
  const told = { commands: [{ ...unsigned, signature }], cursor: 7 };
  const again = parentThatSays({ kind: "ok", value: told });
  const requests = await requestsOfPoll({
    ...at,
    ...again,
    options: { ...at.options, client: again.client },
  });
  expect(requests).toBe(1);
});

test("a refusal of the long-poll alone, while heartbeats are taken", async () => {
  expect(await requestsOfPoll(pollWorld(forbidden))).toBe(1);
});

test("a long-poll that a parent's restarts cut again and again is soon taken up again each time", async () => {
  const at = pollWorld(forbidden);
  let nowMs = 0;
  let requests = 0;
  const cut: ParentAnswer<never> = { kind: "unreachable", error: new WbError("unavailable", "it was cut") };
  const client = {
    instance: "i",
    request: () => {
      requests += 1;
      nowMs += 60_000;
      return Promise.resolve(cut);
    },
  };
  const options = {
    ...at.options,
    client,
    clock: { ...clock, monotonicMs: () => nowMs },
    random: () => 0.1,
  };
  const stop = new AbortController();
  const running = [keepOnline(options.targets.link, stop.signal), pollCommands(options, stop.signal)];
  // Ten pauses that grew would be a minute and more.
  await waitFor("ten attempts", () => requests >= 10, 15_000);
  stop.abort();
  await Promise.all(running);
}, 20_000);

test("a refusal of batches alone, while heartbeats are taken", async () => {
  await using directory = await tmpdir();
  const outbox = openTestOutbox(directory.path);
  const { client, requests } = parentThatSays(forbidden);
  const link = new Link(clock);
  const [lane = { streams: [], gatherMs: 0 }] = LANES;
  const drain = new Drain({
    client,
    outbox,
    clock,
    log,
    link,
    lane,
    random,
    cursors: new Cursors(),
    credit: new Credit(clock),
    retryMaxMs: 300_000,
  });
  outbox.append("process", numbered(1));
  await outbox.flush();
  expect(await requestsOf(link, requests, (signal) => drain.run(signal))).toBe(1);
  await outbox.close();
});

test("a parent that asks to wait before classifications are fetched again", async () => {
  const { client, requests } = parentThatSays({
    kind: "refused",
    status: 429,
    error: { code: "rate_limited", message: "later" },
    retryAfterMs: 5000,
  });
  const link = new Link(clock);
  const state = { get: () => undefined, set: () => undefined } as unknown as AgentState;
  const auditor = { applyClassifications: () => undefined };
  const options = { client, state, log, link, auditor, retryMaxMs: 100 };
  expect(await requestsOf(link, requests, (signal) => syncClassifications(options, signal))).toBe(1);
});
