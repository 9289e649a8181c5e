/** Who is logged in, from records as the C library writes them, from logind's files, and from anything at all. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { parseLogindSession, parseUtmp } from "../../../src/decode/utmp.ts";

/** A record as bits/utmp.h lays it out on x86-64. */
function utmpRecord(type: number, user: string, line: string, host: string, seconds: number): Uint8Array {
  const bytes = Buffer.alloc(384);
  bytes.writeInt16LE(type, 0);
  bytes.writeInt32LE(4711, 4);
  bytes.write(line, 8);
  bytes.write(user, 44);
  bytes.write(host, 76);
  bytes.writeInt32LE(seconds, 340);
  return bytes;
}

describe("utmp", () => {
  test("tells of people, and of nothing else", () => {
    const file = Buffer.concat([
      utmpRecord(2, "reboot", "~", "6.12.0", 1_700_000_000),
      utmpRecord(7, "anna", "pts/0", "192.0.2.7", 1_700_000_100),
      utmpRecord(8, "", "pts/1", "", 1_700_000_200),
      utmpRecord(7, "ben", "tty2", "", 0),
      utmpRecord(7, "torn", "tty3", "", 1_700_000_300).subarray(0, 100),
    ]);
    expect(parseUtmp(file, "compatible")).toEqual([
      { user: "anna", terminal: "pts/0", host: "192.0.2.7", startedAtMs: 1_700_000_100_000 },
      { user: "ben", terminal: "tty2", host: undefined, startedAtMs: undefined },
    ]);
  });

  test("the form of arm64 has its time elsewhere", () => {
    const bytes = Buffer.alloc(400);
    bytes.writeInt16LE(7, 0);
    bytes.write("tty1", 8);
    bytes.write("carla", 44);
    bytes.writeBigInt64LE(1_700_000_400n, 344);
    expect(parseUtmp(bytes, "wide")).toEqual([
      { user: "carla", terminal: "tty1", host: undefined, startedAtMs: 1_700_000_400_000 },
    ]);
  });

  test("no bytes crash it", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 1300 }),
        fc.constantFrom("compatible", "wide"),
        (bytes, form) => {
          expect(parseUtmp(bytes, form).length).toBeLessThanOrEqual(Math.floor(bytes.length / 384));
        },
      ),
    );
  });
});

describe("logind", () => {
  test("a session of a person", () => {
    const text =
      "# This is private data.\nUID=1000\nUSER=anna\nACTIVE=1\nSTATE=active\nREMOTE=1\nTTY=pts/3\nREMOTE_HOST=2001:db8::7\nCLASS=user\nREALTIME=1700000100123456\n";
    expect(parseLogindSession(text)).toEqual({
      user: "anna",
      terminal: "pts/3",
      host: "2001:db8::7",
      startedAtMs: 1_700_000_100_123,
    });
  });

  test("greeters, managers and sessions that end are none", () => {
    expect(parseLogindSession("USER=gdm\nCLASS=greeter\n")).toBeUndefined();
    expect(parseLogindSession("USER=anna\nCLASS=manager\n")).toBeUndefined();
    expect(parseLogindSession("USER=anna\nCLASS=user\nSTATE=closing\n")).toBeUndefined();
    expect(parseLogindSession("")).toBeUndefined();
  });

  test("no text crashes it", () => {
    fc.assert(fc.property(fc.string(), (text) => void parseLogindSession(text)));
  });
});
