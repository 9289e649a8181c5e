/** What `wb serve` is asked to do: flags, variables and the configuration file made into one checked object. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { WbError } from "../model/errors.ts";
import { stateDirectory } from "../platform/paths.ts";
import { installedUnit } from "../platform/systemd-service.ts";
import type { ServerLogLevel } from "../server/log.ts";
import { PASSWORD_LENGTH_MAX, PASSWORD_LENGTH_MIN } from "../server/people/passwords.ts";
import { loadConfiguration } from "./config.ts";
import { SERVE_SERVICE_STATE, SERVE_UNIT_NAME } from "./serve-unit.ts";
import { SERVE_SETTINGS, type ListenAddress } from "./serve-settings.ts";
import { resolveSetting, type Setting } from "./setting.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** The flags as commander gives them: absent where they were not written. */
export interface ServeFlags {
  readonly listen?: string;
  readonly name?: string;
  readonly stateDir?: string;
  readonly publicAddress?: readonly string[];
  readonly retention?: string;
  /** False for `--no-mdns`; commander gives true where it was not written. */
  readonly mdns: boolean;
  readonly upstream?: string;
  readonly upstreamKeyFile?: string;
  readonly adminPasswordFile?: string;
  readonly logLevel?: string;
  readonly jsonLog?: true;
  readonly config?: string;
}

export interface ServeOptions {
  readonly listen: ListenAddress;
  /** Undefined: as it was called before, else the machine's name. */
  readonly name: string | undefined;
  readonly stateDirectory: string;
  readonly publicAddresses: readonly string[];
  readonly retentionMs: number;
  readonly mdns: boolean;
  readonly upstream: { readonly url: string; readonly key: string | null } | undefined;
  /** Of the first admin, from a file. */
  readonly adminPassword: string | undefined;
  readonly logLevel: ServerLogLevel;
  readonly jsonLog: boolean;
  readonly warnings: readonly string[];
}

function firstLine(path: string, what: string): string {
  let text: string;
  try {
    text = readFileSync(path, "utf8").replace(/\r?\n$/, "");
  } catch (cause) {
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    throw new WbError("config", `the file with ${what}, ${path}, can't be read: ${code}`, {
      cause,
      hint: "it is a file of one line, readable by the user that runs `wb serve`",
    });
  }
  if (text !== "" && !/[\r\n]/.test(text)) return text;
  throw new WbError("config", `${path} does not hold ${what}`, { hint: "it is a file of one line" });
}

/** @throws WbError("config") where it is too short to be one. */
export function checkPassword(password: string, where: string): string {
  if (password.length >= PASSWORD_LENGTH_MIN && password.length <= PASSWORD_LENGTH_MAX) return password;
  throw new WbError("config", `${where} holds no password of ${PASSWORD_LENGTH_MIN} characters or more`, {
    hint: "length is what makes a password good: take a sentence",
  });
}

/** Where the state of the parent is, by flag, variable, file or default. @throws WbError("config"), WbError("usage") */
export async function serveStateDirectory(
  flags: Pick<ServeFlags, "stateDir" | "config">,
  env: Environment,
): Promise<string> {
  const { values } = await loadConfiguration(flags.config, env);
  const given = resolveSetting(SERVE_SETTINGS.stateDir, { flag: flags.stateDir, env, file: values });
  return given ?? join(stateDirectory(env), "serve");
}

/** The same for questions, which go to the machine's service where there is one and nobody has said otherwise: root's to ask. */
export async function askedStateDirectory(
  flags: Pick<ServeFlags, "stateDir" | "config">,
  env: Environment,
): Promise<string> {
  const named = await serveStateDirectory(flags, env);
  const isUsual = named === join(stateDirectory(env), "serve");
  const isService = installedUnit(SERVE_UNIT_NAME, {}) !== undefined;
  return isUsual && isService && existsSync(join(SERVE_SERVICE_STATE, "local.json"))
    ? SERVE_SERVICE_STATE
    : named;
}

/** Everything that can be refused is refused here, before anything is opened. @throws WbError("usage"), WbError("config") */
export async function serveOptions(flags: ServeFlags, env: Environment): Promise<ServeOptions> {
  const configuration = await loadConfiguration(flags.config, env);
  const of = <T>(setting: Setting<T>, flag: string | undefined): T =>
    resolveSetting(setting, { flag, env, file: configuration.values });
  const upstreamUrl = of(SERVE_SETTINGS.upstream, flags.upstream);
  const upstreamKeyFile = of(SERVE_SETTINGS.upstreamKeyFile, flags.upstreamKeyFile);
  if (upstreamUrl === undefined && upstreamKeyFile !== undefined) {
    throw new WbError("usage", "--upstream-key-file means nothing without --upstream", {
      hint: "name the classification API too: --upstream https://…",
    });
  }
  const passwordFile = of(SERVE_SETTINGS.adminPasswordFile, flags.adminPasswordFile);
  const key = upstreamKeyFile === undefined ? null : firstLine(upstreamKeyFile, "the upstream's key");
  return {
    listen: of(SERVE_SETTINGS.listen, flags.listen) ?? { host: undefined, port: undefined },
    name: of(SERVE_SETTINGS.name, flags.name),
    stateDirectory: await serveStateDirectory(flags, env),
    publicAddresses: of(SERVE_SETTINGS.publicAddresses, flags.publicAddress?.join(",")),
    retentionMs: of(SERVE_SETTINGS.retention, flags.retention),
    mdns: of(SERVE_SETTINGS.mdns, flags.mdns ? undefined : "false"),
    upstream: upstreamUrl === undefined ? undefined : { url: upstreamUrl, key },
    adminPassword:
      passwordFile === undefined
        ? undefined
        : checkPassword(firstLine(passwordFile, "the admin's password"), passwordFile),
    logLevel: of(SERVE_SETTINGS.logLevel, flags.logLevel),
    jsonLog: of(SERVE_SETTINGS.jsonLog, flags.jsonLog === true ? "true" : undefined),
    warnings: configuration.warnings,
  };
}
