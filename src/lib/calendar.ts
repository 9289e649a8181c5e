/**
 * Hours and days of local time as Unix milliseconds. Right across daylight saving (days of 23 and 25 hours) and in zones
 * that are off by half an hour. The zone is the runtime's (TZ).
 */

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** The beginning of the hour of local time in which the moment lies. */
export function localHourStart(timeMs: number): number {
  const offsetMs = -new Date(timeMs).getTimezoneOffset() * MINUTE_MS;
  return Math.floor((timeMs + offsetMs) / HOUR_MS) * HOUR_MS - offsetMs;
}

/** Local midnight of the moment's day, moved by a number of days: the first moment of that day, even where midnight is skipped. */
export function localDayStart(timeMs: number, days = 0): number {
  const date = new Date(timeMs);
  return new Date(date.getFullYear(), date.getMonth(), date.getDate() + days).getTime();
}

function two(value: number): string {
  return String(value).padStart(2, "0");
}

/** `2026-11-19`, local. */
export function localDate(timeMs: number): string {
  const date = new Date(timeMs);
  return `${String(date.getFullYear()).padStart(4, "0")}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
}

/** `14:03:07`, local. */
export function localTime(timeMs: number): string {
  const date = new Date(timeMs);
  return `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}

/** `2026-11-19 14:03`, local. */
export function localMinute(timeMs: number): string {
  return `${localDate(timeMs)} ${localTime(timeMs).slice(0, 5)}`;
}

/** `2026-11-19T14:00:00+01:00`: local time with its offset from UTC (RFC 3339). */
export function localIso(timeMs: number): string {
  const offset = -new Date(timeMs).getTimezoneOffset();
  const sign = offset < 0 ? "-" : "+";
  const minutes = Math.abs(offset);
  return `${localDate(timeMs)}T${localTime(timeMs)}${sign}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`;
}
