/** Which way leads to root, by what command line, and that nothing of the caller's environment comes along. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import {
  cannotElevate,
  elevatedCommand,
  elevatedEnvironment,
  elevationFacts,
  elevationWays,
  mayAsk,
  ownCommand,
  silentWays,
  type ElevationFacts,
  type ElevationWay,
} from "../../../src/platform/elevation.ts";

const NOTHING: ElevationFacts = {
  isRoot: false,
  hasTerminal: false,
  hasDisplay: false,
  sudo: undefined,
  pkexec: undefined,
  noNewPrivileges: false,
};
const SUDO = { sudo: "/usr/bin/sudo" };
const PKEXEC = { pkexec: "/usr/bin/pkexec" };
const WAYS: readonly ElevationWay[] = ["direct", "sudo", "sudo_silent", "pkexec"];

describe("the way", () => {
  const cases: readonly (readonly [string, Partial<ElevationFacts>, readonly ElevationWay[]])[] = [
    ["root needs nobody", { isRoot: true, hasTerminal: true, ...SUDO }, ["direct"]],
    ["root without new privileges is still root", { isRoot: true, noNewPrivileges: true }, ["direct"]],
    ["sudo asks on a terminal", { hasTerminal: true, hasDisplay: true, ...SUDO, ...PKEXEC }, ["sudo"]],
    ["pkexec on a terminal without sudo", { hasTerminal: true, ...PKEXEC }, ["pkexec"]],
    [
      "a window where there is no terminal",
      { hasDisplay: true, ...SUDO, ...PKEXEC },
      ["sudo_silent", "pkexec"],
    ],
    ["a window where there is no sudo", { hasDisplay: true, ...PKEXEC }, ["pkexec"]],
    ["neither terminal nor window: only what asks nobody", { ...SUDO, ...PKEXEC }, ["sudo_silent"]],
    ["pkexec alone can ask nobody", PKEXEC, []],
    [
      "no_new_privs makes set-user-ID programs powerless",
      { hasTerminal: true, noNewPrivileges: true, ...SUDO },
      [],
    ],
    ["nothing is installed", { hasTerminal: true, hasDisplay: true }, []],
  ];
  for (const [name, facts, expected] of cases) {
    test(name, () => expect(elevationWays({ ...NOTHING, ...facts })).toEqual(expected));
  }

  test("without asking: root itself, or what sudo remembers", () => {
    const asking = { ...NOTHING, hasTerminal: true, hasDisplay: true, ...SUDO, ...PKEXEC };
    expect(silentWays(asking)).toEqual(["sudo_silent"]);
    expect(silentWays({ ...asking, isRoot: true })).toEqual(["direct"]);
    expect(silentWays({ ...asking, noNewPrivileges: true })).toEqual([]);
    expect(silentWays({ ...NOTHING, ...PKEXEC })).toEqual([]);
  });

  test("at most one of them asks, and it is the last", () => {
    const facts = fc.record({
      isRoot: fc.boolean(),
      hasTerminal: fc.boolean(),
      hasDisplay: fc.boolean(),
      sudo: fc.constantFrom(undefined, "/usr/bin/sudo"),
      pkexec: fc.constantFrom(undefined, "/usr/bin/pkexec"),
      noNewPrivileges: fc.boolean(),
    });
    fc.assert(
      fc.property(facts, (each) => {
        const ways = elevationWays(each);
        expect(ways.slice(0, -1).some(mayAsk)).toBe(false);
        for (const way of ways) {
          if (way === "pkexec") expect(each.pkexec).toBeDefined();
          else if (way !== "direct") expect(each.sudo).toBeDefined();
        }
        if (ways.length === 0) expect(cannotElevate(each)).toMatchObject({ code: "permission", exitCode: 4 });
      }),
    );
  });
});

test("command lines: the program by its whole path, its words after it", () => {
  const own = ["/opt/wb"];
  const words = ["helper", "--elevated", "--launched"];
  const lines = WAYS.map((way) => elevatedCommand(way, { ...SUDO, ...PKEXEC }, own, words).join(" "));
  expect(lines).toEqual([
    "/opt/wb helper --elevated --launched",
    "/usr/bin/sudo -- /opt/wb helper --elevated --launched",
    "/usr/bin/sudo -n -- /opt/wb helper --elevated --launched",
    "/usr/bin/pkexec /opt/wb helper --elevated --launched",
  ]);
});

describe("the environment", () => {
  test("of root's own helper is PATH, LANG and TERM", () => {
    const env = {
      PATH: "/home/ada/bin:/usr/bin",
      LANG: "C.UTF-8",
      TERM: "xterm",
      HOME: "/home/ada",
      DISPLAY: ":0",
      LD_PRELOAD: "/tmp/evil.so",
      BUN_OPTIONS: "--preload /tmp/evil.ts",
      NODE_OPTIONS: "--require /tmp/evil.js",
    };
    expect(elevatedEnvironment("direct", env)).toEqual({
      PATH: "/usr/sbin:/usr/bin:/sbin:/bin",
      LANG: "C.UTF-8",
      TERM: "xterm",
    });
    expect(elevatedEnvironment("pkexec", env)).toMatchObject({ DISPLAY: ":0", TERM: "xterm" });
  });

  test("has nothing that could steer a loader, a runtime or a shell, whatever the caller's has", () => {
    const allowed = new Set(
      "PATH LANG TERM DISPLAY WAYLAND_DISPLAY XAUTHORITY XDG_RUNTIME_DIR XDG_SESSION_ID DBUS_SESSION_BUS_ADDRESS SSH_AUTH_SOCK SSH_CONNECTION SSH_TTY LOGNAME USER".split(
        " ",
      ),
    );
    const names = fc.oneof(
      fc.constantFrom(
        ...allowed,
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "LD_AUDIT",
        "GLIBC_TUNABLES",
        "BASH_ENV",
        "ENV",
      ),
      fc.constantFrom(
        "BUN_OPTIONS",
        "BUN_INSPECT",
        "NODE_OPTIONS",
        "TMPDIR",
        "HOME",
        "SUDO_ASKPASS",
        "WB_DEBUG",
      ),
      fc.string(),
    );
    fc.assert(
      fc.property(fc.constantFrom(...WAYS), fc.dictionary(names, fc.string()), (way, env) => {
        const made = elevatedEnvironment(way, env);
        expect(made["PATH"]).toBe("/usr/sbin:/usr/bin:/sbin:/bin");
        for (const [name, value] of Object.entries(made)) {
          expect(allowed.has(name)).toBe(true);
          if (name !== "PATH") expect(value).toBe(env[name] ?? "");
          expect(value).not.toMatch(/\p{Cc}/u);
        }
      }),
    );
  });
});

test("this machine is looked at without failing, and PATH counts only where it is absolute", () => {
  const facts = elevationFacts({ PATH: ".:bin", DISPLAY: "" });
  expect(facts.isRoot).toBe(process.geteuid?.() === 0);
  expect(facts.hasDisplay).toBe(false);
  for (const path of [facts.sudo, facts.pkexec]) expect(path ?? "/").toStartWith("/");
});

test("from source the program is Bun with main.ts", async () => {
  const [executable = "", script = ""] = ownCommand();
  const run = Bun.spawnSync([executable, script, "--version"], { cwd: "/", stdout: "pipe", env: {} });
  expect(run.stdout.toString()).toMatch(/^wb \d/);
  expect(await Bun.file(script).exists()).toBe(true);
});
