/** What the parent says of programs: asked for, fetched page by page with a position that is kept; and health as it is told. */
import { expect, test } from "bun:test";
import { createAsker, syncClassifications } from "../../../src/agent/classifying.ts";
import type { AgentState, ParentAnswer, ParentClient } from "../../../src/agent/contract.ts";
import { Link } from "../../../src/agent/link.ts";
import { AgentHealth } from "../../../src/agent/provider-health.ts";
import type { ClassificationUpdate } from "../../../src/protocol/fleet/classification.ts";
import { ProviderHealth } from "../../../src/protocol/fleet/payloads.ts";
import type { NewEvent, Outbox } from "../../../src/telemetry/contract.ts";
import { failureOf } from "../../support/failure.ts";
import { waitFor } from "../../support/wait-for.ts";

const clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0 };
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const hash = (letter: string): string => letter.repeat(64);

function client(
  answer: (path: string, body: unknown) => ParentAnswer<unknown>,
): ParentClient & { asked: string[] } {
  const asked: string[] = [];
  return {
    asked,
    instance: "i",
    request: <T>(
      _: string,
      path: string,
      body: unknown,
      read: (value: unknown) => T,
    ): Promise<ParentAnswer<T>> => {
      asked.push(path);
      const given = answer(path, body);
      return Promise.resolve(given.kind === "ok" ? { kind: "ok", value: read(given.value) } : given);
    },
  };
}

function stateWith(values: Map<string, string>): AgentState {
  return {
    get: (name: string) => values.get(name),
    set: (name: string, value: string) => void values.set(name, value),
  } as unknown as AgentState;
}

test("asked, it answers in our words and leaves out what nobody knows; while the parent is away it says so", async () => {
  const link = new Link(clock);
  const parent = client(() => ({
    kind: "ok",
    value: {
      classifications: [
        { fingerprintHash: hash("a"), classification: "game", confidence: 0.9, source: "ml_model" },
        { fingerprintHash: hash("b"), classification: "unknown", confidence: 0, source: "database" },
        { fingerprintHash: hash("c"), classification: "unknown", confidence: 1, source: "parent_override" },
      ],
    },
  }));
  const asker = createAsker(parent, link, clock);
  const request = {
    fingerprintHash: hash("a"),
    name: "x",
    path: null,
    fileHash: null,
    signature: null,
    publisher: null,
    version: null,
  };
  expect(await failureOf(asker.ask([request]))).toBe("the parent is not there");
  link.online(0);
  const updatedAt = "2023-11-14T22:13:20.000Z";
  expect(await asker.ask([request])).toEqual([
    { fingerprintHash: hash("a"), classification: "game", source: "upstream", updatedAt },
    { fingerprintHash: hash("c"), classification: "unknown", source: "parent_override", updatedAt },
  ]);
  expect(await asker.ask([])).toEqual([]);
  expect(parent.asked).toEqual(["/api/v1/processes/classify"]);
});

test("a refusal fails the question, and one that concerns the link is told to it", async () => {
  const link = new Link(clock);
  link.online(0);
  const removed: ParentAnswer<unknown> = {
    kind: "refused",
    status: 410,
    error: { code: "removed", message: "gone" },
    retryAfterMs: undefined,
  };
  const asker = createAsker(
    client(() => removed),
    link,
    clock,
  );
  const request = {
    fingerprintHash: hash("a"),
    name: "x",
    path: null,
    fileHash: null,
    signature: null,
    publisher: null,
    version: null,
  };
  expect(await failureOf(asker.ask([request]))).toStartWith("the parent has removed it");
  expect(link.status.state).toBe("connecting");
});

test("changes are fetched page by page; the first time only what people said is kept; a position that is not known begins anew", async () => {
  const link = new Link(clock);
  link.online(0);
  const update = (letter: string, source: ClassificationUpdate["source"]): ClassificationUpdate => ({
    fingerprintHash: hash(letter),
    classification: "game",
    source,
    updatedAt: "2026-01-01T00:00:00Z",
  });
  const pages: Record<string, unknown> = {
    "": {
      updates: [update("a", "builtin"), update("b", "parent_override"), update("c", "upstream")],
      next: "1",
    },
    "1": { updates: [update("d", "community")], next: "2" },
    "2": { updates: [], next: "2" },
  };
  const applied: string[] = [];
  const auditor = {
    applyClassifications: (updates: readonly ClassificationUpdate[]) =>
      void applied.push(...updates.map((each) => each.fingerprintHash[0] ?? "")),
  };
  const values = new Map<string, string>();
  const run = async (parent: ParentClient & { asked: string[] }, until: () => boolean): Promise<void> => {
    const stop = new AbortController();
    const running = syncClassifications(
      { client: parent, state: stateWith(values), log: quiet, link, auditor, retryMaxMs: 100 },
      stop.signal,
    );
    await waitFor("the position", until);
    stop.abort();
    await running;
  };
  const parent = client((path) => {
    const since = new URLSearchParams(path.split("?")[1]).get("since") ?? "";
    const page = pages[since];
    if (page !== undefined) return { kind: "ok", value: page };
    return {
      kind: "refused",
      status: 400,
      error: { code: "bad_request", message: "no position" },
      retryAfterMs: undefined,
    };
  });
  await run(parent, () => parent.asked.length === 3);
  expect([applied, values.get("classifications")]).toEqual([["b", "d"], "2"]);
  pages["2"] = { updates: [update("e", "upstream")], next: "3" };
  pages["3"] = { updates: [], next: "3" };
  await run(parent, () => values.get("classifications") === "3");
  expect(applied).toEqual(["b", "d", "e"]);
  values.set("classifications", "of another parent");
  await run(parent, () => values.get("classifications") === "3");
  expect(applied).toEqual(["b", "d", "e", "b", "d"].concat([]));
});

test("health is told at once where a state changes, with rates, restarts and loss, as the parent takes it", () => {
  const events: ProviderHealth[] = [];
  let processes: ProviderHealth = {
    provider: "processes",
    state: "stopped",
    eventsTotal: 0,
    eventsPerSecond: 0,
    restarts: 0,
    lost: 0,
    detail: "",
  };
  const flows = { captureMethod: "none", notices: [] as string[] };
  const stream = {
    stream: "flow",
    epoch: "0".repeat(16),
    produced: 0,
    acked: 0,
    pending: 0,
    lost: 0,
    unknownTails: 0,
    pendingBytes: 0,
  };
  let storageProblem: string | null = null;
  const outbox = {
    append: (_: string, event: NewEvent) => void events.push(ProviderHealth.parse(JSON.parse(event.payload))),
    status: () => ({ streams: [stream], storageProblem, ringEvents: 0, setAside: [] }),
  } as unknown as Outbox;
  const lines: string[] = [];
  const log = {
    info: (line: string) => void lines.push(line),
    warn: (line: string) => void lines.push(line),
    error: (line: string) => void lines.push(line),
  };
  const health = new AgentHealth({ outbox, clock, log, processes: () => processes, flows });
  const told = (): string[] =>
    events
      .splice(0)
      .map(
        (each) =>
          `${each.provider} ${each.state} ${each.eventsTotal} ${each.restarts} ${each.lost} ${each.detail}`,
      );
  expect(told()).toEqual(["processes live 0 0 0 ", "flows live 0 0 null ", "outbox live 0 0 0 "]);
  health.look();
  expect(told()).toEqual(["processes stopped 0 0 0 ", "flows stopped 0 0 null it is being started"]);
  processes = { ...processes, state: "live", eventsTotal: 7, lost: 2, detail: "by scans alone; 3 gaps told" };
  flows.captureMethod = "sock_diag";
  health.look();
  expect(told()).toEqual(["processes live 0 0 2 by scans alone", "flows live 0 0 null by sock_diag"]);
  health.look();
  expect(told()).toEqual([]);
  // It failed and was started anew between two looks; of the flows the capture broke off.
  processes = { ...processes, restarts: 1 };
  flows.captureMethod = "none";
  flows.notices.push("it broke off");
  health.look();
  expect(told()).toEqual([
    "processes restarting 7 1 2 it was started anew",
    "processes live 7 1 2 by scans alone",
    "flows restarting 0 1 null it broke off",
  ]);
  flows.captureMethod = "sock_diag";
  health.look();
  expect(told()).toEqual(["flows live 0 1 null by sock_diag"]);
  storageProblem = "the disk is full";
  health.look();
  expect(told()).toEqual(["outbox failed 0 0 0 the disk is full"]);
  health.look();
  storageProblem = null;
  health.look();
  expect(lines).toEqual(["nothing can be stored: the disk is full", "what is seen is stored again"]);
});
