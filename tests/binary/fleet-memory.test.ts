/**
 * How much memory an agent takes on a machine where not much happens: 60 MiB at the most, from its start on. In a network namespace
 * of its own, because it takes more for each socket that it sees, and other tests open many.
 */
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { ADDRESSES } from "../support/fleet/namespaces.ts";
import { Lan } from "../support/fleet/lan.ts";
import { testWith } from "../support/needs.ts";

const KIB_IN_MIB = 1024;
const MIB_MAX = 60;
const WATCH_MS = 25_000;
const LOOK_MS = 250;

/** In MiB. */
function memoryOf(pid: number, name: "VmRSS" | "VmHWM"): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  const kibibytes = new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(status)?.[1];
  return Number(kibibytes) / KIB_IN_MIB;
}

testWith(["root", "binary", "program:ip"], "an agent takes 60 MiB at the most", async () => {
  await using lan = await Lan.make();
  await lan.startParent();
  const token = await lan.done("parent", ["serve", "token", "create"]);
  await lan.done("two", ["agent", "join", token, "--parent", ADDRESSES.parent]);
  const agent = lan.start("two", ["agent", "--no-helper"]);
  await lan.online("two");
  const sizes: number[] = [];
  for (const end = performance.now() + WATCH_MS; performance.now() < end; await Bun.sleep(LOOK_MS))
    sizes.push(memoryOf(agent.pid, "VmRSS"));
  const peak = memoryOf(agent.pid, "VmHWM");
  const told = [Math.max(...sizes), sizes.at(-1) ?? 0, peak].map((size) => size.toFixed(1));
  console.log(`the agent's memory in MiB: at the most, at last, peak of all its life: ${told.join(", ")}`);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(MIB_MAX);
});
