/** Socket records: what recorded dumps and notices say, and requests byte for byte. */
import { describe, expect, test } from "bun:test";
import { NetlinkReader, NLMSG_DONE } from "../../../src/decode/netlink.ts";
import {
  DiagRecord,
  familyDumpRequest,
  tcpDumpRequest,
  tcpStateName,
  udpStateName,
} from "../../../src/decode/sock-diag.ts";
import { recordedDatagrams } from "../../support/recorded.ts";

function recordsOf(name: string): { rows: unknown[]; done: number } {
  const rows: unknown[] = [];
  let done = 0;
  for (const datagram of recordedDatagrams(name)) {
    const reader = new NetlinkReader(datagram);
    reader.reset(datagram.length);
    while (reader.next()) {
      if (reader.type === NLMSG_DONE) {
        done += 1;
        expect(reader.errorNumber()).toBe(0);
        continue;
      }
      const record = new DiagRecord();
      expect(record.read(reader.view, reader.bodyStart, reader.bodyEnd)).toBe(true);
      rows.push([
        record.state,
        `${record.localAddress()}|${record.localPort}`,
        `${record.remoteAddress()}|${record.remotePort}`,
        record.cookie(),
        record.inode,
        ...(record.hasInfo ? [record.bytesAcked, record.bytesSent, record.bytesReceived] : []),
      ]);
    }
    expect(reader.malformed).toBe(false);
  }
  return { rows, done };
}

test("a recorded dump of TCP sockets of both families", () => {
  expect(recordsOf("tcp-dump.bin")).toEqual({
    done: 1,
    rows: [
      [10, "::|36673", "::|0", 58_516, 179_781, 0, 0, 0],
      [8, "::1|36673", "::1|57972", 58_517, 179_785, 0, 0, 6],
      [4, "::1|57972", "::1|36673", 58_518, 179_784, 6, 5, 0],
      [8, "127.0.0.1|36673", "127.0.0.1|40628", 58_519, 179_787, 0, 0, 70_001],
      [1, "127.0.0.1|36673", "127.0.0.1|40622", 58_520, 179_783, 300, 300, 1000],
      [1, "127.0.0.1|40622", "127.0.0.1|36673", 58_521, 179_782, 1001, 1000, 300],
      [4, "127.0.0.1|40628", "127.0.0.1|36673", 58_522, 0, 70_001, 70_000, 0],
      [6, "127.0.0.1|40636", "127.0.0.1|36673", 58_523, 0],
    ],
  });
});

test("recorded dumps of UDP sockets", () => {
  expect(recordsOf("udp-dump.bin")).toEqual({
    done: 1,
    rows: [[7, "127.0.0.1|32780", "0.0.0.0|0", 58_524, 179_790]],
  });
  expect(recordsOf("udp6-dump.bin")).toEqual({
    done: 1,
    rows: [[1, "::1|53293", "::1|5140", 58_525, 179_791]],
  });
});

test("recorded notices of destroyed sockets: ordinary closes, a reset by linger 0 with its ends erased, UDP", () => {
  const { rows } = recordsOf("destroy-notices.bin");
  expect(rows).toHaveLength(12);
  expect(rows[2]).toEqual([7, "127.0.0.1|40622", "127.0.0.1|36673", 58_521, 0, 1002, 1000, 301]);
  expect(rows[8]).toEqual([7, "0.0.0.0|40652", "127.0.0.1|0", 58_526, 0, 0, 0, 0]);
  expect(rows[11]).toEqual([1, "::1|53293", "::1|5140", 58_525, 0]);
});

describe("requests", () => {
  test("all TCP sockets by the older request", () => {
    const request = tcpDumpRequest(7);
    const view = new DataView(request.buffer);
    expect(request).toHaveLength(76);
    expect([view.getUint32(0, true), view.getUint16(4, true), view.getUint16(6, true)]).toEqual([
      76, 18, 0x301,
    ]);
    expect([view.getUint32(8, true), request[16], request[19]]).toEqual([7, 0, 2]);
    expect(view.getUint32(16 + 52, true)).toBe(0x1ffe);
  });

  test("one family and protocol", () => {
    const request = familyDumpRequest(9, 10, 17);
    const view = new DataView(request.buffer);
    expect(request).toHaveLength(72);
    expect([view.getUint16(4, true), view.getUint32(8, true)]).toEqual([20, 9]);
    expect([...request.subarray(16, 20)]).toEqual([10, 17, 0, 0]);
    expect(view.getUint32(20, true)).toBe(0x1ffe);
  });
});

describe("DiagRecord", () => {
  const message = (): { bytes: Uint8Array; view: DataView } => {
    const bytes = new Uint8Array(72 + 4 + 232);
    const view = new DataView(bytes.buffer);
    view.setUint8(0, 2);
    view.setUint16(72, 4 + 232, true);
    view.setUint16(74, 2, true);
    return { bytes, view };
  };

  test("a shorter tcp_info of an old kernel tells what it has", () => {
    const { view } = message();
    view.setBigUint64(76 + 120, 500n, true);
    view.setBigUint64(76 + 128, 600n, true);
    view.setBigUint64(76 + 200, 700n, true);
    view.setUint16(72, 4 + 192, true);
    const record = new DiagRecord();
    expect(record.read(view, 0, 72 + 4 + 192)).toBe(true);
    expect([
      record.hasInfo,
      record.hasBytesSent,
      record.bytesAcked,
      record.bytesReceived,
      record.bytesSent,
    ]).toEqual([true, false, 500, 600, 0]);
    view.setUint16(72, 4 + 104, true);
    expect(record.read(view, 0, 72 + 4 + 104)).toBe(true);
    expect(record.hasInfo).toBe(false);
  });

  test("cookies above 2^53 stay apart, as text", () => {
    const { view } = message();
    const record = new DiagRecord();
    view.setBigUint64(44, 2n ** 53n - 1n, true);
    record.read(view, 0, 76 + 232);
    expect(record.cookie()).toBe(2 ** 53 - 1);
    view.setBigUint64(44, 2n ** 64n - 1n, true);
    record.read(view, 0, 76 + 232);
    expect(record.cookie()).toBe("4294967295:4294967295");
  });

  test("refuses what is too short, of another family, or has an attribute beyond its end", () => {
    const { view } = message();
    const record = new DiagRecord();
    expect(record.read(view, 0, 71)).toBe(false);
    expect(record.read(view, 0, 10_000)).toBe(false);
    expect(record.read(view, 0, 80)).toBe(false);
    view.setUint16(72, 3, true);
    expect(record.read(view, 0, 76 + 232)).toBe(false);
    view.setUint8(0, 1);
    expect(record.read(view, 0, 76 + 232)).toBe(false);
  });
});

test("names of states", () => {
  expect([1, 6, 10, 12, 13, 200].map(tcpStateName)).toEqual([
    "established",
    "time_wait",
    "listen",
    "syn_received",
    "unknown",
    "unknown",
  ]);
  expect([1, 7].map(udpStateName)).toEqual(["connected", "unconnected"]);
});
