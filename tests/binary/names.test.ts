/** Names in the real program, in a network of its own: they appear, and a dead name server delays no frame and no end. */
import { expect } from "bun:test";

import { BINARY_PATH, testWith } from "../support/needs.ts";
import { tmpdir } from "../support/tmpdir.ts";

const WORLD = new URL("../support/names-world.ts", import.meta.url).pathname;
const NEEDS = ["binary", "root", "program:unshare", "program:ip", "program:mount"] as const;

interface Sample {
  readonly type: string;
  readonly sampledAtMs: number;
  readonly rows?: readonly {
    readonly remoteAddress: string;
    readonly remoteHost: string | null;
    readonly remoteHostSource: string | null;
  }[];
}

async function wb(behaviour: "answers" | "silent", ...words: readonly string[]) {
  await using home = await tmpdir();
  const command = ["unshare", "--net", "--mount", process.execPath, WORLD, behaviour, BINARY_PATH, ...words];
  const env = { PATH: `${process.env["PATH"]}:/usr/sbin:/sbin`, HOME: home.path };
  const child = Bun.spawn(command, { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [stderr, stdout] = await Promise.all([
    new Response(child.stderr).text(),
    new Response(child.stdout).text(),
  ]);
  const exitCode = await child.exited;
  // Of the whole world, in microseconds.
  const cpuMs = Number(child.resourceUsage()?.cpuTime.total ?? 0) / 1000;
  return { stderr, stdout, exitCode, cpuMs };
}

/** By address, after so many seconds. */
async function namesAfter(seconds: number): Promise<Map<string, (string | null)[]>> {
  const words = ["monitor", "--json", "--duration", `${seconds}s`, "--no-history"];
  const { stderr, stdout, exitCode } = await wb("answers", ...words);
  expect([stderr, exitCode]).toEqual(["", 0]);
  const rows = (JSON.parse(stdout) as Sample).rows?.filter(({ remoteAddress }) =>
    remoteAddress.startsWith("198.51.100."),
  );
  return new Map(rows?.map((row) => [row.remoteAddress, [row.remoteHost, row.remoteHostSource]]));
}

testWith(NEEDS, "names of the name server appear, with their source", async () => {
  let named = await namesAfter(2);
  // A busy machine needs longer for all of them.
  for (let seconds = 8; seconds < 60 && [...named.values()].some(([host]) => host === null); seconds *= 2)
    named = await namesAfter(seconds);
  expect(named.size).toBeGreaterThanOrEqual(200);
  for (const [address, name] of named)
    expect([address, ...name]).toEqual([address, `host-${address.split(".")[3]}.example`, "ptr"]);
});

testWith(NEEDS, "--no-dns shows no name that a server would have to give", async () => {
  const { stderr, stdout, exitCode } = await wb(
    "answers",
    "monitor",
    "--json",
    "--duration",
    "1s",
    "--no-history",
    "--no-dns",
  );
  expect(stderr).toBe("");
  const rows = (JSON.parse(stdout) as Sample).rows?.filter(({ remoteAddress }) =>
    remoteAddress.startsWith("198.51.100."),
  );
  expect(new Set(rows?.map(({ remoteHost }) => remoteHost))).toEqual(new Set([null]));
  expect(exitCode).toBe(0);
});

testWith(NEEDS, "a dead name server delays no frame, and the end comes in time", async () => {
  const flags = ["--jsonl", "--interval", "200ms", "--duration", "4s", "--no-history"];
  const { stderr, stdout, exitCode } = await wb("silent", "monitor", ...flags);
  expect(stderr).toBe("");
  const samples = stdout
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Sample)
    .filter(({ type }) => type === "totals");
  // Who waited for the server would wait for three seconds; a busy machine is late by less.
  expect(samples.length).toBeGreaterThan(4);
  const gapsMs = samples
    .slice(1)
    .map((sample, index) => sample.sampledAtMs - (samples[index]?.sampledAtMs ?? 0));
  expect(Math.max(...gapsMs)).toBeLessThan(2500);
  expect(exitCode).toBe(0);
});

testWith(
  NEEDS,
  "a doctor who waits for a dead name server says so, and spends no time of the processor",
  async () => {
    const { cpuMs: usualMs } = await wb("answers", "doctor", "--json");
    const { stderr, stdout, exitCode, cpuMs } = await wb("silent", "doctor", "--json");
    expect(stderr).toBe("");
    const { checks } = JSON.parse(stdout) as { checks: readonly { id: string; status: string }[] };
    expect(checks.find(({ id }) => id === "name_server")?.status).toBe("warn");
    expect(exitCode).toBe(0);
    // It waits for two seconds more than with a server that answers.
    console.log(
      `processor time of the doctor and its world: ${Math.round(usualMs)}, then ${Math.round(cpuMs)} ms`,
    );
    expect(cpuMs - usualMs).toBeLessThan(1000);
  },
);
