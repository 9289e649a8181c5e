/**
 * What the helper says, one line per event, for a journal. Lines that strangers can cause are bounded: of one kind so many
 * at once and then one per second; how many were left out is told in the next. Secrets, tokens and proofs are never
 * handed to it.
 */
import type { Clock } from "../lib/clock.ts";
import { printable } from "../lib/format.ts";
import { TokenBucket } from "../lib/token-bucket.ts";

export const LOG_LEVELS = ["error", "warning", "info"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/** Undefined facts are left out. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface HelperLog {
  say(level: LogLevel, event: string, facts?: LogFacts): void;
  /** As `say`, for what strangers can cause as often as they like; `facts.reason` tells the kinds apart. */
  sayBounded(level: LogLevel, event: string, facts: LogFacts & { readonly reason: string }): void;
}

export interface LogOptions {
  /** Lines of this level and worse are written. */
  readonly level: LogLevel;
  readonly form: "text" | "json";
  /** The journal wants the level of syslog in front of a line (sd-daemon(3)). */
  readonly isJournal: boolean;
  readonly clock: Clock;
  /** Takes a line without its end. Never throws. */
  readonly write: (line: string) => void;
}

const SYSLOG: Readonly<Record<LogLevel, number>> = { error: 3, warning: 4, info: 6 };
const BURST = 100;
const PER_SECOND = 1;
const KINDS_MAX = 200;

/** `key=value`; a value with anything unusual in it is quoted as JSON does. */
function textOf(facts: LogFacts): string {
  return Object.entries(facts)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => {
      const text = printable(String(value));
      return ` ${key}=${/^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text)}`;
    })
    .join("");
}

interface Kind {
  readonly bucket: TokenBucket;
  leftOut: number;
}

export function createLog(options: LogOptions): HelperLog {
  const { clock } = options;
  const kinds = new Map<string, Kind>();
  const say = (level: LogLevel, event: string, facts: LogFacts = {}): void => {
    if (SYSLOG[level] > SYSLOG[options.level]) return;
    if (options.form === "json") {
      options.write(JSON.stringify({ timeMs: clock.nowMs(), level, event, ...facts }));
      return;
    }
    const prefix = options.isJournal ? `<${SYSLOG[level]}>` : "wb helper: ";
    options.write(`${prefix}${event}${textOf(facts)}`);
  };
  const kindOf = (name: string): Kind => {
    const known = kinds.get(name);
    if (known !== undefined) return known;
    if (kinds.size >= KINDS_MAX) kinds.clear();
    const made = { bucket: new TokenBucket(BURST, PER_SECOND, clock.monotonicMs()), leftOut: 0 };
    kinds.set(name, made);
    return made;
  };
  return {
    say,
    sayBounded: (level, event, facts) => {
      const kind = kindOf(`${event} ${facts.reason}`);
      if (kind.bucket.take(clock.monotonicMs()) > 0) {
        kind.leftOut += 1;
        return;
      }
      say(level, event, kind.leftOut === 0 ? facts : { ...facts, leftOut: kind.leftOut });
      kind.leftOut = 0;
    },
  };
}
