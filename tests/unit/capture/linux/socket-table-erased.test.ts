/** Connections whose counters the kernel erased before telling them, and the listener that a connection is inferred from. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { DiagFields } from "../../../support/diag-message.ts";
import {
  clientEnds,
  CLOSE,
  counts,
  ESTABLISHED,
  LISTEN,
  remoteEnds,
  serverEnds,
  TableSampler,
} from "../../../support/table-sampler.ts";

let sampler: TableSampler;

beforeEach(() => {
  sampler = new TableSampler();
});

describe("counters that a reset by linger 0 erased", () => {
  const erasedNotice = {
    cookie: 5,
    state: CLOSE,
    local: ["0.0.0.0", 40_000] as const,
    remote: ["127.0.0.1", 0] as const,
    sendQueue: 65_538,
    info: { notSent: 65_538 },
  };
  const serverNotice = {
    cookie: 6,
    state: CLOSE,
    ...serverEnds,
    info: { acked: 300, sent: 300, received: 1000 },
  };

  test("follow from the other end's, whether the connection was seen alive or not", () => {
    for (const seen of [true, false]) {
      sampler = new TableSampler();
      const connection = {
        cookie: 5,
        state: ESTABLISHED,
        inode: 1,
        ...clientEnds,
        info: { acked: 3, sent: 2, received: 1 },
      };
      sampler.sample(seen ? [connection] : []);
      const { closed, erased } = sampler.sample([], [erasedNotice, serverNotice]);
      expect(erased).toBe(0);
      const rows = closed
        .map((row) => [row.identity.id, row.identity.remotePort, counts(row)].flat())
        .sort((a, b) => String(a[0]).localeCompare(String(b[0])));
      expect(rows).toEqual([
        ["tcp:5", 443, 1000, 300, 1],
        ["tcp:6", 40_000, 300, 1000, 1],
      ]);
    }
  });

  test("what the other end sent without an acknowledgement may not have arrived", () => {
    const unacked = { ...serverNotice, sendQueue: 50, info: { acked: 250, sent: 300, received: 1000 } };
    const { closed } = sampler.sample([], [erasedNotice, unacked]);
    expect(closed.find((row) => row.identity.id === "tcp:5")?.counters.uncertaintyBytes).toBe(51);
  });

  test("of a remote peer are a lower bound, and a loss", () => {
    const ends = remoteEnds;
    sampler.sample([
      { cookie: 5, state: ESTABLISHED, inode: 1, ...ends, info: { acked: 21, sent: 20, received: 10 } },
    ]);
    const { closed, erased } = sampler.sample([], [{ ...erasedNotice, remote: ["192.0.2.1", 0] }]);
    expect(closed.map((row) => [row.identity.id, row.identity.remotePort, counts(row)].flat())).toEqual([
      ["tcp:5", 443, 20, 10, undefined],
    ]);
    expect(erased).toBe(1);
  });

  test("of a connection that nobody saw are a loss without a row", () => {
    const nothing = { live: [], closed: [], vanished: 0 };
    // Its other end may be told in the next sample.
    expect(sampler.sample([], [{ ...erasedNotice, remote: ["192.0.2.1", 0] }])).toEqual({
      ...nothing,
      erased: 0,
    });
    expect(sampler.sample([])).toEqual({ ...nothing, erased: 1 });
    expect(sampler.sample([])).toEqual({ ...nothing, erased: 0 });
  });

  test("a sample between the closings of the two ends loses nothing", () => {
    for (const seen of [true, false]) {
      sampler = new TableSampler();
      const info = { acked: 3, sent: 2, received: 1 };
      sampler.sample(seen ? [{ cookie: 5, state: ESTABLISHED, inode: 1, ...clientEnds, info }] : []);
      const first = sampler.sample([], [erasedNotice]);
      expect(first.erased).toBe(0);
      const { closed, erased } = sampler.sample([], [serverNotice]);
      expect(erased).toBe(0);
      const row = closed.find(({ identity }) => identity.id === "tcp:5");
      expect([row?.identity.remotePort, counts(row)].flat()).toEqual([443, 1000, 300, 1]);
    }
  });
});

describe("the listener of a connection", () => {
  const listener = (cookie: number, address: string): DiagFields => ({
    cookie,
    state: LISTEN,
    local: [address, 443],
    remote: [address.includes(":") ? "::" : "0.0.0.0", 0],
    inode: cookie,
    info: {},
  });
  const of = (localAddress: string, localPort = 443): string | undefined =>
    sampler.table.listenerOf({
      id: "x",
      protocol: "tcp",
      localAddress,
      localPort,
      remoteAddress: "192.0.2.1",
      remotePort: 5,
      userId: undefined,
    })?.identity.id;

  test("by address, else by wildcard; `::` takes IPv4 as well", () => {
    sampler.sample([listener(1, "127.0.0.1"), listener(2, "0.0.0.0")]);
    expect([of("127.0.0.1"), of("192.0.2.7"), of("2001:db8::1"), of("127.0.0.1", 80)]).toEqual([
      "tcp:1",
      "tcp:2",
      undefined,
      undefined,
    ]);
    sampler = new TableSampler();
    sampler.sample([listener(3, "::")]);
    expect([of("127.0.0.1"), of("2001:db8::1")]).toEqual(["tcp:3", "tcp:3"]);
    sampler.sample([]);
    expect(of("127.0.0.1")).toBeUndefined();
  });
});
