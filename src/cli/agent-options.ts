/** What `wb agent` and the commands below it are asked to do: flags, variables and the configuration file made into one checked object. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { agentDirectory } from "../agent/place.ts";
import { WbError } from "../model/errors.ts";
import type { JoinToken } from "../protocol/fleet/join-token.ts";
import { AGENT_SETTINGS } from "./agent-settings.ts";
import { loadConfiguration } from "./config.ts";
import { warn } from "./output.ts";
import { SETTINGS, resolveSetting, type SettingSources } from "./settings.ts";

/** The flags as commander gives them: absent where they were not written. */
export interface AgentFlags {
  readonly parent?: string;
  readonly token?: string;
  readonly tokenFile?: string;
  readonly pin?: string;
  readonly proxy?: string;
  readonly stateDir?: string;
  readonly flowInterval?: string;
  readonly helper?: boolean;
  readonly config?: string;
}

export interface AgentSettings {
  readonly directory: string;
  readonly parent: string | undefined;
  readonly proxy: string | undefined;
  readonly flowIntervalMs: number;
  readonly retryMaxMs: number;
  /** Whether the helper's service is used where it runs. */
  readonly helper: boolean;
  readonly helperSocket: string | undefined;
  readonly helperSecret: string | undefined;
}

/** Where the agent's state is, by variable, file or default. @throws WbError("config") */
export async function agentStateDirectory(
  configPath: string | undefined,
  env: Readonly<Record<string, string | undefined>>,
): Promise<string> {
  const { values: file } = await loadConfiguration(configPath, env);
  const directory = resolveSetting(AGENT_SETTINGS.stateDirectory, { flag: undefined, env, file });
  return directory === undefined ? agentDirectory(env, process.geteuid?.()) : resolve(directory);
}

/** @throws WbError("usage") or WbError("config") for what can't be. */
export async function agentSettings(flags: AgentFlags, env = process.env): Promise<AgentSettings> {
  const { values: file, warnings } = await loadConfiguration(flags.config, env);
  for (const warning of warnings) warn(warning);
  const from = (flag: string | undefined): SettingSources => ({ flag, env, file });
  const directory = resolveSetting(AGENT_SETTINGS.stateDirectory, from(flags.stateDir));
  return {
    directory: directory === undefined ? agentDirectory(env, process.geteuid?.()) : resolve(directory),
    parent: resolveSetting(AGENT_SETTINGS.parent, from(flags.parent)),
    proxy: resolveSetting(AGENT_SETTINGS.proxy, from(flags.proxy)),
    flowIntervalMs: resolveSetting(AGENT_SETTINGS.flowInterval, from(flags.flowInterval)),
    retryMaxMs: resolveSetting(AGENT_SETTINGS.retryMax, from(undefined)),
    helper: resolveSetting(SETTINGS.helper, from(flags.helper === false ? "no" : undefined)),
    helperSocket: resolveSetting(SETTINGS.helperSocket, from(undefined)),
    helperSecret: resolveSetting(SETTINGS.helperSecret, from(undefined)),
  };
}

const TOKEN_BYTES_MAX = 16_384;

function readTokenFile(path: string): string {
  try {
    return readFileSync(path, "utf8").slice(0, TOKEN_BYTES_MAX);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WbError("usage", `the token can't be read: ${reason}`, {
      cause,
      hint: "--token-file names the file with the line that `wb serve token create` printed",
    });
  }
}

/**
 * The join token: written out, `-` for standard input, from a file, or from WB_AGENT_TOKEN; undefined where there is none.
 * @throws WbError("usage") where it is no token.
 */
export async function readToken(
  written: string | undefined,
  file: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): Promise<JoinToken | undefined> {
  let text = written;
  if (written === "-") text = (await new Response(Bun.stdin.stream()).text()).slice(0, TOKEN_BYTES_MAX);
  else if (written === undefined && file !== undefined) text = readTokenFile(file);
  else if (written === undefined && (env["WB_AGENT_TOKEN"] ?? "") !== "") text = env["WB_AGENT_TOKEN"];
  if (text === undefined) return undefined;
  const { parseJoinToken } = await import("../protocol/fleet/join-token.ts");
  return parseJoinToken(text);
}
