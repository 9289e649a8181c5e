/** What an agent says to people: its bounded log, its status, its unit, what it takes from the local network. */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { foundParent } from "../../../src/agent/discover.ts";
import { createAgentLog, rotatedPath } from "../../../src/agent/log.ts";
import { machineFacts } from "../../../src/agent/machine.ts";
import { agentDirectory } from "../../../src/agent/place.ts";
import { unitText } from "../../../src/agent/service-unit.ts";
import { withInvariant } from "../../../src/agent/status.ts";
import { MachineFacts } from "../../../src/protocol/fleet/messages.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { mkdirSync } from "node:fs";

describe("the log", () => {
  test("has a line per event, safe for terminals, in its file and on standard error", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent.log");
    const written: string[] = [];
    const options = { path, now: () => 0, write: (line: string) => void written.push(line) };
    createAgentLog({ ...options, isJournal: false }).warn("a\u001b[31mb\nc");
    createAgentLog({ ...options, isJournal: true }).error("d");
    expect(readFileSync(path, "utf8")).toBe(
      "1970-01-01T00:00:00.000Z warn a\ufffd[31mb\ufffdc\n1970-01-01T00:00:00.000Z error d\n",
    );
    expect(written).toEqual(["wb agent: warn: a\ufffd[31mb\ufffdc", "<3>d"]);
    expect(statSync(path).mode & 0o077).toBe(0);
  });

  test("never grows beyond two files, and a place that is not there stops nobody", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "agent.log");
    const log = createAgentLog({
      path,
      now: () => 0,
      write: () => undefined,
      isJournal: false,
      bytesMax: 1000,
    });
    for (let count = 0; count < 200; count += 1) log.info(`line ${count} ${"ü".repeat(20)}`);
    expect(statSync(path).size).toBeLessThanOrEqual(1100);
    expect(statSync(rotatedPath(path)).size).toBeLessThanOrEqual(1100);
    expect(readFileSync(path, "utf8")).toContain("line 199 ");
    const lines: string[] = [];
    createAgentLog({
      path: "/nonexistent/x/agent.log",
      now: () => 0,
      write: (line) => lines.push(line),
      isJournal: false,
    }).info("said");
    expect(lines).toEqual(["wb agent: said"]);
  });
});

test("the invariant is told per stream, as it is", () => {
  const stream = { stream: "process", epoch: "0".repeat(16), unknownTails: 0, pendingBytes: 0 };
  const told = withInvariant([
    { ...stream, produced: 10, acked: 6, pending: 3, lost: 1 },
    { ...stream, produced: 10, acked: 6, pending: 3, lost: 2 },
  ]);
  expect(told.map(({ invariantHolds }) => invariantHolds)).toEqual([true, false]);
});

test("what this machine is fits what the parent takes; the machine's id is hashed", async () => {
  const facts = machineFacts();
  expect(MachineFacts.parse(facts)).toEqual(facts);
  await using root = await tmpdir();
  mkdirSync(join(root.path, "etc"));
  const id = "0123456789abcdef0123456789abcdef";
  await Bun.write(join(root.path, "etc/machine-id"), `${id}\n`);
  await Bun.write(join(root.path, "etc/os-release"), 'NAME=x\nPRETTY_NAME="Some \\"OS\\" 7"\n');
  const there = machineFacts(root.path);
  expect(there.platform).toEndWith(' Some "OS" 7');
  expect(there.machineId).toMatch(/^[0-9a-f]{64}$/);
  expect(there.machineId).not.toContain(id);
  expect(machineFacts("/nonexistent").machineId).toBeNull();
});

test("root's agent is the service's, unless the environment says otherwise", () => {
  expect(agentDirectory({ HOME: "/root" }, 0)).toBe("/var/lib/wirebound/agent");
  expect(agentDirectory({ HOME: "/root", STATE_DIRECTORY: "/var/lib/other" }, 0)).toBe(
    "/var/lib/other/agent",
  );
  expect(agentDirectory({ HOME: "/root", XDG_STATE_HOME: "/x" }, 0)).toBe("/x/wirebound/agent");
  expect(agentDirectory({ HOME: "/home/anna" }, 1000)).toBe("/home/anna/.local/state/wirebound/agent");
});

test("docs/wirebound-agent.service is the unit that is installed", () => {
  const shown = readFileSync(join(import.meta.dir, "../../../docs/wirebound-agent.service"), "utf8");
  expect(shown).toBe(unitText({ executable: "/usr/local/bin/wb", forUser: false }));
  const own = unitText({ executable: "/home/anna/wb", forUser: true, stateDirectory: "/some where" });
  expect(own).not.toMatch(/CapabilityBoundingSet|StateDirectory|ProtectHome/);
  expect(own).toContain('ExecStart=/home/anna/wb agent --state-dir "/some where"\n');
  expect(own).toContain("WantedBy=default.target");
  // All else is read-only to the service.
  const elsewhere = unitText({ executable: "/usr/local/bin/wb", forUser: false, stateDirectory: "/srv/a b" });
  expect(elsewhere).toContain('\nReadWritePaths="/srv/a b"\n');
});

describe("what is found on the local network", () => {
  test("is a name, addresses and a pin as it says", () => {
    const txt = { id: "ab".repeat(16), name: "parent", pin: "p".repeat(43) };
    expect(
      foundParent({
        name: "parent-abab",
        host: "p.local",
        port: 7443,
        addresses: ["fe80::1", "2001:db8::1", "192.0.2.1"],
        txt,
      }),
    ).toEqual({
      name: "parent",
      host: "p.local",
      addresses: ["192.0.2.1:7443", "[2001:db8::1]:7443"],
      parentId: txt.id,
      pin: txt.pin,
    });
  });

  test("whatever somebody announces, it is bounded or nothing", () => {
    const anything = fc.record({
      name: fc.anything(),
      host: fc.oneof(fc.string(), fc.anything()),
      port: fc.oneof(fc.integer(), fc.anything()),
      addresses: fc.oneof(fc.array(fc.string()), fc.anything()),
      txt: fc.oneof(fc.dictionary(fc.string(), fc.anything()), fc.anything()),
    });
    fc.assert(
      fc.property(anything, (announced) => {
        const found = foundParent(announced);
        if (found === undefined) return;
        expect(found.addresses.length).toBeLessThanOrEqual(8);
        expect(found.name.length).toBeLessThanOrEqual(255);
        expect((found.pin ?? "").length).toBeLessThanOrEqual(64);
      }),
      { examples: [[{ name: [], host: [], port: { toString: 0 }, addresses: [], txt: {} }]] },
    );
  });
});
