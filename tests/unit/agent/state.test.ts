/** What an agent keeps: one agent per directory, counters that never come twice, damaged files set aside and told. */
import { expect, test } from "bun:test";
import { chmodSync, existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentLog, JoinedParent } from "../../../src/agent/contract.ts";
import { acquirePatiently, FILES, isInUse, openState, readParent } from "../../../src/agent/state.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { tmpdir } from "../../support/tmpdir.ts";

function recordingLog(): AgentLog & { lines: string[] } {
  const lines: string[] = [];
  return {
    lines,
    info: (message) => lines.push(`info ${message}`),
    warn: (message) => lines.push(`warn ${message}`),
    error: (message) => lines.push(`error ${message}`),
  };
}

function parentOf(): JoinedParent {
  const identity = Identity.generate();
  return {
    addresses: ["parent.example:7443"],
    pin: "p".repeat(43),
    parentId: identity.id,
    parentKey: identity.publicKey,
    parentName: "parent",
    state: "active",
    code: null,
  };
}

test("key, parent, cursor and values are there again; the files are this user's alone", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "state", "wirebound", "agent");
  const log = recordingLog();
  const parent = parentOf();
  const first = openState(path, log);
  first.setParent(parent);
  first.setCommandCursor(17);
  first.set("boot", "x");
  const { id } = first.identity;
  first.close();
  const second = openState(path, log);
  expect([
    second.identity.id,
    second.parent,
    second.commandCursor,
    second.get("boot"),
    second.get("none"),
  ]).toEqual([id, parent, 17, "x", undefined]);
  expect(readParent(path)).toEqual({ agentId: id, parent });
  second.setParent(undefined);
  expect([second.parent, second.commandCursor, readParent(path)]).toEqual([undefined, 0, undefined]);
  second.close();
  expect(statSync(path).mode & 0o777).toBe(0o700);
  for (const name of ["identity.pem", "state.db", FILES.lock])
    expect(statSync(join(path, name)).mode & 0o077).toBe(0);
  expect(log.lines).toEqual([]);
});

test("two agents on one directory: the second is refused, until the first has ended", async () => {
  await using directory = await tmpdir();
  const first = openState(directory.path, recordingLog());
  expect(isInUse(directory.path)).toBe(true);
  expect(() => openState(directory.path, recordingLog())).toThrow(`another agent uses ${directory.path}`);
  first.close();
  expect(isInUse(directory.path)).toBe(false);
  openState(directory.path, recordingLog()).close();
});

test("counters go on above all that were handed out, also without an end, and above what the parent says", async () => {
  await using directory = await tmpdir();
  const script = `
    import { openState } from ${JSON.stringify(join(import.meta.dir, "../../../src/agent/state.ts"))};
    const state = openState(${JSON.stringify(directory.path)}, { info() {}, warn() {}, error() {} });
    for (let count = 0; count < 2500; count += 1) state.nextCounter();
    console.log(state.nextCounter());
    process.kill(process.pid, "SIGKILL");`;
  const handedOut: number[] = [];
  for (let run = 0; run < 3; run += 1) {
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
    handedOut.push(Number(await new Response(child.stdout).text()));
    await child.exited;
  }
  const [one = 0, two = 0, three = 0] = handedOut;
  expect(one).toBe(2501);
  expect(two).toBeGreaterThan(one + 2500);
  expect(three).toBeGreaterThan(two + 2500);
  const state = openState(directory.path, recordingLog());
  state.raiseCounter(1_000_000);
  expect(state.nextCounter()).toBe(1_000_001);
  state.raiseCounter(5);
  expect(state.nextCounter()).toBe(1_000_002);
  state.close();
});

test("damaged files are set aside, told, and begun anew; nothing needs a hand", async () => {
  await using directory = await tmpdir();
  const at = (name: string): string => join(directory.path, name);
  const first = openState(directory.path, recordingLog());
  const { id } = first.identity;
  first.setParent(parentOf());
  first.close();
  writeFileSync(at("parent.json"), readFileSync(at("parent.json"), "utf8").slice(0, 50));
  writeFileSync(at("state.db"), "no database at all");
  const log = recordingLog();
  const second = openState(directory.path, log);
  expect([second.identity.id, second.parent, second.nextCounter()]).toEqual([id, undefined, 1]);
  second.close();
  expect(log.lines.map((line) => line.replace(/ as .*/, ""))).toEqual([
    "warn the agent's state was damaged; it is set aside",
    "error what this agent knew of its parent was damaged and is set aside",
  ]);
  const third = openState(directory.path, log);
  third.setParent(parentOf());
  third.close();
  writeFileSync(at("identity.pem"), "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n");
  log.lines.length = 0;
  const fourth = openState(directory.path, log);
  expect(fourth.identity.id).not.toBe(id);
  expect(fourth.parent).toBeUndefined();
  fourth.close();
  expect(log.lines.map((line) => line.replace(/ as .*/, ""))).toEqual([
    "error the agent's key was damaged and is set aside",
    "error the agent's key is another one than the one that joined: join the parent anew",
  ]);
  expect(readdirSync(directory.path).filter((name) => name.includes(".corrupt-"))).toHaveLength(3);
});

test("a damaged header is no other program's file, and no newer one: the agent starts without a hand", async () => {
  for (const [offset, number] of [
    [68, 7], // application_id; see "The Database Header" of SQLite's file format
    [60, 70_000], // user_version
  ] as const) {
    await using directory = await tmpdir();
    openState(directory.path, recordingLog()).close();
    const path = join(directory.path, "state.db");
    const bytes = readFileSync(path);
    bytes.writeUInt32BE(number, offset);
    writeFileSync(path, bytes);
    const log = recordingLog();
    const state = openState(directory.path, log);
    state.set("boot", "x");
    expect(state.get("boot")).toBe("x");
    state.close();
    expect(log.lines.map((line) => line.replace(/ as .*/, ""))).toEqual([
      "warn the agent's state was damaged; it is set aside",
    ]);
  }
});

test("a key that others may read is refused, with what to do; the lock is free again", async () => {
  await using directory = await tmpdir();
  openState(directory.path, recordingLog()).close();
  const path = join(directory.path, "identity.pem");
  chmodSync(path, 0o644);
  expect(() => openState(directory.path, recordingLog())).toThrow(`${path} may be used by others`);
  chmodSync(path, 0o600);
  openState(directory.path, recordingLog()).close();
  expect(existsSync(path)).toBe(true);
});

test("who only looks whether an agent runs holds the lock for a moment: an agent that begins just then waits for it", () => {
  let attempts = 0;
  const busyUntil = (last: number) => ({ tryAcquire: () => (attempts += 1) >= last });
  expect(acquirePatiently(busyUntil(3))).toBe(true);
  expect(attempts).toBe(3);
  attempts = 0;
  expect(acquirePatiently(busyUntil(1000))).toBe(false);
  expect(attempts).toBeLessThan(20);
});
