/** The settings of `wb serve`: table [serve] of the configuration file, WB_SERVE_* variables, flags. Pure. */
import { splitAddress } from "../server/addresses.ts";
import { SERVER_LOG_LEVELS, type ServerLogLevel } from "../server/log.ts";
import { parseDays, parsePath, parseSwitch, type Parsed } from "./parse.ts";
import type { Setting } from "./setting.ts";

const DAY_MS = 86_400_000;
const NAME_LENGTH_MAX = 100;
const ADDRESSES_MAX = 8;
export const RETENTION_MS_DEFAULT = 30 * DAY_MS;

/** Where to listen; what is undefined was not said. */
export interface ListenAddress {
  readonly host: string | undefined;
  readonly port: number | undefined;
}

/** `HOST:PORT`, `[V6]:PORT`, `HOST`, `:PORT` or `PORT`. Port 0 is any that is free. */
export function parseListen(text: string): Parsed<ListenAddress> {
  const portOnly = /^:?(\d{1,5})$/.exec(text)?.[1];
  const parts = portOnly === undefined ? splitAddress(text) : { host: undefined, port: Number(portOnly) };
  if (parts === undefined || (parts.port ?? 0) > 65_535) {
    return {
      problem: `"${text}" is nowhere to listen`,
      hint: "write it as HOST:PORT, such as 0.0.0.0:7443, [::]:7443 or 127.0.0.1:0",
    };
  }
  return { value: parts };
}

function parseName(text: string): Parsed<string> {
  const name = text.trim();
  if (name !== "" && name.length <= NAME_LENGTH_MAX && !/\p{Cc}/u.test(name)) return { value: name };
  return { problem: `a name has 1 to ${NAME_LENGTH_MAX} characters, all of them printable` };
}

/** Several, apart by commas or spaces. */
export function parsePublicAddresses(text: string): Parsed<readonly string[]> {
  const addresses = text.split(/[\s,]+/).filter((each) => each !== "");
  const wrong = addresses.find((each) => splitAddress(each) === undefined || splitAddress(each)?.port === 0);
  if (wrong !== undefined) {
    return { problem: `"${wrong}" is no address`, hint: "write it as parent.example or parent.example:7443" };
  }
  if (addresses.length > ADDRESSES_MAX)
    return { problem: `at most ${ADDRESSES_MAX} addresses fit a join token` };
  return { value: addresses };
}

function parseLevel(text: string): Parsed<ServerLogLevel> {
  const found = SERVER_LOG_LEVELS.find((level) => level === text);
  if (found !== undefined) return { value: found };
  return { problem: `there is no level "${text}"`, hint: `there are ${SERVER_LOG_LEVELS.join(", ")}` };
}

/** Keys travel there: plain HTTP only within this machine. */
function parseUpstream(text: string): Parsed<string> {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const isLocal = url !== undefined && ["localhost", "127.0.0.1", "[::1]"].includes(url.hostname);
  if (url !== undefined && (url.protocol === "https:" || (url.protocol === "http:" && isLocal))) {
    return { value: text.replace(/\/+$/, "") };
  }
  return {
    problem: `"${text}" is no address of a classification API`,
    hint: "it begins with https://; http:// is for this machine alone",
  };
}

function parseRetention(text: string): Parsed<number> {
  const days = parseDays(text);
  return "value" in days ? { value: days.value * DAY_MS } : days;
}

function serveSetting<T>(definition: Omit<Setting<T>, "table">): Setting<T> {
  return { table: "serve", ...definition };
}

export const SERVE_SETTINGS = {
  listen: serveSetting<ListenAddress | undefined>({
    key: "listen",
    fileType: "text",
    variable: "WB_SERVE_LISTEN",
    flag: "--listen",
    fallback: undefined,
    meaning: "where it listens, such as 127.0.0.1:7443; otherwise port 7443 of every address",
    parse: parseListen,
  }),
  name: serveSetting<string | undefined>({
    key: "name",
    fileType: "text",
    variable: "WB_SERVE_NAME",
    flag: "--name",
    fallback: undefined,
    meaning: "what agents and people see it called; otherwise the machine's name",
    parse: parseName,
  }),
  stateDir: serveSetting<string | undefined>({
    key: "state-dir",
    fileType: "text",
    variable: "WB_SERVE_STATE_DIR",
    flag: "--state-dir",
    fallback: undefined,
    meaning: "where it keeps its keys and its database; otherwise serve in the state directory",
    parse: parsePath,
  }),
  publicAddresses: serveSetting<readonly string[]>({
    key: "public-address",
    fileType: "text",
    variable: "WB_SERVE_PUBLIC_ADDRESS",
    flag: "--public-address",
    fallback: [],
    meaning: "host or host:port at which agents reach it, for join tokens; several apart by commas",
    parse: parsePublicAddresses,
  }),
  retention: serveSetting<number>({
    key: "retention",
    fileType: "duration",
    variable: "WB_SERVE_RETENTION",
    flag: "--retention",
    fallback: RETENTION_MS_DEFAULT,
    meaning: "how long events, processes and connections are kept, such as 90d (30d, if nothing is set)",
    parse: parseRetention,
  }),
  mdns: serveSetting<boolean>({
    key: "mdns",
    fileType: "switch",
    variable: "WB_SERVE_NO_MDNS",
    variableNegates: true,
    flag: "--no-mdns",
    fallback: true,
    meaning: "whether the local network is told of it, for wb agent discover",
    parse: parseSwitch,
  }),
  upstream: serveSetting<string | undefined>({
    key: "upstream",
    fileType: "text",
    variable: "WB_SERVE_UPSTREAM",
    flag: "--upstream",
    fallback: undefined,
    meaning: "a classification API that is asked what programs are that nobody here knows",
    parse: parseUpstream,
  }),
  upstreamKeyFile: serveSetting<string | undefined>({
    key: "upstream-key-file",
    fileType: "text",
    variable: "WB_SERVE_UPSTREAM_KEY_FILE",
    flag: "--upstream-key-file",
    fallback: undefined,
    meaning: "the file with the key for that API",
    parse: parsePath,
  }),
  adminPasswordFile: serveSetting<string | undefined>({
    key: "admin-password-file",
    fileType: "text",
    variable: "WB_SERVE_ADMIN_PASSWORD_FILE",
    flag: "--admin-password-file",
    fallback: undefined,
    meaning: "the file with the password that the user admin gets at the first start",
    parse: parsePath,
  }),
  logLevel: serveSetting<ServerLogLevel>({
    key: "log-level",
    fileType: "text",
    variable: "WB_SERVE_LOG_LEVEL",
    flag: "--log-level",
    fallback: "info",
    meaning: "the least that is worth a line: error, warning or info",
    parse: parseLevel,
  }),
  jsonLog: serveSetting<boolean>({
    key: "json-log",
    fileType: "switch",
    variable: "WB_SERVE_JSON_LOG",
    flag: "--json-log",
    fallback: false,
    meaning: "whether each line of the log is a JSON object",
    parse: parseSwitch,
  }),
} as const;
