/** The outbox on disks that are really full, really read-only, and on files that are damaged at any place. */
import { describe, expect, test } from "bun:test";
import { cpSync, mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Outbox } from "../../../src/telemetry/contract.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";
import {
  AGENT,
  drain,
  expectInvariant,
  idOfPayload,
  numbered,
  openTestOutbox,
  sendOne,
} from "../../support/fleet/outbox.ts";
import { FleetParent } from "../../support/fleet/outbox-parent.ts";

const RESERVE_BYTES = 4 * 1024 * 1024;

/** A file system of its own, of 16 MiB. */
class SmallDisk implements AsyncDisposable {
  readonly path: string;
  readonly #directory: AsyncDisposable;

  private constructor(path: string, directory: AsyncDisposable) {
    this.path = path;
    this.#directory = directory;
  }

  static async mounted(): Promise<SmallDisk> {
    const directory = await tmpdir();
    const path = join(directory.path, "disk");
    mkdirSync(path);
    mount("-t", "tmpfs", "-o", "size=16m,mode=0700", "tmpfs", path);
    return new SmallDisk(path, directory);
  }

  /** Takes all room that is left, to the last page. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.path);
    try {
      writeFileSync(join(this.path, "filling"), new Uint8Array(bavail * bsize));
    } catch {
      // one page less than was said: then it is full as well
    }
    expect(statfsSync(this.path).bavail).toBeLessThan(2);
  }

  free(): void {
    rmSync(join(this.path, "filling"));
  }

  remount(options: "ro" | "rw"): void {
    mount("-o", `remount,${options}`, this.path);
  }

  /** A file that is open for writing keeps a file system from becoming read-only: what a failing disk does by force is done here by taking the place away. */
  hide(): void {
    mount("-t", "tmpfs", "-o", "ro", "tmpfs", this.path);
  }

  show(): void {
    expect(Bun.spawnSync(["umount", this.path]).exitCode).toBe(0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    Bun.spawnSync(["umount", "-l", this.path]);
    await this.#directory[Symbol.asyncDispose]();
  }
}

function mount(...words: readonly string[]): void {
  const { exitCode, stderr } = Bun.spawnSync(["mount", ...words]);
  if (exitCode !== 0) throw new Error(`mount: ${stderr.toString()}`);
}

function report(outbox: Outbox): { produced: number; acked: number; pending: number; lost: number } {
  const found = outbox.status().streams.find(({ stream }) => stream === "process");
  if (found === undefined) throw new Error("no such stream");
  return found;
}

function ids(parent: FleetParent): number[] {
  return parent.arrived.map(({ event }) => idOfPayload(event.payload));
}

describe("a full disk", () => {
  testWith(
    ["root", "program:mount"],
    "keeps what fits in memory, counts the rest, acknowledges, and recovers by itself",
    async () => {
      await using disk = await SmallDisk.mounted();
      const parent = new FleetParent(AGENT.publicKey);
      const state = join(disk.path, "state");
      mkdirSync(state);
      const ring = { eventsMax: 500, bytesMax: 1_000_000 };
      const outbox = openTestOutbox(state, { reserveBytes: RESERVE_BYTES, ring });
      for (let id = 1; id <= 300; id += 1) outbox.append("process", numbered(id, 1000));
      await outbox.flush();
      expect(outbox.status().storageProblem).toBeNull();
      disk.fill();

      // Far more than the ring and what can still be stored.
      let id = 300;
      for (let round = 0; round < 12; round += 1) {
        for (let count = 0; count < 400; count += 1) outbox.append("process", numbered((id += 1), 1000));
        await outbox.flush();
        expectInvariant(outbox);
      }
      expect(outbox.status().storageProblem).toBe("the disk is full");
      const full = report(outbox);
      expect(full.lost).toBeGreaterThan(1000);
      expect(full.produced + outbox.status().ringEvents).toBe(id);

      // Answers are written although there is no room, and what they free is used.
      for (let round = 0; round < 4; round += 1) {
        for (let count = 0; count < 20; count += 1) sendOne(outbox, parent, "process", 20_000);
        await outbox.flush();
      }
      const sent = report(outbox);
      expect(sent.acked).toBeGreaterThan(300);
      expectInvariant(outbox);

      disk.free();
      await waitFor(
        "the disk to be used again",
        () => outbox.status().storageProblem === null && outbox.status().ringEvents === 0,
      );
      outbox.append("process", numbered((id += 1), 1000));
      await outbox.flush();
      drain(outbox, parent);
      const end = report(outbox);
      expect(end).toMatchObject({ produced: id, pending: 0 });
      expect(end.acked).toBe(parent.count("events"));
      expect(end.lost).toBe(parent.count("lost"));
      expect(ids(parent)).toEqual(ids(parent).toSorted((a, b) => a - b));
      expect(ids(parent).at(-1)).toBe(id);
      const reasons = new Set<string>();
      for (const { lost } of parent.epochs.values()) for (const reason of lost.values()) reasons.add(reason);
      expect(reasons).toEqual(new Set(["disk_full"]));
      await outbox.close();
    },
  );

  testWith(
    ["root", "program:mount"],
    "also one that is full from the start, and stays so to the end",
    async () => {
      await using disk = await SmallDisk.mounted();
      const state = join(disk.path, "state");
      mkdirSync(state);
      disk.fill();
      const outbox = openTestOutbox(state, {
        reserveBytes: RESERVE_BYTES,
        ring: { eventsMax: 50, bytesMax: 100_000 },
      });
      for (let id = 1; id <= 80; id += 1) outbox.append("process", numbered(id, 100));
      await outbox.flush();
      expect(outbox.status()).toMatchObject({ ringEvents: 50, epochs: [] });
      expect(outbox.status().storageProblem).toContain("disk is full");
      expect(outbox.nextBatch("process", 1000)).toBeUndefined();
      disk.free();
      await outbox.flush();
      expect(report(outbox)).toMatchObject({ produced: 80, pending: 50, lost: 30 });
      disk.fill();
      await outbox.close();
      const again = openTestOutbox(state, { reserveBytes: RESERVE_BYTES });
      expect(report(again)).toMatchObject({ produced: 80, pending: 50, lost: 30 });
      await again.close();
    },
  );

  testWith(
    ["root", "program:mount"],
    "at its end what waits in memory is declared by the reserve",
    async () => {
      await using disk = await SmallDisk.mounted();
      const state = join(disk.path, "state");
      mkdirSync(state);
      const outbox = openTestOutbox(state, { reserveBytes: RESERVE_BYTES });
      disk.fill();
      for (let id = 1; id <= 2000; id += 1) outbox.append("process", numbered(id, 1000));
      await outbox.flush();
      await outbox.close();
      const again = openTestOutbox(state, { reserveBytes: RESERVE_BYTES });
      const { produced, pending, lost } = report(again);
      expect({ produced, sum: pending + lost }).toEqual({ produced: 2000, sum: 2000 });
      expect(lost).toBeGreaterThan(0);
      await again.close();
    },
  );
});

describe("a disk that refuses", () => {
  testWith(
    ["root", "program:mount"],
    "read-only for a while: nothing is lost, and it goes on by itself",
    async () => {
      await using disk = await SmallDisk.mounted();
      const outbox = openTestOutbox(disk.path, { reserveBytes: RESERVE_BYTES });
      outbox.append("process", numbered(1));
      await outbox.flush();
      disk.hide();
      for (let id = 2; id <= 20; id += 1) outbox.append("process", numbered(id));
      await outbox.flush();
      expect(outbox.status()).toMatchObject({ ringEvents: 19 });
      expect(outbox.status().storageProblem).toContain("read-only");
      disk.show();
      await waitFor("the disk to be written again", () => outbox.status().storageProblem === null);
      await outbox.flush();
      const parent = new FleetParent(AGENT.publicKey);
      drain(outbox, parent);
      expect(ids(parent)).toEqual(Array.from({ length: 20 }, (_, index) => index + 1));
      expectInvariant(outbox, disk.path);
      await outbox.close();
    },
  );

  testWith(
    ["root", "program:mount"],
    "read-only from the start: it starts, says why, and stores when it can",
    async () => {
      await using disk = await SmallDisk.mounted();
      disk.remount("ro");
      const outbox = openTestOutbox(join(disk.path, "state"), { reserveBytes: RESERVE_BYTES });
      outbox.append("process", numbered(1));
      await outbox.flush();
      expect(outbox.status().storageProblem).toContain("read-only");
      disk.remount("rw");
      await outbox.flush();
      expect(outbox.status().storageProblem).toBeNull();
      expect(report(outbox)).toMatchObject({ produced: 1, pending: 1, lost: 0 });
      await outbox.close();
    },
  );
});

test("a file damaged at any place: it starts, and every event is there or declared lost", async () => {
  await using directory = await tmpdir();
  const whole = join(directory.path, "whole");
  const first = openTestOutbox(whole);
  const parent = new FleetParent(AGENT.publicKey);
  for (let id = 1; id <= 200; id += 1) first.append("process", numbered(id, 300));
  await first.flush();
  sendOne(first, parent, "process", 5000);
  const acked = ids(parent).length;
  await first.close();
  const path = join(whole, "outbox.db");
  const bytes = readFileSync(path);
  const offsets = [
    0,
    16,
    18,
    60,
    96,
    100,
    4090,
    4096,
    4104,
    8192,
    20_000,
    bytes.length - 4096,
    bytes.length - 10,
  ];
  for (const [index, offset] of offsets.entries()) {
    for (const change of ["overwrite", "cut"] as const) {
      const copy = join(directory.path, `${index}-${change}`);
      cpSync(whole, copy, { recursive: true });
      const damaged = Buffer.from(bytes);
      if (change === "overwrite") damaged.fill(0xa5, offset, offset + 10);
      writeFileSync(join(copy, "outbox.db"), change === "cut" ? damaged.subarray(0, offset) : damaged);
      const outbox = openTestOutbox(copy);
      const here = new FleetParent(AGENT.publicKey);
      for (const { event, stream, epoch } of parent.arrived) {
        const state = here.epoch(stream, epoch);
        state.events.set(event.seq, {
          chain: parent.epoch(stream, epoch).events.get(event.seq)?.chain ?? null,
          event,
        });
        state.cursor = event.seq;
      }
      outbox.append("process", numbered(201));
      await outbox.flush();
      drain(outbox, here);
      const what = `${change} at ${offset}`;
      expect(here.count("events") + here.count("lost"), what).toBe(201);
      expect(here.arrived.map(({ event }) => idOfPayload(event.payload)).at(-1), what).toBe(201);
      expect(report(outbox), what).toMatchObject({ produced: 201, pending: 0, lost: here.count("lost") });
      expect(outbox.status().storageProblem, what).toBeNull();
      await outbox.close();
    }
  }
  expect(acked).toBeGreaterThan(10);
});
