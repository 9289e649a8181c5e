/** Services of systemd: what is written, what systemctl is asked for, and what is said where that fails. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import {
  checkExecutable,
  installedUnit,
  installService,
  journalWords,
  uninstallService,
  unitPath,
  type ServiceOptions,
} from "../../../src/platform/systemd-service.ts";
import { unitWord } from "../../../src/platform/systemd-unit.ts";
import { failureOf } from "../../support/failure.ts";
import { tmpdir } from "../../support/tmpdir.ts";

const UNIT = "wirebound-x.service";

/** A machine in which systemd seems to run. */
function machine(path: string): void {
  for (const place of ["run/systemd/system", "etc/systemd/system"])
    mkdirSync(join(path, place), { recursive: true });
}

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

describe("a service", () => {
  function options(root: string, parts: Partial<ServiceOptions> = {}): ServiceOptions {
    const runProgram = (): Promise<{ code: number; text: string }> => Promise.resolve({ code: 0, text: "" });
    const common = { unit: UNIT, command: "wb x", forUser: false, env: {}, root, settleMs: 6 };
    return { ...common, runProgram, ...parts };
  }

  test("is written, enabled, started and looked after, and taken away again", async () => {
    await using root = await tmpdir();
    machine(root.path);
    const ran: string[] = [];
    const asked = options(root.path, {
      runProgram: (words) => {
        ran.push(words.join(" "));
        return Promise.resolve({ code: 0, text: "" });
      },
    });
    const path = await installService(asked, "# wirebound\n");
    expect(path).toBe(unitPath(asked));
    expect(readFileSync(path, "utf8")).toBe("# wirebound\n");
    expect(installedUnit(UNIT, {}, root.path)).toBe("system");
    expect(await uninstallService(asked)).toBe(true);
    expect(await uninstallService(asked)).toBe(false);
    expect(installedUnit(UNIT, {}, root.path)).toBeUndefined();
    expect([...new Set(ran)]).toEqual([
      "systemctl daemon-reload",
      `systemctl enable ${UNIT}`,
      `systemctl restart ${UNIT}`,
      `systemctl is-active --quiet ${UNIT}`,
      `systemctl disable --now ${UNIT}`,
    ]);
  });

  test("of a user is in the user's own systemd", async () => {
    await using root = await tmpdir();
    machine(root.path);
    const env = { HOME: join(root.path, "home") };
    const ran: (readonly string[])[] = [];
    const path = await installService(
      options(root.path, {
        forUser: true,
        env,
        runProgram: (words) => {
          ran.push(words);
          return Promise.resolve({ code: 0, text: "" });
        },
      }),
      "# wirebound\n",
    );
    expect(path).toBe(join(root.path, "home/.config/systemd/user", UNIT));
    expect(ran.every((words) => words[1] === "--user")).toBe(true);
    expect(installedUnit(UNIT, env, root.path)).toBe("user");
    expect(installedUnit(UNIT, { HOME: "" }, root.path)).toBeUndefined();
    expect(journalWords(UNIT, true)).toEqual(["journalctl", "--user", "-u", "wirebound-x"]);
  });

  test("that ends as soon as it has started is told, with where it says why", async () => {
    await using root = await tmpdir();
    machine(root.path);
    const runProgram: ServiceOptions["runProgram"] = (words) =>
      Promise.resolve({ code: words.includes("is-active") ? 3 : 0, text: "" });
    const message = await failureOf(installService(options(root.path, { runProgram }), "x"));
    expect(message).toContain(`${UNIT} is installed, and ended as soon as it had started`);
  });

  test("without systemd, with a systemctl that fails, or from source it says what to do", async () => {
    await using root = await tmpdir();
    expect(await failureOf(installService(options(root.path), "x"))).toContain("systemd does not run here");
    machine(root.path);
    const runProgram: ServiceOptions["runProgram"] = () =>
      Promise.resolve({ code: 1, text: "Failed to connect to bus" });
    expect(await failureOf(installService(options(root.path, { runProgram }), "x"))).toContain(
      "systemctl daemon-reload failed: Failed to connect to bus",
    );
    expect(() => checkExecutable("/usr/bin/bun", true)).toThrow("a service needs the compiled wb");
    expect(() => checkExecutable("/home/anna/wb", false)).toThrow("no place for the program of a service");
    checkExecutable("/home/anna/wb", true);
    checkExecutable("/usr/local/bin/wb", false);
    expect(existsSync(unitPath(options(root.path)))).toBe(true);
  });
});
