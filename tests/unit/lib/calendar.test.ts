/** Hours and days of local time, across daylight saving and in zones that are off by half an hour. */
import { afterEach, describe, expect, test } from "bun:test";
import {
  localDate,
  localDayStart,
  localHourStart,
  localIso,
  localMinute,
} from "../../../src/lib/calendar.ts";

const zone = process.env["TZ"];
afterEach(() => {
  process.env["TZ"] = zone ?? "UTC";
});

const HOUR = 3_600_000;

describe("Vienna", () => {
  test("the day that loses an hour has 23, the one that gains it 25", () => {
    process.env["TZ"] = "Europe/Vienna";
    const spring = Date.UTC(2026, 2, 29, 10);
    expect((localDayStart(spring, 1) - localDayStart(spring)) / HOUR).toBe(23);
    const autumn = Date.UTC(2026, 9, 25, 10);
    expect((localDayStart(autumn, 1) - localDayStart(autumn)) / HOUR).toBe(25);
    expect(localDate(localDayStart(autumn))).toBe("2026-10-25");
  });

  test("the hour that comes twice is two hours", () => {
    process.env["TZ"] = "Europe/Vienna";
    const first = Date.UTC(2026, 9, 25, 0, 30);
    expect([localIso(first), localIso(first + HOUR)]).toEqual([
      "2026-10-25T02:30:00+02:00",
      "2026-10-25T02:30:00+01:00",
    ]);
    expect(localHourStart(first + HOUR) - localHourStart(first)).toBe(HOUR);
  });
});

test("in India an hour begins at half past", () => {
  process.env["TZ"] = "Asia/Kolkata";
  const time = Date.UTC(2026, 10, 19, 12, 10);
  expect(new Date(localHourStart(time)).toISOString()).toBe("2026-11-19T11:30:00.000Z");
  expect(localMinute(localHourStart(time))).toBe("2026-11-19 17:00");
  expect(localIso(time)).toBe("2026-11-19T17:40:00+05:30");
});

test("every hour of a year lies in its day, in every kind of zone", () => {
  for (const name of [
    "UTC",
    "Europe/Vienna",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Chatham",
    "America/Havana",
  ]) {
    process.env["TZ"] = name;
    for (let time = Date.UTC(2026, 0, 1); time < Date.UTC(2027, 0, 1); time += 1_800_000) {
      const hour = localHourStart(time);
      if (
        hour > time ||
        time - hour >= HOUR ||
        localDate(hour) !== localDate(time) ||
        hour < localDayStart(time)
      ) {
        throw new Error(`${name} ${new Date(time).toISOString()}`);
      }
    }
  }
});
