/**
 * A real process with an outbox, killed by SIGKILL at random moments again and again, rebooted in between, its file damaged
 * in between: what it said it had stored is at the parent once, or declared lost, and nothing is unexplained.
 */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { tmpdir } from "../../support/tmpdir.ts";
import { AGENT, drain, expectInvariant, idOfPayload, openTestOutbox } from "../../support/fleet/outbox.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";
import type { BatchReply, ChildLine } from "../../support/fleet/outbox-child.ts";

const CHILD = new URL("../../support/fleet/outbox-child.ts", import.meta.url).pathname;
const KILLS_PER_BOOT = 7;
const ROOM_BETWEEN_LIVES = 1_000_000;

/** One run of the child until it is killed. */
class Run {
  readonly #child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #parent: FleetParent;
  /** Events up to this number were stored, as the child said. */
  stored: number;

  constructor(words: readonly string[], first: number, parent: FleetParent) {
    this.#parent = parent;
    this.stored = first - 1;
    this.#child = Bun.spawn([process.execPath, CHILD, ...words], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "inherit",
    });
  }

  /** Answers until the child has said so many lines, then lets it live so much longer, and kills it. */
  async live(lines: number, afterMs: number, isHeard: () => boolean): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let rest = "";
    let said = 0;
    const decoder = new TextDecoder();
    for await (const part of this.#child.stdout) {
      rest += decoder.decode(part, { stream: true });
      const whole = rest.split("\n");
      rest = whole.pop() ?? "";
      for (const line of whole) {
        said += 1;
        if (said >= lines) timer ??= setTimeout(() => this.#child.kill("SIGKILL"), afterMs);
        this.#take(JSON.parse(line) as ChildLine, isHeard());
      }
    }
    clearTimeout(timer);
    await this.#child.exited;
    expect(this.#child.signalCode).toBe("SIGKILL");
  }

  #take(line: ChildLine, isHeard: boolean): void {
    if (line.kind === "stored") {
      this.stored = line.upTo;
      return;
    }
    const reply: BatchReply = { verdict: this.#parent.receive(line.batch) };
    // Not heard: the parent has stored it, and the child is killed while it waits for the answer.
    if (!isHeard) this.#child.kill("SIGKILL");
    else {
      void this.#child.stdin.write(`${JSON.stringify(reply)}\n`);
      void this.#child.stdin.flush();
    }
  }
}

interface Lives {
  readonly parent: FleetParent;
  /** First and last number of what each life had stored for certain. */
  readonly stored: readonly { readonly first: number; readonly last: number }[];
}

async function killAgainAndAgain(
  directory: string,
  kills: number,
  random: () => number,
  between: (kill: number) => void,
): Promise<Lives> {
  const parent = new FleetParent(AGENT.publicKey);
  const key = join(directory, "agent.pem");
  writeFileSync(key, AGENT.toPem());
  const stored: { first: number; last: number }[] = [];
  for (let kill = 0; kill < kills; kill += 1) {
    const first = kill * ROOM_BETWEEN_LIVES + 1;
    const bootId = `boot-${Math.floor(kill / KILLS_PER_BOOT)}`;
    const run = new Run([directory, key, bootId, String(first), String(kill + 1)], first, parent);
    const lostAnswer = random() < 0.2 ? 1 + Math.floor(random() * 8) : 0;
    let batches = 0;
    await run.live(1 + Math.floor(random() * 20), random() * 15, () => (batches += 1) !== lostAnswer);
    stored.push({ first, last: run.stored });
    between(kill);
  }
  return { parent, stored };
}

/** Drains what is left, and compares both accounts. */
async function settle(
  directory: string,
  { parent, stored }: Lives,
): Promise<{ missing: number; lost: number }> {
  const outbox = openTestOutbox(directory, { bootId: "boot-last", reserveBytes: 4 * 1024 * 1024 });
  expect(outbox.status().storageProblem).toBeNull();
  expectInvariant(outbox, directory);
  drain(outbox, parent);
  expectInvariant(outbox, directory);
  for (const { stream, acked, lost, pending, produced, unknownTails } of outbox.status().streams) {
    expect({ stream, acked, lost, pending, unknownTails }).toEqual({
      stream,
      acked: parent.count("events", stream),
      lost: parent.count("lost", stream),
      pending: 0,
      unknownTails: 0,
    });
    expect(produced).toBe(acked + lost);
    const ids = parent.arrived
      .filter((each) => each.stream === stream)
      .map(({ event }) => idOfPayload(event.payload));
    expect(ids).toEqual(ids.toSorted((a, b) => a - b));
    expect(new Set(ids).size).toBe(ids.length);
  }
  await outbox.close();
  const arrived = new Set(parent.arrived.map(({ event }) => idOfPayload(event.payload)));
  let missing = 0;
  for (const { first, last } of stored)
    for (let id = first; id <= last; id += 1) if (!arrived.has(id)) missing += 1;
  return { missing, lost: parent.count("lost") };
}

function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
    return state / 2_147_483_648;
  };
}

describe("an outbox whose process is killed", () => {
  test("45 times: all that was stored is there once or declared lost by the quota", async () => {
    await using directory = await tmpdir();
    const lives = await killAgainAndAgain(directory.path, 45, randomNumbers(7), () => undefined);
    const { missing, lost } = await settle(directory.path, lives);
    expect(lives.parent.arrived.length).toBeGreaterThan(1000);
    // What was dropped may have been stored in the moment between its commit and the word of it.
    expect(missing).toBeLessThanOrEqual(lost);
  }, 60_000);

  test("20 times, with damage in between: the loss is exactly as large as is declared, and no file needs a hand", async () => {
    await using directory = await tmpdir();
    const random = randomNumbers(11);
    const damage = (kill: number): void => {
      // With a reboot at the same time nobody could know how much there was: that is another test's.
      if (kill % 3 !== 1 || kill % KILLS_PER_BOOT === KILLS_PER_BOOT - 1) return;
      const path = join(directory.path, kill % 2 === 0 ? "outbox.db" : "outbox.db-wal");
      if ((statSync(path, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
      const bytes = readFileSync(path);
      const start = Math.floor(random() * bytes.length);
      bytes.fill(0xa5, start, Math.min(bytes.length, start + 1 + Math.floor(random() * 9000)));
      writeFileSync(path, bytes);
    };
    const lives = await killAgainAndAgain(directory.path, 20, random, damage);
    const { missing, lost } = await settle(directory.path, lives);
    expect(missing).toBeLessThanOrEqual(lost);
    expect(lost).toBeGreaterThan(0);
  }, 60_000);
});
