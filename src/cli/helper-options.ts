/** What `wb helper` is asked to do: its flags made into one checked object. */
import { LOG_LEVELS, type LogLevel } from "../helper/log.ts";
import { formatDuration, parseDuration } from "../lib/format.ts";
import { EBPF_METHODS, type EbpfMethod } from "../model/capture-status.ts";
import { WbError } from "../model/errors.ts";

/** The flags as commander gives them: absent where they were not written. */
export interface HelperFlags {
  readonly elevated?: true;
  readonly launched?: true;
  readonly socket?: string;
  readonly secretFile?: string;
  readonly sessionLifetime?: string;
  readonly method?: string;
  readonly socketsMax?: string;
  readonly bytesMax?: string;
  readonly eventsBytes?: string;
  readonly namesBytes?: string;
  readonly logLevel?: string;
  readonly jsonLog?: true;
}

export interface HelperSettings {
  readonly launched: boolean;
  readonly socketPath: string | undefined;
  readonly secretPath: string | undefined;
  readonly sessionLifetimeMs: number;
  /** Only what was asked for: the rest is the source's to choose. */
  readonly source: {
    readonly method?: EbpfMethod;
    readonly socketsMax?: number;
    readonly bytesMax?: number;
    readonly eventsBytes?: number;
    readonly namesBytes?: number;
  };
  readonly logLevel: LogLevel;
  readonly jsonLog: boolean;
}

const LIFETIME_MS_MAX = 8 * 3_600_000;
const LIFETIME_MS_MIN = 1000;
const ENTRIES_MAX = 16_777_216;
const BUFFER_BYTES_MAX = 268_435_456;

/** @throws WbError("usage") for what can't be, and where `--elevated` is missing. */
export function helperSettings(flags: HelperFlags): HelperSettings {
  if (flags.elevated !== true) {
    throw new WbError("usage", "the helper works as root: say that you mean it with --elevated", {
      hint: "sudo wb helper --elevated; or let the monitor start it: wb monitor --elevate",
    });
  }
  if (flags.launched === true && (flags.socket !== undefined || flags.secretFile !== undefined)) {
    throw new WbError("usage", "--launched chooses its own socket and gets its secret from standard input", {
      hint: "leave out --socket and --secret-file, or --launched",
    });
  }
  return {
    launched: flags.launched === true,
    socketPath: flags.socket,
    secretPath: flags.secretFile,
    sessionLifetimeMs: lifetimeOf(flags.sessionLifetime),
    source: {
      ...pick("method", oneOf("--method", flags.method, EBPF_METHODS)),
      ...pick("socketsMax", count("--sockets-max", flags.socketsMax, ENTRIES_MAX)),
      ...pick("bytesMax", count("--bytes-max", flags.bytesMax, ENTRIES_MAX)),
      ...pick("eventsBytes", count("--events-bytes", flags.eventsBytes, BUFFER_BYTES_MAX)),
      ...pick("namesBytes", count("--names-bytes", flags.namesBytes, BUFFER_BYTES_MAX)),
    },
    logLevel: oneOf("--log-level", flags.logLevel, LOG_LEVELS) ?? "info",
    jsonLog: flags.jsonLog === true,
  };
}

/** An object with the member, or without it where there is no value. */
function pick<Name extends string, T>(name: Name, value: T | undefined): { readonly [Key in Name]?: T } {
  return (value === undefined ? {} : { [name]: value }) as { readonly [Key in Name]?: T };
}

function oneOf<T extends string>(
  flag: string,
  text: string | undefined,
  choices: readonly T[],
): T | undefined {
  const found = choices.find((choice) => choice === text);
  if (found !== undefined || text === undefined) return found;
  throw new WbError("usage", `${flag} can't be "${text}"`, { hint: `there are ${choices.join(", ")}` });
}

function count(flag: string, text: string | undefined, most: number): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (/^\d+$/.test(text) && value >= 1 && value <= most) return value;
  throw new WbError("usage", `${flag} must be a whole number from 1 to ${most}, not "${text}"`);
}

function lifetimeOf(text: string | undefined): number {
  if (text === undefined) return LIFETIME_MS_MAX;
  const value = parseDuration(text);
  if (value !== undefined && value >= LIFETIME_MS_MIN && value <= LIFETIME_MS_MAX) return Math.round(value);
  throw new WbError(
    "usage",
    `--session-lifetime must be between ${formatDuration(LIFETIME_MS_MIN)} and ${formatDuration(LIFETIME_MS_MAX)}, not "${text}"`,
    { hint: "write it as 30s, 10m or 8h" },
  );
}
