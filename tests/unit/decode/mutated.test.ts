/**
 * Hostile input: more than ten thousand random and mutated netlink datagrams and /proc files. No decoder may throw, read
 * outside of what it was given (a DataView would throw), or go on for ever (the loops are counted).
 */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { decodeAddress, decodeLink } from "../../../src/decode/rtnetlink.ts";
import { AttributeReader, NetlinkReader } from "../../../src/decode/netlink.ts";
import { parsePasswd } from "../../../src/decode/passwd.ts";
import { parseProcNetDevices, parseProcSockets } from "../../../src/decode/proc-net.ts";
import {
  parseBootTime,
  parseCommandLine,
  parseProcStat,
  parseStatusUserId,
} from "../../../src/decode/proc-pid.ts";
import { DiagRecord } from "../../../src/decode/sock-diag.ts";
import { recordedDatagrams, recordedText } from "../../support/recorded.ts";

const RUNS = 3000;
const datagrams = ["tcp-dump.bin", "udp-dump.bin", "udp6-dump.bin", "destroy-notices.bin"].flatMap(
  recordedDatagrams,
);
const links = ["links.bin", "addresses.bin"].flatMap(recordedDatagrams);

/** A recorded input with some bytes replaced, a part cut out, or its end cut off. */
function mutated(originals: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  return fc
    .tuple(
      fc.constantFrom(...originals),
      fc.array(fc.tuple(fc.nat(), fc.oneof(fc.constantFrom(0, 1, 3, 4, 0x7f, 0x80, 0xff), fc.nat(255))), {
        maxLength: 12,
      }),
      fc.option(fc.tuple(fc.nat(), fc.nat(64))),
      fc.option(fc.nat()),
    )
    .map(([original, replacements, cut, end]) => {
      let bytes = Uint8Array.from(original);
      for (const [position, value] of replacements) bytes[position % bytes.length] = value;
      if (cut !== null) {
        const start = cut[0] % bytes.length;
        bytes = Uint8Array.from([...bytes.subarray(0, start), ...bytes.subarray(start + cut[1])]);
      }
      return end === null || bytes.length === 0 ? bytes : bytes.slice(0, end % bytes.length);
    });
}

function walk(bytes: Uint8Array, visit: (view: DataView, start: number, end: number) => void): void {
  // An exact copy: reading beyond it throws, where a larger buffer would hide it.
  const exact = Uint8Array.from(bytes);
  const reader = new NetlinkReader(exact);
  reader.reset(exact.length);
  let messages = 0;
  while (reader.next()) {
    messages += 1;
    expect(messages).toBeLessThanOrEqual(Math.ceil(exact.length / 16));
    expect(reader.bodyEnd).toBeLessThanOrEqual(exact.length);
    reader.errorNumber();
    visit(reader.view, reader.bodyStart, reader.bodyEnd);
  }
}

function readSocket(view: DataView, start: number, end: number): void {
  const record = new DiagRecord();
  if (!record.read(view, start, end)) return;
  expect(record.localAddress()).not.toBe("");
  expect(record.remoteAddress()).not.toBe("");
  record.cookie();
  record.addressSum();
}

function readLink(view: DataView, start: number, end: number): void {
  decodeLink(view, start, end);
  decodeAddress(view, start, end);
  const attributes = new AttributeReader(view, start, end);
  for (let count = 0; attributes.next(); count += 1) {
    expect(count).toBeLessThanOrEqual((end - start) / 4);
    attributes.text();
    attributes.u32();
  }
}

describe("netlink", () => {
  test("mutated socket records", () => {
    fc.assert(
      fc.property(mutated(datagrams), (bytes) => walk(bytes, readSocket)),
      { numRuns: RUNS },
    );
  });

  test("mutated links and addresses", () => {
    fc.assert(
      fc.property(mutated(links), (bytes) => walk(bytes, readLink)),
      { numRuns: RUNS },
    );
  });

  test("random bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        walk(bytes, readSocket);
        readSocket(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
        readLink(new DataView(bytes.buffer, bytes.byteOffset, bytes.length), 0, bytes.length);
      }),
      { numRuns: RUNS },
    );
  });
});

describe("/proc", () => {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();
  const files = ["tcp", "tcp6", "udp", "udp6", "dev"]
    .map((name) => recordedText(`proc-net-${name}.txt`))
    .concat(recordedText("proc-pid-stat.txt"), "btime 1700000000\n", "root:x:0:0:root:/root:/bin/sh\n");

  test("mutated files", () => {
    fc.assert(
      fc.property(mutated(files.map((text) => encoder.encode(text))), (bytes) => {
        const text = decoder.decode(bytes);
        for (const row of parseProcSockets(text).rows) {
          expect(row.localPort).toBeWithin(0, 65_536);
          expect(row.inode).toBeGreaterThanOrEqual(0);
        }
        parseProcNetDevices(text);
        const stat = parseProcStat(bytes);
        if (stat !== undefined) expect(Number.isSafeInteger(stat.startTicks)).toBe(true);
        parseStatusUserId(bytes);
        parseCommandLine(bytes);
        parseBootTime(text);
        for (const userId of parsePasswd(text).keys()) expect(userId).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: RUNS },
    );
  });
});
