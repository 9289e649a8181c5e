/** The agent as a service of systemd: written, enabled, started; and taken away again. Everything that fails says what to do. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { WbError } from "../model/errors.ts";
import { UNIT_NAME, unitText } from "./service-unit.ts";

export interface InstallOptions {
  readonly forUser: boolean;
  /** Of this program. */
  readonly executable: string;
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Of the machine: another one for tests. */
  readonly root?: string;
  /** Runs a program; the text is what it says when it fails. */
  readonly runProgram?: (
    words: readonly string[],
  ) => Promise<{ readonly code: number; readonly text: string }>;
}

async function runProgram(words: readonly string[]): Promise<{ code: number; text: string }> {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const [out, err, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, text: `${err}${out}`.trim().slice(0, 1000) };
}

/** Where the unit's file belongs. */
export function unitPath({
  forUser,
  env,
  root = "",
}: Pick<InstallOptions, "forUser" | "env" | "root">): string {
  if (!forUser) return join(root || "/", "etc", "systemd", "system", UNIT_NAME);
  const base = env["XDG_CONFIG_HOME"];
  const home = env["HOME"] ?? "";
  if (base === undefined && !isAbsolute(home))
    throw new WbError("unavailable", "this user has no home directory");
  return join(
    base !== undefined && isAbsolute(base) ? base : join(home, ".config"),
    "systemd",
    "user",
    UNIT_NAME,
  );
}

/** @throws WbError("usage") where this is not the program that a service could start. */
export function serviceText(options: Pick<InstallOptions, "executable" | "forUser" | "words">): string {
  if (/^(?:bun|node)(?:-|\.|$)/.test(basename(options.executable))) {
    throw new WbError("usage", "a service needs the compiled wb, not its source", {
      hint: "build it (npm run build), copy dist/wb to /usr/local/bin, and run that one",
    });
  }
  return unitText(options);
}

/** sd_booted(3). */
function checkSystemd({ root = "" }: InstallOptions): void {
  if (existsSync(join(root || "/", "run", "systemd", "system"))) return;
  throw new WbError(
    "unavailable",
    "systemd does not run here, so there is nothing to install the agent into",
    {
      hint: "have your own supervisor start `wb agent`; `wb agent install --print` shows what systemd would be told",
    },
  );
}

async function systemctl(options: InstallOptions, ...words: readonly string[]): Promise<void> {
  const all = ["systemctl", ...(options.forUser ? ["--user"] : []), ...words];
  let answer: { code: number; text: string };
  try {
    answer = await (options.runProgram ?? runProgram)(all);
  } catch (cause) {
    throw new WbError("unavailable", `${all.join(" ")} can't be started`, {
      cause,
      hint: "is systemd installed?",
    });
  }
  if (answer.code !== 0) {
    throw new WbError("unavailable", `${all.join(" ")} failed: ${answer.text}`, {
      hint: options.forUser ? "systemctl --user status wirebound-agent" : "systemctl status wirebound-agent",
    });
  }
}

function asWritingError(path: string, cause: unknown): WbError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const isRight = code === "EACCES" || code === "EPERM";
  return new WbError(isRight ? "permission" : "storage", `cannot write ${path}: ${code}`, {
    cause,
    hint: isRight
      ? "as root: sudo wb agent install; or as your own service: wb agent install --user"
      : "see that its directory is there and has room",
  });
}

/** Writes the unit, enables and starts it. The path of its file. @throws WbError */
export async function installService(options: InstallOptions): Promise<string> {
  const text = serviceText(options);
  checkSystemd(options);
  const path = unitPath(options);
  try {
    if (options.forUser) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o644 });
  } catch (cause) {
    throw asWritingError(path, cause);
  }
  await systemctl(options, "daemon-reload");
  await systemctl(options, "enable", UNIT_NAME);
  // One that runs already is to run as it is written now.
  await systemctl(options, "restart", UNIT_NAME);
  return path;
}

/** Stops and disables it, and removes its file. False where there was none. @throws WbError */
export async function uninstallService(options: InstallOptions): Promise<boolean> {
  const path = unitPath(options);
  if (!existsSync(path)) return false;
  checkSystemd(options);
  await systemctl(options, "disable", "--now", UNIT_NAME);
  try {
    rmSync(path);
  } catch (cause) {
    throw asWritingError(path, cause);
  }
  await systemctl(options, "daemon-reload");
  return true;
}

/** Whether the service's file is there, so that its log is in the journal. */
export function installedUnit(env: InstallOptions["env"], root = ""): "system" | "user" | undefined {
  if (existsSync(unitPath({ forUser: false, env, root }))) return "system";
  const path =
    env["HOME"] === undefined && env["XDG_CONFIG_HOME"] === undefined
      ? undefined
      : unitPath({ forUser: true, env, root });
  return path !== undefined && existsSync(path) && readFileSync(path, "utf8").includes("wirebound")
    ? "user"
    : undefined;
}
