/**
 * How much memory an agent takes on a machine where not much happens: 60 MiB at the most, from its start on. In a network namespace
 * of its own, because it takes more for each socket that it sees, and other tests open many.
 */
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { Connections } from "../../bench/support/connections.ts";
import { SinglePages } from "../../src/platform/single-pages.ts";
import { ADDRESSES } from "../support/fleet/namespaces.ts";
import { Lan } from "../support/fleet/lan.ts";
import type { Program } from "../support/fleet/program.ts";
import { testWith } from "../support/needs.ts";

const KIB_IN_MIB = 1024;
/** Where single pages can't be taken back (before Linux 6.7, or where userfaultfd is forbidden) more of the program stays. */
const MIB_MAX = SinglePages.open() === undefined ? 85 : 60;
const WATCH_MS = 25_000;
/** Both ends of each connection are here. Each takes 1.5 KB, and half as much again until garbage is collected. */
const SOCKETS = 10_000;
const SOCKETS_MIB_MAX = 15;
const MOVE_MS = 1000;
const END_MS = 10_000;
const LOOK_MS = 250;

/** In MiB. */
function memoryOf(pid: number, name: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return Number(kibibytes) / KIB_IN_MIB;
}

/** In MiB, at the most within so long. */
async function watched(pid: number, forMs: number): Promise<number> {
  const sizes: number[] = [];
  for (const end = performance.now() + forMs; performance.now() < end; await Bun.sleep(LOOK_MS))
    sizes.push(memoryOf(pid, "VmRSS"));
  console.log(
    `the agent's memory in MiB: at the most, at last, peak of all its life: ${[
      Math.max(...sizes),
      sizes.at(-1) ?? 0,
      memoryOf(pid, "VmHWM"),
    ]
      .map((size) => size.toFixed(1))
      .join(", ")}`,
  );
  return Math.max(...sizes);
}

/** An agent without a helper on machine `two`, about to be started. */
async function joined(): Promise<Lan> {
  const lan = await Lan.make();
  await lan.startParent();
  const token = await lan.done("parent", ["serve", "token", "create"]);
  await lan.done("two", ["agent", "join", token, "--parent", ADDRESSES.parent]);
  return lan;
}

testWith(
  ["root", "binary", "program:ip"],
  "an agent takes 60 MiB at the most",
  async () => {
    await using lan = await joined();
    const agent = lan.start("two", ["agent", "--no-helper"]);
    await lan.online("two");
    expect(await watched(agent.pid, WATCH_MS)).toBeLessThanOrEqual(MIB_MAX);
  },
  300_000,
);

testWith(
  ["root", "binary", "program:ip", "program:cc"],
  "ten thousand sockets that all carry bytes take 15 MiB more, and their end, all at once, no more than that again",
  async () => {
    await using lan = await joined();
    const connections = await Connections.open(SOCKETS, lan.network.at("two"));
    const moving = new AbortController();
    let agent: Program;
    try {
      agent = lan.start("two", ["agent", "--no-helper"]);
      await lan.online("two");
      const moved = keepMoving(connections, moving.signal);
      expect(await watched(agent.pid, WATCH_MS)).toBeLessThanOrEqual(MIB_MAX + SOCKETS_MIB_MAX);
      moving.abort();
      await moved;
    } finally {
      moving.abort();
      await connections[Symbol.asyncDispose]();
    }
    expect(await watched(agent.pid, END_MS)).toBeLessThanOrEqual(MIB_MAX + 2 * SOCKETS_MIB_MAX);
    expect((await lan.status("two")).captureMethod).toBe("sock_diag");
    expect(await agent.end()).toBe(0);
  },
  300_000,
);

async function keepMoving(connections: Connections, signal: AbortSignal): Promise<void> {
  for (; !signal.aborted; await Bun.sleep(MOVE_MS)) await connections.move();
}
