/** A service of systemd: written, enabled, started; and taken away again. Everything that fails says what to do. */
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, isAbsolute, join } from "node:path";
import { WbError } from "../model/errors.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface ServiceOptions {
  /** `wirebound-agent.service` */
  readonly unit: string;
  /** The command that it is installed by, without `install`: `wb agent`. */
  readonly command: string;
  readonly forUser: boolean;
  readonly env: Environment;
  /** Of the machine: another one for tests. */
  readonly root?: string;
  /** Runs a program; the text is what it says when it fails. */
  readonly runProgram?: (
    words: readonly string[],
  ) => Promise<{ readonly code: number; readonly text: string }>;
  /** A service that ends at its start is noticed within this time. */
  readonly settleMs?: number;
}

const SETTLE_MS = 1500;
const LOOKS = 6;

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
  unit,
  forUser,
  env,
  root = "",
}: Pick<ServiceOptions, "unit" | "forUser" | "env" | "root">): string {
  if (!forUser) return join(root || "/", "etc", "systemd", "system", unit);
  const { HOME = "", XDG_CONFIG_HOME = "" } = env;
  const base = isAbsolute(XDG_CONFIG_HOME) ? XDG_CONFIG_HOME : join(HOME, ".config");
  if (!isAbsolute(base)) throw new WbError("unavailable", "this user has no home directory");
  return join(base, "systemd", "user", unit);
}

/** How its log is read. */
export function journalWords(unit: string, forUser: boolean): string[] {
  return ["journalctl", ...(forUser ? ["--user"] : []), "-u", basename(unit, ".service")];
}

/** A service starts a program that is one by itself; the machine's, one that no person keeps. @throws WbError("usage") */
export function checkExecutable(executable: string, forUser: boolean): void {
  if (/^(?:bun|node)(?:-|\.|$)/.test(basename(executable))) {
    throw new WbError("usage", "a service needs the compiled wb, not its source", {
      hint: "build it (npm run build), copy dist/wb to /usr/local/bin, and run that one",
    });
  }
  if (forUser || !/^\/(?:home|root|run|tmp|var\/tmp)\//.test(executable)) return;
  throw new WbError("usage", `${executable} is no place for the program of a service of the machine`, {
    hint: `sudo install -m 755 ${executable} /usr/local/bin/wb, and install the service by that one`,
  });
}

/** A service of the machine is root's to change. @throws WbError("permission") */
export function checkMayInstall(
  { command, forUser }: Pick<ServiceOptions, "command" | "forUser">,
  action: "install" | "uninstall",
): void {
  if (forUser || process.geteuid?.() === 0) return;
  const isInstall = action === "install";
  throw new WbError("permission", `a service of the machine is root's to ${isInstall ? action : "remove"}`, {
    hint: `sudo ${command} ${action}; or ${isInstall ? "as" : "for"} your own service: ${command} ${action} --user`,
  });
}

/** sd_booted(3). */
function checkSystemd({ command, root = "" }: ServiceOptions): void {
  if (existsSync(join(root || "/", "run", "systemd", "system"))) return;
  throw new WbError("unavailable", "systemd does not run here, so there is nothing to install it into", {
    hint: `have your own supervisor start \`${command}\`; \`${command} install --print\` shows what systemd would be told`,
  });
}

async function ask(
  options: ServiceOptions,
  words: readonly string[],
): Promise<{ readonly code: number; readonly text: string; readonly asked: string }> {
  const all = ["systemctl", ...(options.forUser ? ["--user"] : []), ...words];
  const asked = all.join(" ");
  try {
    return { ...(await (options.runProgram ?? runProgram)(all)), asked };
  } catch (cause) {
    throw new WbError("unavailable", `${asked} can't be started`, { cause, hint: "is systemd installed?" });
  }
}

async function systemctl(options: ServiceOptions, ...words: readonly string[]): Promise<void> {
  const { code, text, asked } = await ask(options, words);
  if (code === 0) return;
  const status = `systemctl ${options.forUser ? "--user " : ""}status ${basename(options.unit, ".service")}`;
  // Who came by su or sudo has no systemd of their own.
  const isAlone = options.forUser && /connect to (?:user scope )?bus/i.test(text);
  const hint = isAlone
    ? `log in as this user itself, not by su or sudo; or for the machine: sudo ${options.command} install`
    : status;
  throw new WbError("unavailable", `${asked} failed: ${text}`, { hint });
}

/** systemd calls it started as soon as the program runs; what is wrong with its settings shows a moment later. */
async function checkRuns(options: ServiceOptions): Promise<void> {
  const { unit, forUser, settleMs = SETTLE_MS } = options;
  for (let look = 0; look < LOOKS; look += 1) {
    await Bun.sleep(settleMs / LOOKS);
    if ((await ask(options, ["is-active", "--quiet", unit])).code === 0) continue;
    throw new WbError("unavailable", `${unit} is installed, and ended as soon as it had started`, {
      hint: `${journalWords(unit, forUser).join(" ")} -n 20 tells why`,
    });
  }
}

function asWritingError({ command }: ServiceOptions, path: string, cause: unknown): WbError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  const isRight = code === "EACCES" || code === "EPERM";
  return new WbError(isRight ? "permission" : "storage", `cannot write ${path}: ${code}`, {
    cause,
    hint: isRight
      ? `as root: sudo ${command} install; or as your own service: ${command} install --user`
      : "see that its directory is there and has room",
  });
}

/** Writes the unit, enables and starts it, and sees that it stays. The path of its file. @throws WbError */
export async function installService(options: ServiceOptions, text: string): Promise<string> {
  checkSystemd(options);
  const path = unitPath(options);
  try {
    if (options.forUser) mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text, { mode: 0o644 });
  } catch (cause) {
    throw asWritingError(options, path, cause);
  }
  await systemctl(options, "daemon-reload");
  await systemctl(options, "enable", options.unit);
  // One that runs already is to run as it is written now.
  await systemctl(options, "restart", options.unit);
  await checkRuns(options);
  return path;
}

/** Stops and disables it, and removes its file. False where there was none. @throws WbError */
export async function uninstallService(options: ServiceOptions): Promise<boolean> {
  const path = unitPath(options);
  if (!existsSync(path)) return false;
  checkSystemd(options);
  await systemctl(options, "disable", "--now", options.unit);
  try {
    rmSync(path);
  } catch (cause) {
    throw asWritingError(options, path, cause);
  }
  await systemctl(options, "daemon-reload");
  return true;
}

/** Whose service it is, so that its log is in the journal: this user's own, else the machine's; undefined where there is none. */
export function installedUnit(unit: string, env: Environment, root = ""): "system" | "user" | undefined {
  const hasHome = [env["HOME"], env["XDG_CONFIG_HOME"]].some(
    (path) => path !== undefined && isAbsolute(path),
  );
  if (hasHome && existsSync(unitPath({ unit, forUser: true, env, root }))) return "user";
  return existsSync(unitPath({ unit, forUser: false, env, root })) ? "system" : undefined;
}
