/** What an agent says to people: its bounded log, its status, its unit, what it takes from the local network. */
import { describe, expect, test } from "bun:test";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import * as fc from "fast-check";
import { foundParent } from "../../../src/agent/discover.ts";
import {
  installService,
  serviceText,
  uninstallService,
  unitPath,
  type InstallOptions,
} from "../../../src/agent/install.ts";
import { createAgentLog, rotatedPath } from "../../../src/agent/log.ts";
import { machineFacts } from "../../../src/agent/machine.ts";
import { agentDirectory } from "../../../src/agent/place.ts";
import { unitText, unitWord } from "../../../src/agent/service-unit.ts";
import { withInvariant } from "../../../src/agent/status.ts";
import { MachineFacts } from "../../../src/protocol/fleet/messages.ts";
import { failureOf } from "../../support/failure.ts";
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

describe("the service", () => {
  const executable = "/usr/local/bin/wb";

  test("docs/wirebound-agent.service is the unit that is installed", () => {
    const shown = readFileSync(join(import.meta.dir, "../../../docs/wirebound-agent.service"), "utf8");
    expect(shown).toBe(unitText({ executable, forUser: false, words: [] }));
  });

  test("words of its command line mean what they say to systemd", () => {
    expect(["/usr/bin/wb", "a b", "50%", 'x"y', "$HOME", "back\\slash"].map(unitWord)).toEqual([
      "/usr/bin/wb",
      '"a b"',
      "50%%",
      '"x\\"y"',
      '"$$HOME"',
      '"back\\\\slash"',
    ]);
  });

  test("is written, enabled and started, and taken away again", async () => {
    await using root = await tmpdir();
    for (const place of ["run/systemd/system", "etc/systemd/system"])
      mkdirSync(join(root.path, place), { recursive: true });
    const ran: string[] = [];
    const options: InstallOptions = {
      forUser: false,
      executable,
      words: ["--state-dir", "/some where"],
      env: {},
      root: root.path,
      runProgram: (words) => {
        ran.push(words.join(" "));
        return Promise.resolve({ code: 0, text: "" });
      },
    };
    const path = await installService(options);
    expect(path).toBe(unitPath(options));
    expect(readFileSync(path, "utf8")).toContain(
      'ExecStart=/usr/local/bin/wb agent --state-dir "/some where"\n',
    );
    expect(await uninstallService(options)).toBe(true);
    expect(await uninstallService(options)).toBe(false);
    expect(ran).toEqual([
      "systemctl daemon-reload",
      "systemctl enable wirebound-agent.service",
      "systemctl restart wirebound-agent.service",
      "systemctl disable --now wirebound-agent.service",
      "systemctl daemon-reload",
    ]);
  });

  test("of a user needs no privilege; without systemd, with a program that fails, or from source it says what to do", async () => {
    await using root = await tmpdir();
    const options: InstallOptions = {
      forUser: true,
      executable,
      words: [],
      env: { HOME: join(root.path, "home") },
      root: root.path,
    };
    expect(await failureOf(installService(options))).toContain("systemd does not run here");
    mkdirSync(join(root.path, "run/systemd/system"), { recursive: true });
    const failing = {
      ...options,
      runProgram: () => Promise.resolve({ code: 1, text: "Failed to connect to bus" }),
    };
    expect(await failureOf(installService(failing))).toContain(
      "systemctl --user daemon-reload failed: Failed to connect to bus",
    );
    const text = readFileSync(join(root.path, "home/.config/systemd/user/wirebound-agent.service"), "utf8");
    expect(text).not.toMatch(/CapabilityBoundingSet|StateDirectory|ProtectHome/);
    expect(text).toContain("WantedBy=default.target");
    expect(() => serviceText({ ...options, executable: "/usr/bin/bun" })).toThrow(
      "a service needs the compiled wb",
    );
  });
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
