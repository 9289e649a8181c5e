/** `wb serve install`, `uninstall` and `logs`: the parent as a service of systemd. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { WbError } from "../model/errors.ts";
import {
  checkExecutable,
  checkMayInstall,
  installedUnit,
  installService,
  journalWords,
  uninstallService,
  type ServiceOptions,
} from "../platform/systemd-service.ts";
import { stateDirectory } from "../platform/paths.ts";
import { sayInstalled, sayRemoved } from "./agent-install.ts";
import { ParentApi } from "./fleet/client.ts";
import { parentAccess } from "./fleet/parent-options.ts";
import { say, standardOutput, warn } from "./output.ts";
import { serveOptions, type ServeFlags } from "./serve-options.ts";
import { SERVE_SERVICE_STATE, SERVE_UNIT_NAME, serveUnitText } from "./serve-unit.ts";

export interface ServeServiceFlags {
  readonly user?: true;
  readonly print?: true;
}

export interface ServeLogsFlags extends ServeServiceFlags {
  readonly lines?: string;
  readonly follow?: true;
}

/** Options whose value is a file of the one who installs: the service is to find it from wherever it is started. */
const FILES: ReadonlySet<string> = new Set(["stateDir", "upstreamKeyFile", "adminPasswordFile", "config"]);
const ANSWER_MS = 30_000;
const LOOK_MS = 200;
/** What a user without a directory can't reach. */
const NOT_FOR_MACHINE = ["stateDir", "adminPasswordFile"] as const;

function serviceOptions(flags: ServeServiceFlags): ServiceOptions {
  return { unit: SERVE_UNIT_NAME, command: "wb serve", forUser: flags.user === true, env: process.env };
}

/** What stands between `wb serve` and `install`, for the service to be started by. */
function givenWords(serve: Command, without: keyof ServeFlags | undefined): string[] {
  return serve.options.flatMap((option) => {
    const name = option.attributeName();
    if (serve.getOptionValueSource(name) !== "cli" || name === without) return [];
    const value: unknown = serve.getOptionValue(name);
    const flag = option.long ?? "";
    if (typeof value === "boolean") return [flag];
    const values = (Array.isArray(value) ? value : [value]).map(String);
    return values.flatMap((each) => [flag, FILES.has(name) ? resolve(each) : each]);
  });
}

function checkForMachine(flags: ServeFlags): void {
  const wrong = NOT_FOR_MACHINE.find((name) => flags[name] !== undefined);
  if (wrong === undefined) return;
  const flag = wrong === "stateDir" ? "--state-dir" : "--admin-password-file";
  throw new WbError("usage", `the service of the machine has no ${flag}`, {
    hint: `it keeps everything in ${SERVE_SERVICE_STATE}; the first start writes the password of the user admin into a file there`,
  });
}

export async function installServe(serve: Command, flags: ServeServiceFlags): Promise<void> {
  const options = serviceOptions(flags);
  const { forUser } = options;
  const given = serve.opts<ServeFlags>();
  if (!forUser) checkForMachine(given);
  const asked = await serveOptions(given, process.env);
  const executable = process.execPath;
  const keyFile = forUser ? undefined : given.upstreamKeyFile;
  const upstreamKeyFile = keyFile === undefined ? undefined : resolve(keyFile);
  const words = givenWords(serve, forUser ? undefined : "upstreamKeyFile");
  const text = serveUnitText({ executable, forUser, words, upstreamKeyFile });
  if (flags.print === true) {
    checkExecutable(executable, true);
    await standardOutput.write(text);
    return;
  }
  checkMayInstall(options, "install");
  checkExecutable(executable, forUser);
  const before = join(stateDirectory(), "serve");
  const isNew = !existsSync(join(SERVE_SERVICE_STATE, "fleet.db"));
  if (!forUser && isNew && existsSync(join(before, "fleet.db")))
    warn(
      `there is a parent in ${before} already: the service is another one, whom its agents don't know. To go on with that one: wb serve uninstall, cp -a ${before}/. ${SERVE_SERVICE_STATE}/, and install again`,
    );
  const path = await installService(options, text);
  const directory = forUser ? asked.stateDirectory : SERVE_SERVICE_STATE;
  const sudo = forUser ? "" : "sudo ";
  if (!(await answers(directory))) warn(`it does not answer yet: ${sudo}wb serve logs tells what it does`);
  sayInstalled(options, path);
  say(`the password of the user admin, from the first start: ${sudo}cat ${directory}/admin-password`);
  say(`${sudo}wb serve status tells where it is; ${sudo}wb serve token create lets the first agent in`);
}

/** The first start makes keys, which takes its time on a small machine: what comes next, a token, needs it to be there. */
async function answers(directory: string): Promise<boolean> {
  for (const endMs = Date.now() + ANSWER_MS; Date.now() < endMs; await Bun.sleep(LOOK_MS)) {
    try {
      await new ParentApi(parentAccess({ stateDir: directory }, {})).get("/api/v1/me");
      return true;
    } catch (error) {
      if (!(error instanceof WbError)) throw error;
    }
  }
  return false;
}

export async function uninstallServe(flags: ServeServiceFlags): Promise<void> {
  const options = serviceOptions(flags);
  checkMayInstall(options, "uninstall");
  const kept = `what it has stored stays${options.forUser ? "" : ` in ${SERVE_SERVICE_STATE}`}`;
  sayRemoved(options, await uninstallService(options), kept);
}

/** The service's lines in the journal: what it writes is nowhere else. */
export async function showServeLogs(flags: ServeLogsFlags): Promise<void> {
  const { lines = "50" } = flags;
  if (!/^\d{1,6}$/.test(lines)) {
    throw new WbError("usage", `--lines must be a whole number up to 999999, not "${lines}"`, {
      hint: "such as -n 200",
    });
  }
  const unit = flags.user === true ? "user" : installedUnit(SERVE_UNIT_NAME, process.env);
  if (unit === undefined) {
    throw new WbError(
      "unavailable",
      "the parent is not installed as a service, so nobody keeps what it says",
      {
        hint: "it says it on standard error where it was started; sudo wb serve install makes it a service",
      },
    );
  }
  const follow = flags.follow === true ? ["-f"] : [];
  const words = [...journalWords(SERVE_UNIT_NAME, unit === "user"), "--no-pager", "-n", lines, ...follow];
  try {
    const child = Bun.spawn(words, { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
    process.exitCode = (await child.exited) === 0 ? 0 : 1;
  } catch (cause) {
    throw new WbError("unavailable", `${words[0] ?? ""} can't be started`, { cause, hint: words.join(" ") });
  }
}
