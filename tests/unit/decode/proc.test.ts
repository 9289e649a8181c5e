/** Files of /proc and /etc/passwd: recorded ones, and those that hold what a careless parser trips over. */
import { describe, expect, test } from "bun:test";
import { parsePasswd } from "../../../src/decode/passwd.ts";
import { parseProcNetDevices, parseProcSockets } from "../../../src/decode/proc-net.ts";
import {
  parseBootTime,
  parseCommandLine,
  parseProcStat,
  parseStatusUserId,
} from "../../../src/decode/proc-pid.ts";
import { recordedText } from "../../support/recorded.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe("sockets", () => {
  test("recorded IPv4 and IPv6 tables", () => {
    const { rows, malformed } = parseProcSockets(recordedText("proc-net-tcp.txt"));
    expect(malformed).toBe(0);
    expect(rows).toEqual([
      {
        localAddress: "127.0.0.1",
        localPort: 40_622,
        remoteAddress: "127.0.0.1",
        remotePort: 36_673,
        state: 1,
        userId: 0,
        inode: 179_782,
      },
      {
        localAddress: "127.0.0.1",
        localPort: 40_636,
        remoteAddress: "127.0.0.1",
        remotePort: 36_673,
        state: 6,
        userId: 0,
        inode: 0,
      },
    ]);
    const v6 = parseProcSockets(recordedText("proc-net-tcp6.txt"));
    expect(v6.malformed).toBe(0);
    expect(v6.rows.map((row) => `${row.localAddress} ${row.remoteAddress} ${row.state}`)).toEqual([
      ":: :: 10",
      "::1 ::1 8",
      "::1 ::1 4",
      "127.0.0.1 127.0.0.1 8",
      "127.0.0.1 127.0.0.1 1",
      "127.0.0.1 127.0.0.1 4",
    ]);
    expect(parseProcSockets(recordedText("proc-net-udp6.txt")).rows).toHaveLength(1);
  });

  test("lines of another format are counted, not guessed", () => {
    expect(parseProcSockets("head\n   0: nonsense\n\n")).toEqual({ rows: [], malformed: 1 });
  });
});

test("recorded interface counters", () => {
  const { rows, malformed } = parseProcNetDevices(recordedText("proc-net-dev.txt"));
  expect(malformed).toBe(0);
  expect(rows[0]).toEqual({
    name: "lo",
    bytesSent: 72_945,
    bytesReceived: 72_945,
    packetsSent: 28,
    packetsReceived: 28,
    errors: 0,
    dropped: 0,
  });
  expect(rows.map((row) => row.name)).toEqual(["lo", "br0", "veth1", "veth0"]);
  expect(parseProcNetDevices("a\nb\n eth0: 1 2 3\n")).toEqual({ rows: [], malformed: 1 });
});

describe("a process", () => {
  const after = (comm: string): string =>
    `42 (${comm}) S 7 42 42 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0 283115 6714310656 6434 18446744073709551615`;

  test("stat, even where the name holds parentheses, spaces and newlines", () => {
    for (const comm of ["bun", "a b", "evil) S 1 1 (x", "new\nline", ""]) {
      expect(parseProcStat(bytes(after(comm)))).toEqual({
        comm,
        parentPid: 7,
        cpuTicks: 200,
        startTicks: 283_115,
        residentPages: 6434,
      });
    }
    expect(parseProcStat(bytes(recordedText("proc-pid-stat.txt")))?.comm).toBe("bun");
    expect(parseProcStat(bytes(""))).toBeUndefined();
    expect(parseProcStat(bytes("42 (x) S"))).toBeUndefined();
  });

  test("arguments are kept apart, empty ones too", () => {
    expect(parseCommandLine(bytes("sh\0-c\0echo a b\0\0"))).toEqual(["sh", "-c", "echo a b", ""]);
    expect(parseCommandLine(bytes("a title without an end"))).toEqual(["a title without an end"]);
    expect(parseCommandLine(bytes(`npm install\0${"\0".repeat(60)}`))).toEqual(["npm install"]);
    expect(parseCommandLine(bytes("grep\0\0"))).toEqual(["grep", ""]);
    expect(parseCommandLine(bytes("\0\0\0"))).toEqual(["", "", ""]);
    expect(parseCommandLine(bytes(""))).toEqual([]);
  });

  test("user and time of boot", () => {
    expect(parseStatusUserId(bytes("Name:\tx\nUid:\t1000\t0\t0\t0\n"))).toBe(1000);
    expect(parseStatusUserId(bytes("Name:\tUid:\n"))).toBeUndefined();
    expect(parseBootTime("cpu 1 2\nbtime 1700000000\nprocesses 3\n")).toBe(1_700_000_000);
    expect(parseBootTime("")).toBeUndefined();
  });
});

test("users: the first name of an id, and nothing from lines that are not of the format", () => {
  const names = parsePasswd(
    "root:x:0:0::/:\ntoor:x:0:0::/:\n\n:x:5:\nbad:x:y:\n# c\nnobody:x:65534:65534::/:\n",
  );
  expect([...names]).toEqual([
    [0, "root"],
    [65_534, "nobody"],
  ]);
});
