/**
 * An agent whose outbox is set back to an older copy of itself again and again, with answers of its parent lost in between, and the
 * store of a real parent: what it told of flows is there once, under whatever numbers it was sent. (A copy that was made after it had
 * been set back does not know under which numbers its events were sent in the end; docs/fleet.md says so.)
 */
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "bun:test";
import * as fc from "fast-check";
import type { SignedBatch } from "../../../src/protocol/fleet/envelope.ts";
import { verifyBatch } from "../../../src/protocol/fleet/verify-batch.ts";
import type { FleetStore, VerifiedBatch } from "../../../src/store/fleet/contract.ts";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import { openTestOutbox, PARENT_ID } from "../../support/fleet/outbox.ts";
import { flow, StoredAgent, T0 } from "../../support/fleet/stored.ts";
import { temporaryStore } from "../../support/fleet/store.ts";
import { tmpdir } from "../../support/tmpdir.ts";

type Step =
  | { readonly do: "tell"; readonly flows: number }
  /** So many batches; of the last the answer is lost. */
  | { readonly do: "send"; readonly batches: number; readonly itemsMax: number; readonly isHeard: boolean }
  | { readonly do: "save" | "restore" | "kill" };

const send = fc.record({
  do: fc.constant("send" as const),
  batches: fc.integer({ min: 1, max: 3 }),
  itemsMax: fc.integer({ min: 1, max: 9 }),
  isHeard: fc.boolean(),
});
const tell = fc.record({ do: fc.constant("tell" as const), flows: fc.integer({ min: 1, max: 12 }) });
const part = fc.array<Step>(fc.oneof(tell, send, fc.constant({ do: "kill" as const })), {
  minLength: 1,
  maxLength: 8,
});
/** One that ends with other events under numbers that the parent has. */
const OVERTAKEN: Step[] = [
  { do: "tell", flows: 5 },
  { do: "save" },
  { do: "tell", flows: 5 },
  { do: "send", batches: 2, itemsMax: 7, isHeard: false },
  { do: "restore" },
  { do: "tell", flows: 7 },
];

class Life {
  readonly #root: string;
  readonly #store: FleetStore;
  readonly #agent: StoredAgent;
  #outbox: Outbox;
  #number = 0;
  #told = 0;

  constructor(root: string, store: FleetStore, agent: StoredAgent) {
    this.#root = root;
    this.#store = store;
    this.#agent = agent;
    mkdirSync(this.#directory);
    this.#outbox = this.#open();
  }

  get #directory(): string {
    return join(this.#root, String(this.#number));
  }

  get #copy(): string {
    return join(this.#root, "copy");
  }

  #open(): Outbox {
    return openTestOutbox(this.#directory, { signer: this.#agent.identity, parentId: PARENT_ID });
  }

  async do(next: Step): Promise<void> {
    if (next.do === "tell") {
      for (let count = 0; count < next.flows; count += 1) {
        this.#told += 1;
        const payload = JSON.stringify({
          ...flow(0),
          intervalStartMs: T0 + this.#told,
          bytesSent: this.#told,
        });
        const timestampMs = T0 + this.#told;
        this.#outbox.append("flow", {
          type: "flow_summary",
          timestampMs,
          provider: "flows",
          eventId: 1,
          payload,
        });
      }
      await this.#outbox.flush();
    } else if (next.do === "send") {
      for (let left = next.batches; left > 0; left -= 1)
        await this.#send(next.itemsMax, left > 1 || next.isHeard);
    } else if (next.do === "save") {
      rmSync(this.#copy, { recursive: true, force: true });
      cpSync(this.#directory, this.#copy, { recursive: true });
    } else await this.#again(next.do === "restore" ? this.#copy : this.#directory);
  }

  /** As a kill leaves it, or as it once was. */
  async #again(from: string): Promise<void> {
    const next = join(this.#root, String(this.#number + 1));
    try {
      cpSync(from, next, { recursive: true });
    } catch {
      return; // there is no copy yet
    }
    rmSync(join(next, "outbox.db-shm"), { force: true });
    await this.#outbox.close();
    this.#number += 1;
    this.#outbox = this.#open();
  }

  async #send(itemsMax: number, isHeard: boolean): Promise<boolean> {
    const batch = this.#outbox.nextBatch("flow", 1_000_000, itemsMax);
    if (batch === undefined) return false;
    const [outcome] = await this.#store.events.ingest([this.#verified(batch)]);
    if (!isHeard) return true;
    const { stream, epoch } = batch.header;
    if (outcome?.kind === "stored") {
      const { cursor, notLost } = outcome;
      this.#outbox.acknowledge(batch, { cursor, notLost: [...notLost], creditBytes: 1_000_000, waitMs: 0 });
    } else if (outcome?.kind === "gap") this.#outbox.rewindTo(stream, epoch, outcome.cursor);
    else if (outcome?.kind === "conflict")
      this.#outbox.beginEpoch(stream, epoch, "conflict", outcome.atSeq - 1);
    else throw new Error(JSON.stringify(outcome));
    return true;
  }

  #verified(batch: SignedBatch): VerifiedBatch {
    const verified = verifyBatch(batch, this.#agent.identity.publicKey);
    if ("problem" in verified) throw new Error(verified.problem);
    return { batch, chains: verified.chains, receivedAtMs: T0 };
  }

  async end(): Promise<void> {
    for (let left = 1000; left > 0 && (await this.#send(1000, true)); left -= 1);
    expect(this.#outbox.status().streams.map(({ pending }) => pending)).toEqual([0, 0, 0]);
    await this.#outbox.close();
  }
}

test("nothing that was told of flows is there twice, however often the outbox is set back to a copy", async () => {
  const lives = fc
    .array(part, { minLength: 2, maxLength: 5 })
    .map((parts) =>
      parts.flatMap((each, index): Step[] => [...each, { do: index === 0 ? "save" : "restore" }]),
    );
  let epochsMax = 0;
  const property = fc.asyncProperty(lives, async (steps) => {
    await using directory = await tmpdir();
    await using temporary = await temporaryStore();
    const { store } = temporary;
    const agent = new StoredAgent();
    await agent.join(store);
    const life = new Life(directory.path, store, agent);
    for (const each of steps) await life.do(each);
    await life.do({ do: "tell", flows: 2 });
    await life.end();
    const { items } = await store.events.connections({ agentId: agent.id, limit: 1000 });
    const sent = items.map(({ bytesSent }) => bytesSent);
    expect(sent.length).toBe(new Set(sent).size);
    const { items: events } = await store.events.events({ agentId: agent.id, stream: "flow", limit: 1000 });
    expect(events.length).toBe(sent.length);
    epochsMax = Math.max(epochsMax, new Set(events.map(({ epoch }) => epoch)).size);
  });
  const numRuns = Number(process.env["WB_RUNS"] ?? 15);
  await fc.assert(property, { numRuns, examples: [[OVERTAKEN]] });
  expect(epochsMax).toBeGreaterThan(1);
}, 120_000);
