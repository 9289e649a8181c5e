/**
 * How this program becomes root for its helper: which ways there are here, their command lines and their environment.
 * Pure but for `elevationFacts` and `ownCommand`, which look; nothing is started here (platform/launched-helper.ts does).
 *
 * The environment of whoever runs the monitor never reaches the helper: it gets a fixed PATH and two harmless variables,
 * and sudo and pkexec beside them only what they ask for a password with.
 */
import { closeSync, openSync, readFileSync, readlinkSync } from "node:fs";
import { isAbsolute } from "node:path";
import { WbError } from "../model/errors.ts";

/**
 * `direct`: this is root already. `sudo`: it may ask for a password on the terminal. `sudo_silent`: `sudo -n`, which never
 * asks. `pkexec`: a window asks.
 */
export type ElevationWay = "direct" | "sudo" | "sudo_silent" | "pkexec";

export interface ElevationFacts {
  readonly isRoot: boolean;
  /** Whether there is a controlling terminal that a password can be asked on. */
  readonly hasTerminal: boolean;
  /** Whether there is a graphical session. */
  readonly hasDisplay: boolean;
  /** Absolute paths; undefined where they are not installed. */
  readonly sudo: string | undefined;
  readonly pkexec: string | undefined;
  /** PR_SET_NO_NEW_PRIVS was set (prctl(2)): no set-user-ID program can make anybody root. */
  readonly noNewPrivileges: boolean;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Where set-user-ID programs and the helper's own tools are looked for. */
const SYSTEM_PATH = "/usr/sbin:/usr/bin:/sbin:/bin";

/** What reaches the helper itself. */
const KEPT = ["LANG", "TERM"] as const;

/** What sudo, pkexec and their agents need to ask: the screen, the terminal, the session, who is asking. */
const KEPT_FOR_ASKING = [
  "DISPLAY",
  "WAYLAND_DISPLAY",
  "XAUTHORITY",
  "XDG_RUNTIME_DIR",
  "XDG_SESSION_ID",
  "DBUS_SESSION_BUS_ADDRESS",
  "SSH_AUTH_SOCK",
  "SSH_CONNECTION",
  "SSH_TTY",
  "LOGNAME",
  "USER",
] as const;

/** A value with control characters is nothing that any of these would have. */
function isPlain(value: string | undefined): value is string {
  return value !== undefined && value !== "" && value.length <= 4096 && !/\p{Cc}/u.test(value);
}

/** The whole environment of the child: nothing else of `env` reaches it, LD_*, BUN_* and NODE_* least of all. */
export function elevatedEnvironment(way: ElevationWay, env: Environment): Record<string, string> {
  const made: Record<string, string> = { PATH: SYSTEM_PATH };
  for (const name of way === "direct" ? KEPT : [...KEPT, ...KEPT_FOR_ASKING]) {
    const value = env[name];
    if (isPlain(value)) made[name] = value;
  }
  return made;
}

/** The ways to try, one after the other. Asking twice for one thing would be rude: at most one of them asks. */
export function elevationWays(facts: ElevationFacts): readonly ElevationWay[] {
  const silent = silentWays(facts);
  if (facts.isRoot || facts.noNewPrivileges) return silent;
  if (facts.hasTerminal && facts.sudo !== undefined) return ["sudo"];
  const ways = [...silent];
  // On a terminal pkexec asks by itself (pkttyagent), on a screen the session's agent does.
  if (facts.pkexec !== undefined && (facts.hasDisplay || facts.hasTerminal)) ways.push("pkexec");
  return ways;
}

/** Those that ask nobody: sudo may remember that it has asked a while ago. */
export function silentWays(facts: ElevationFacts): readonly ElevationWay[] {
  if (facts.isRoot) return ["direct"];
  return facts.noNewPrivileges || facts.sudo === undefined ? [] : ["sudo_silent"];
}

/** Whether a person may be asked for a password on this way, and so may take a while. */
export function mayAsk(way: ElevationWay): boolean {
  return way === "sudo" || way === "pkexec";
}

/** The command that runs `own` (this program) with these words as root. */
export function elevatedCommand(
  way: ElevationWay,
  facts: Pick<ElevationFacts, "sudo" | "pkexec">,
  own: readonly string[],
  words: readonly string[],
): string[] {
  switch (way) {
    case "direct":
      return [...own, ...words];
    case "sudo":
      return [facts.sudo ?? "sudo", "--", ...own, ...words];
    case "sudo_silent":
      return [facts.sudo ?? "sudo", "-n", "--", ...own, ...words];
    case "pkexec":
    default:
      return [facts.pkexec ?? "pkexec", ...own, ...words];
  }
}

/** Nobody could, or would, make it root: no fault of what was to be started. */
export class ElevationRefused extends WbError {
  constructor(message: string, hint: string) {
    super("permission", message, { hint });
  }
}

/** Why there is no way at all. */
export function cannotElevate(facts: ElevationFacts): ElevationRefused {
  const what = "the elevated helper can't be started";
  if (facts.noNewPrivileges) {
    return new ElevationRefused(
      `${what}: this process may not gain privileges`,
      "It runs with no_new_privs (a container or a service): run the helper outside, as a service: docs/helper.md",
    );
  }
  if (facts.sudo === undefined && facts.pkexec === undefined) {
    return new ElevationRefused(
      `${what}: there is neither sudo nor pkexec`,
      "Run `wb monitor --elevate` as root, or let root start the helper's service: docs/helper.md",
    );
  }
  return new ElevationRefused(
    `${what}: nobody can be asked for a password here`,
    "Run it in a terminal, or as root: sudo wb monitor --elevate; for services see docs/helper.md",
  );
}

/** What can be known of this process and machine. Never throws. */
export function elevationFacts(env: Environment = process.env): ElevationFacts {
  const path = env["PATH"] ?? "";
  return {
    isRoot: process.geteuid?.() === 0,
    hasTerminal: canOpenTerminal(),
    hasDisplay: isPlain(env["DISPLAY"]) || isPlain(env["WAYLAND_DISPLAY"]),
    sudo: programIn(path, "sudo"),
    pkexec: programIn(path, "pkexec"),
    noNewPrivileges: hasNoNewPrivileges(),
  };
}

/** Relative entries of PATH are left out: what is started as root must not depend on where one stands. */
function programIn(path: string, name: string): string | undefined {
  const directories = [...path.split(":").filter(isAbsolute), ...SYSTEM_PATH.split(":")];
  return Bun.which(name, { PATH: directories.join(":") }) ?? undefined;
}

function canOpenTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r+"));
    return true;
  } catch {
    return false; // no controlling terminal (ENXIO), or none that may be opened
  }
}

function hasNoNewPrivileges(): boolean {
  try {
    return /^NoNewPrivs:\t1$/m.test(readFileSync("/proc/self/status", "utf8"));
  } catch {
    return false; // no /proc: sudo will say it
  }
}

/**
 * The words that start this very program again: its executable, and from source the script too.
 * @throws WbError("unavailable") where the executable was replaced or deleted since this process began.
 */
export function ownCommand(): string[] {
  const executable = readlinkSync("/proc/self/exe");
  // proc(5): the link of a deleted file ends so. A file that is really named so would be refused for nothing.
  if (executable.endsWith(" (deleted)")) {
    throw new WbError(
      "unavailable",
      "wb was replaced or removed while it runs: the helper can't be started from it",
      {
        hint: "Start wb again.",
      },
    );
  }
  // In a compiled program the modules are in a file system of Bun's own.
  if (import.meta.path.startsWith("/$bunfs/")) return [executable];
  return [executable, new URL("../main.ts", import.meta.url).pathname];
}
