/**
 * Random lives of an outbox against a parent that remembers everything: appending, storing, sending with lost answers, orderly
 * ends, kills, reboots, damaged files, a parent and an agent that were restored from older copies. After each step the
 * account must be right; at the end everything that was stored must be at the parent once, or declared lost.
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { STREAMS, type StreamName } from "../../../src/protocol/fleet/envelope.ts";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import type { OutboxOptions } from "../../../src/telemetry/outbox.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import {
  AGENT,
  drain,
  expectInvariant,
  idOfPayload,
  numbered,
  openTestOutbox,
} from "../../support/fleet/outbox.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";

type Step =
  | {
      readonly do: "append" | "store";
      readonly stream: StreamName;
      readonly events: number;
      readonly bytes: number;
    }
  | { readonly do: "lose"; readonly stream: StreamName; readonly events: number }
  | { readonly do: "flush" | "reopen" | "kill" | "reboot" | "save" | "heartbeat" }
  | {
      readonly do: "send";
      readonly stream: StreamName;
      readonly bytesMax: number;
      readonly answered: boolean;
    }
  | { readonly do: "damage"; readonly file: string; readonly at: number; readonly length: number }
  | { readonly do: "forget"; readonly stream: StreamName; readonly part: number }
  | { readonly do: "restore" };

const stream = fc.constantFrom("process" as const, "process" as const, "flow" as const);
const append = fc.record({
  do: fc.constantFrom("append" as const, "store" as const, "store" as const),
  stream,
  events: fc.nat(40),
  bytes: fc.nat(900),
});
const lose = fc.record({ do: fc.constant("lose" as const), stream, events: fc.integer({ min: 1, max: 9 }) });
const simple = fc.record({
  do: fc.constantFrom(
    "flush" as const,
    "flush" as const,
    "reopen" as const,
    "kill" as const,
    "reboot" as const,
  ),
});
const send = fc.record({
  do: fc.constant("send" as const),
  stream,
  bytesMax: fc.constantFrom(1, 500, 5000, 1_000_000),
  answered: fc.constantFrom(true, true, false),
});
const damage = fc.record({
  do: fc.constant("damage" as const),
  file: fc.constantFrom("outbox.db", "outbox.db", "outbox.db-wal"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.oneof(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 5000 })),
});
const ledgerDamage = fc.record({
  do: fc.constant("damage" as const),
  file: fc.constantFrom("outbox.ledger", "outbox.db", "outbox.db-wal"),
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 1, max: 140_000 }),
});
const forget = fc.record({
  do: fc.constant("forget" as const),
  stream,
  part: fc.double({ min: 0, max: 1, noNaN: true }),
});
const copies = fc.record({ do: fc.constantFrom("save" as const, "restore" as const) });

/** One life: the outbox that runs, what was stored by it and those before it, and what the parent has. */
class Life {
  readonly #root: string;
  readonly #options: Partial<OutboxOptions>;
  readonly #isExact: boolean;
  readonly parent = new FleetParent(AGENT.publicKey);
  #number = 0;
  #boot = 1;
  #nextId = 1;
  #saved: string | undefined;
  /** Every payload that was ever handed to the outbox. */
  readonly given = new Set<string>();
  /** Of them those that were stored for certain, and not undone since by an older copy. */
  readonly stored = new Set<string>();
  #waiting: string[] = [];
  outbox: Outbox;

  /** `isExact`: whatever is damaged, it is known afterwards how much had been produced. */
  constructor(root: string, options: Partial<OutboxOptions>, isExact: boolean) {
    this.#isExact = isExact;
    this.#root = root;
    this.#options = options;
    mkdirSync(this.directory);
    this.outbox = this.#open();
  }

  get directory(): string {
    return join(this.#root, String(this.#number));
  }

  #open(): Outbox {
    return openTestOutbox(this.directory, { ...this.#options, bootId: `boot-${this.#boot}` });
  }

  /** What is on the disk at this moment goes on; what was in memory is gone, as after SIGKILL. */
  async #kill(change: (directory: string) => void = () => undefined, from = this.directory): Promise<void> {
    const old = this.outbox;
    const producedBefore = producedBy(old);
    this.#waiting = [];
    const next = join(this.#root, String(this.#number + 1));
    cpSync(from, next, { recursive: true });
    rmSync(join(next, "outbox.db-shm"), { force: true }); // only what processes that live share
    await old.close();
    if (from !== this.#saved) rmSync(this.directory, { recursive: true });
    this.#number += 1;
    change(next);
    this.outbox = this.#open();
    if (this.#isExact) expect(producedBy(this.outbox)).toBe(producedBefore);
  }

  async #send(step: Extract<Step, { do: "send" }>): Promise<void> {
    const batch = this.outbox.nextBatch(step.stream, step.bytesMax);
    if (batch === undefined) return;
    expect(batch.items.length).toBeGreaterThan(0);
    const verdict = this.parent.receive(batch);
    if (!step.answered) return;
    const { epoch } = batch.header;
    if (verdict.kind === "stored") this.outbox.acknowledge(batch, verdict.answer);
    else if (verdict.kind === "gap") this.outbox.rewindTo(step.stream, epoch, verdict.cursor);
    else this.outbox.beginEpoch(step.stream, epoch, "conflict");
  }

  #append(name: StreamName, bytes: number): void {
    const event = numbered(this.#nextId, bytes);
    this.#nextId += 1;
    this.given.add(event.payload);
    this.#waiting.push(event.payload);
    this.outbox.append(name, event);
  }

  async step(step: Step): Promise<void> {
    switch (step.do) {
      case "append":
      case "store":
        for (let left = step.events; left > 0; left -= 1) this.#append(step.stream, step.bytes);
        if (step.do === "store") await this.flush();
        break;
      case "lose":
        this.outbox.declareLoss(step.stream, step.events, "source");
        break;
      case "flush":
        await this.flush();
        break;
      case "reopen":
        await this.flush();
        await this.outbox.close();
        this.outbox = this.#open();
        break;
      case "kill":
        await this.#kill();
        break;
      case "reboot":
        this.#boot += 1;
        await this.#kill();
        break;
      case "send":
        await this.#send(step);
        break;
      case "damage":
        await this.#kill((directory) => damageFile(join(directory, step.file), step.at, step.length));
        break;
      case "forget": {
        const known = this.outbox.status().epochs.findLast((each) => each.stream === step.stream);
        if (known === undefined) break;
        const { cursor } = this.parent.epoch(step.stream, known.epoch);
        this.parent.forget(step.stream, known.epoch, Math.floor(cursor * step.part));
        // As a heartbeat tells it.
        this.outbox.rewindTo(step.stream, known.epoch, Math.floor(cursor * step.part));
        break;
      }
      case "heartbeat":
        this.heartbeat();
        break;
      case "save":
        this.#saved = join(this.#root, `saved-${this.#number}`);
        cpSync(this.directory, this.#saved, { recursive: true });
        break;
      case "restore":
        if (this.#saved === undefined) break;
        this.stored.clear();
        await this.#kill(undefined, this.#saved);
        break;
    }
  }

  /** Stores what waits, as the agent does every tenth of a second. */
  async flush(): Promise<void> {
    await this.outbox.flush();
    for (const payload of this.#waiting.splice(0)) this.stored.add(payload);
  }

  /** What an agent does with the cursors in the answer to a heartbeat. */
  heartbeat(): void {
    for (const { stream: name, epoch, produced } of this.outbox.status().epochs) {
      const known = this.parent.epochs.get(`${name}/${epoch}`);
      if (known !== undefined && known.cursor > produced) this.outbox.beginEpoch(name, epoch, "state_lost");
    }
  }
}

function damageFile(path: string, at: number, length: number): void {
  if (!existsSync(path)) return;
  const bytes = readFileSync(path);
  if (bytes.length === 0) return;
  const start = Math.floor(at * (bytes.length - 1));
  for (let index = start; index < Math.min(bytes.length, start + length); index += 1)
    bytes[index] = ((bytes[index] ?? 0) ^ 0x5a) & 0xff;
  writeFileSync(path, bytes);
}

function producedBy(outbox: Outbox): number {
  return outbox.status().streams.reduce((sum, { produced }) => sum + produced, 0);
}

/** What the parent has is what was given to the outbox, each of it once. */
function expectNothingTwice({ parent, given }: Life): void {
  const payloads = [...parent.epochs.values()].flatMap(({ events }) =>
    [...events.values()].map(({ event }) => event.payload),
  );
  expect(payloads.filter((payload) => !given.has(payload))).toEqual([]);
  expect(new Set(payloads).size).toBe(payloads.length);
}

function expectNothingMissing({ parent, stored }: Life): void {
  const arrived = new Set(parent.arrived.map(({ event }) => event.payload));
  expect([...stored].filter((payload) => !arrived.has(payload))).toEqual([]);
}

/** Of each stream, as they were given to the outbox. */
function expectOrder({ parent }: Life, of: ReadonlySet<string>): void {
  for (const name of STREAMS) {
    const ids = parent.arrived
      .filter(({ stream: each, event }) => each === name && of.has(event.payload))
      .map(({ event }) => idOfPayload(event.payload));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
  }
}

async function live(
  steps: readonly Step[],
  options: Partial<OutboxOptions>,
  isExact: boolean,
): Promise<Life> {
  const directory = await tmpdir();
  try {
    const life = new Life(directory.path, options, isExact);
    for (const step of steps) {
      await life.step(step);
      expect(life.outbox.status().storageProblem).toBeNull();
      expectInvariant(life.outbox, life.directory);
    }
    await life.flush();
    life.heartbeat();
    drain(life.outbox, life.parent, 20_000, steps.length % 2 === 0);
    expectInvariant(life.outbox, life.directory);
    await life.outbox.close();
    return life;
  } finally {
    await directory[Symbol.asyncDispose]();
  }
}

/** After draining, the agent's account and the parent's are the same. */
function expectSameAccount({ outbox, parent }: Life): void {
  for (const report of outbox.status().streams) {
    expect(report.pending).toBe(0);
    expect({ stream: report.stream, acked: report.acked, lost: report.lost }).toEqual({
      stream: report.stream,
      acked: parent.count("events", report.stream),
      lost: parent.count("lost", report.stream),
    });
  }
}

const RUNS = { numRuns: Number(process.env["WB_RUNS"] ?? 30) };

describe("over any life", () => {
  const quotas = fc.constantFrom(
    [],
    STREAMS.map((name) => ({ stream: name, bytesMax: 8000 })),
  );

  test("with kills and reboots nothing is missing, nothing comes twice, and all is in order", async () => {
    const steps = fc.array(fc.oneof(append, append, lose, simple, send, send), { maxLength: 40 });
    const property = fc.asyncProperty(steps, quotas, async (given, limits) => {
      const life = await live(given, { quotas: limits }, true);
      expectSameAccount(life);
      expectNothingTwice(life);
      if (limits.length === 0) expectNothingMissing(life);
      expectOrder(life, life.given);
    });
    await fc.assert(property, RUNS);
  }, 300_000);

  test("a damaged database costs what it held and nothing else", async () => {
    const steps = fc.array(fc.oneof(append, append, lose, simple, send, send, damage), { maxLength: 30 });
    const property = fc.asyncProperty(steps, quotas, async (given, limits) => {
      const life = await live(given, { quotas: limits }, true);
      expectSameAccount(life);
      expectNothingTwice(life);
    });
    await fc.assert(property, RUNS);
  }, 300_000);

  test("where the sidecar is damaged too, or copies come back, nothing comes twice and the loss is known to be unknown", async () => {
    const steps = fc.array(fc.oneof(append, append, simple, send, send, ledgerDamage, copies, forget), {
      maxLength: 30,
    });
    const property = fc.asyncProperty(steps, quotas, async (given, limits) => {
      expectNothingTwice(await live(given, { quotas: limits }, false));
    });
    await fc.assert(property, RUNS);
  }, 300_000);

  test("an older copy of its own state makes it send nothing twice and keep what is new", async () => {
    const part = fc.array(fc.oneof(append, append, send, simple), { minLength: 2, maxLength: 12 });
    const property = fc.asyncProperty(part, part, part, fc.boolean(), async (before, lost, after, isTold) => {
      const heartbeat: Step[] = isTold ? [{ do: "heartbeat" }] : [];
      const steps: Step[] = [...before, { do: "save" }, ...lost, { do: "restore" }, ...heartbeat, ...after];
      const life = await live(steps, {}, false);
      expectNothingTwice(life);
      expectNothingMissing(life);
      expectOrder(life, life.stored);
    });
    await fc.assert(property, RUNS);
  }, 300_000);
});
