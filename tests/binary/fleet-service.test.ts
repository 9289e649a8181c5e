/** `wb serve status`, and the services of parent and agent as far as they can be seen without one. */
import { describe, expect } from "bun:test";
import { localDate, localTime } from "../../src/lib/calendar.ts";
import { serveUnitText } from "../../src/cli/serve-unit.ts";
import { unitText } from "../../src/agent/service-unit.ts";
import { nobodysPlace } from "../support/as-nobody.ts";
import { TestParent } from "../support/fleet/parent.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { runWb } from "../support/run-wb.ts";

testWith(["binary"], "status: where the parent is, by which key, and who is there; as JSON too", async () => {
  await using parent = await TestParent.start();
  await parent.agent();
  const { key } = await parent.key("viewer");
  const { name, pin, parentId, port } = parent.server;
  const env = { WB_PARENT: `127.0.0.1:${port}`, WB_PARENT_PIN: pin, WB_API_KEY: key };
  const { stdout, stderr, code } = await runWb(["serve", "status", "--json"], { env });
  const { version, parent: told } = JSON.parse(stdout) as {
    version: number;
    parent: Record<string, unknown> & { startedAtMs?: number; residentBytes?: number };
  };
  const known = { name, version: "0.1.0", url: `https://127.0.0.1:${port}`, pin, parentId, isReady: true };
  const agents = { active: 1, online: 0, pending: 0, quarantined: 0, removed: 0 };
  const { startedAtMs = 0, residentBytes } = told;
  expect<Record<string, unknown>>(told).toEqual({
    ...known,
    agents,
    more: false,
    startedAtMs,
    residentBytes,
  });
  expect([version, stderr, code]).toEqual([1, "", 0]);
  expect([startedAtMs > 0, (residentBytes ?? 0) > 0]).toEqual([true, true]);
  const table = await runWb(["serve", "status"], { env });
  expect(table.stdout.split("\n").slice(0, 7)).toEqual([
    `parent          ${name} (WireBound 0.1.0)`,
    `page and API    https://127.0.0.1:${port}`,
    `pin of its key  ${pin}`,
    `id              ${parentId}`,
    `running since   ${localDate(startedAtMs)} ${localTime(startedAtMs)}`,
    "stores          yes",
    "agents          1 active, 0 online",
  ]);
  expect([table.stderr, table.code]).toEqual(["", 0]);
});

describe("install", () => {
  testWith(["binary"], "--print shows the unit, with the options that stand before the word", async () => {
    const executable = BINARY_PATH;
    expect(await runWb(["serve", "install", "--print"])).toEqual({
      stdout: serveUnitText({ executable, forUser: false, words: [] }),
      stderr: "",
      code: 0,
    });
    const options = [
      "--listen",
      "[::1]:7000",
      "--public-address",
      "a",
      "--public-address",
      "b:1",
      "--no-mdns",
    ];
    const own = await runWb(["serve", ...options, "--state-dir", "/x/../y", "install", "--user", "--print"]);
    const words = [...options, "--state-dir", "/y"];
    const sorted = (text: string): string[] => text.split(/[\s"]+/).toSorted();
    expect(sorted(own.stdout)).toEqual(sorted(serveUnitText({ executable, forUser: true, words })));
    const agent = await runWb(["agent", "install", "--print", "--state-dir", "/srv/a"]);
    expect(agent.stdout).toBe(unitText({ executable, forUser: false, stateDirectory: "/srv/a" }));
  });

  testWith(["binary"], "what the service could not use is refused before anything is written", async () => {
    const refusals: readonly (readonly [string[], string])[] = [
      [["--state-dir", "/x", "install"], "wb: the service of the machine has no --state-dir\n"],
      [
        ["--admin-password-file", "/x", "install"],
        "wb: the service of the machine has no --admin-password-file\n",
      ],
      [["--listen", "a:b:c", "install"], 'wb: --listen: "a:b:c" is nowhere to listen\n'],
      [["logs", "-n", "x"], 'wb: --lines must be a whole number up to 999999, not "x"\n'],
    ];
    for (const [words, message] of refusals) {
      const run = await runWb(["serve", ...words]);
      expect(run.stderr).toStartWith(message);
      expect([run.stdout, run.code]).toEqual(["", 2]);
    }
  });

  testWith(["binary", "root", "program:setpriv"], "is root's, for the machine", async () => {
    await using place = await nobodysPlace();
    const wb = await place.install(BINARY_PATH, "wb");
    for (const words of [
      ["serve", "install"],
      ["serve", "uninstall"],
      ["agent", "install"],
      ["agent", "uninstall"],
    ]) {
      const run = Bun.spawnSync(place.command(wb, ...words));
      const [noun = "", verb = ""] = words;
      expect(run.stderr.toString()).toContain(`hint: sudo wb ${noun} ${verb}; or `);
      expect([run.stdout.toString(), run.exitCode]).toEqual(["", 4]);
    }
  });
});
