/**
 * Who is logged in: the records of /run/utmp (utmp(5)) and the session files of systemd-logind (/run/systemd/sessions). Pure; a torn
 * file gives what is whole of it.
 */

export interface LoginSession {
  readonly user: string;
  readonly terminal: string;
  /** Undefined for a local one. */
  readonly host: string | undefined;
  /** Unix milliseconds. */
  readonly startedAtMs: number | undefined;
}

/** bits/utmp.h of the GNU C library: 384 bytes where a 64-bit system keeps the 32-bit form (x86-64), else 400 (arm64). */
const SIZES = { compatible: 384, wide: 400 } as const;
const USER_PROCESS = 7;
const LINE = { offset: 8, size: 32 };
const USER = { offset: 44, size: 32 };
const HOST = { offset: 76, size: 256 };
const SESSIONS_MAX = 1000;

/** `form`: how this machine's C library lays it out. */
export function parseUtmp(bytes: Uint8Array, form: keyof typeof SIZES): LoginSession[] {
  const size = SIZES[form];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = (start: number, { offset, size: length }: { offset: number; size: number }): string => {
    const field = bytes.subarray(start + offset, start + offset + length);
    const end = field.indexOf(0);
    return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
  };
  const found: LoginSession[] = [];
  for (let start = 0; start + size <= bytes.byteLength && found.length < SESSIONS_MAX; start += size) {
    if (view.getInt16(start, true) !== USER_PROCESS) continue;
    const seconds =
      form === "compatible" ? view.getInt32(start + 340, true) : Number(view.getBigInt64(start + 344, true));
    const host = text(start, HOST);
    found.push({
      user: text(start, USER),
      terminal: text(start, LINE),
      host: host === "" ? undefined : host,
      startedAtMs: seconds > 0 && seconds < 8.64e12 ? seconds * 1000 : undefined,
    });
  }
  return found;
}

/** One file of systemd-logind: KEY=value lines. Undefined for what is no session of a person (a greeter, a background one). */
export function parseLogindSession(text: string): LoginSession | undefined {
  const values = new Map<string, string>();
  for (const line of text.split("\n")) {
    const at = line.indexOf("=");
    if (at > 0) values.set(line.slice(0, at), line.slice(at + 1));
  }
  const user = values.get("USER");
  const isPerson = values.get("CLASS") === "user" || values.get("CLASS") === undefined;
  if (user === undefined || user === "" || !isPerson || values.get("STATE") === "closing") return undefined;
  const microseconds = Number(values.get("REALTIME") ?? Number.NaN);
  const host = values.get("REMOTE_HOST");
  return {
    user,
    terminal: values.get("TTY") || values.get("SEAT") || values.get("SERVICE") || "",
    host: host === undefined || host === "" ? undefined : host,
    startedAtMs:
      Number.isFinite(microseconds) && microseconds > 0 ? Math.floor(microseconds / 1000) : undefined,
  };
}
