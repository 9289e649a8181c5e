/** Rows of the kernel programs become the rows of the monitor: under which names, with whose bytes, and how exact. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { ProcessRegistry } from "../../../../src/capture/helper/process-registry.ts";
import { RowTable, type Rows, type Taken } from "../../../../src/capture/helper/row-table.ts";
import { SOCKET_FLAGS } from "../../../../src/decode/ebpf-records.ts";
import type { SocketSample } from "../../../../src/model/flow.ts";
import { isPartOfSocket, socketIdOf } from "../../../../src/model/flow.ts";
import {
  bytesRows,
  OWN_NAMESPACE,
  rowsOf,
  socketRows,
  STATES,
  TICK_NS,
  UDP,
  udpRow,
} from "../../../support/helper-rows.ts";

const PARENT = [100, 5 * TICK_NS] as const;
const CHILD = [200, 7 * TICK_NS + 3] as const;
const PARENT_KEY = "boot:100:5";
const CHILD_KEY = "boot:200:7";

function tableOf(): { table: RowTable; take: (parts: Partial<Rows>, isFirst?: boolean) => Taken } {
  const table = new RowTable(new ProcessRegistry("boot", 100), OWN_NAMESPACE);
  const take = (parts: Partial<Rows>, isFirst = false): Taken =>
    table.take(rowsOf(parts), { isWhole: false, observation: isFirst ? "now" : "before", nowMs: 50_000 });
  return { table, take };
}

/** What a test looks at. */
function brief(samples: readonly SocketSample[]): unknown[] {
  return samples.map(({ identity, counters, owners, attribution }) => [
    identity.id,
    counters.bytesSent,
    counters.bytesReceived,
    counters.uncertaintyBytes,
    owners,
    attribution,
    identity.opener,
  ]);
}

describe("a TCP connection", () => {
  test("is one row under sock_diag's name, with what it carried before and what its process moved", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 77, flags: SOCKET_FLAGS.existed, base: [1000, 2000], opener: PARENT }),
      bytes: bytesRows({ cookie: 77, actor: PARENT, sent: 5, received: 7 }),
    });
    expect(table.samples()).toEqual([
      {
        identity: {
          id: "tcp:77",
          protocol: "tcp",
          localAddress: "192.0.2.10",
          localPort: 40_000,
          remoteAddress: "198.51.100.7",
          remotePort: 443,
          userId: 1000,
        },
        state: "established",
        counters: { bytesSent: 1005, bytesReceived: 2007, meaning: "payload", uncertaintyBytes: 0 },
        owners: [PARENT_KEY],
        attribution: "exact",
        observedFrom: { bytesSent: 1000, bytesReceived: 2000 },
      },
    ]);
  });

  test("of a passed socket names the opener beside the actor; a second actor has a row of its own", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 1, opener: PARENT }),
      bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 10 }),
    });
    expect(brief(table.samples())).toEqual([["tcp:1", 10, 0, 0, [CHILD_KEY], "exact", PARENT_KEY]]);
    take({ bytes: bytesRows({ cookie: 1, actor: PARENT, sent: 1, received: 2 }) });
    expect(brief(table.samples())).toEqual([
      ["tcp:1", 10, 0, 0, [CHILD_KEY], "exact", PARENT_KEY],
      [`tcp:1@${PARENT_KEY}`, 1, 2, 0, [PARENT_KEY], "exact", undefined],
    ]);
  });

  test("is its opener's in the first place, in whatever order the rows come", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 1, opener: PARENT }),
      bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 10 }, { cookie: 1, actor: PARENT, sent: 3 }),
    });
    expect(brief(table.samples())).toEqual([
      ["tcp:1", 3, 0, 0, [PARENT_KEY], "exact", undefined],
      [`tcp:1@${CHILD_KEY}`, 10, 0, 0, [CHILD_KEY], "exact", PARENT_KEY],
    ]);
  });

  test("that nobody has used is its opener's, or nobody's", () => {
    const { table, take } = tableOf();
    take({ sockets: socketRows({ cookie: 1, opener: PARENT }, { cookie: 2, flags: SOCKET_FLAGS.accepted }) });
    expect(brief(table.samples())).toEqual([
      ["tcp:1", 0, 0, 0, [PARENT_KEY], "exact", undefined],
      ["tcp:2", 0, 0, 0, [], "unknown", undefined],
    ]);
  });

  test("of the kernel itself has no owner, and takes no place from the opener", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 1 }, { cookie: 2, opener: PARENT }),
      bytes: bytesRows({ cookie: 1, actor: [0, 0], sent: 4 }, { cookie: 2, actor: [0, 0], sent: 6 }),
    });
    expect(brief(table.samples())).toEqual([
      ["tcp:1", 4, 0, 0, [], "unknown", undefined],
      ["tcp:2", 0, 0, 0, [PARENT_KEY], "exact", undefined],
      ["tcp:2@kernel", 6, 0, 0, [], "unknown", PARENT_KEY],
    ]);
  });

  test("is a lower bound where it was met late, is kTLS, or a call's return was lost", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows(
        { cookie: 1, flags: SOCKET_FLAGS.late, base: [9, 9] },
        { cookie: 2, flags: SOCKET_FLAGS.returns, calls: 1 },
        { cookie: 3, flags: SOCKET_FLAGS.tls },
        { cookie: 4, flags: SOCKET_FLAGS.returns, calls: 0 },
      ),
      bytes: bytesRows(
        { cookie: 1, actor: CHILD, sent: 4 },
        { cookie: 2, actor: CHILD, sent: 6 },
        { cookie: 3, actor: CHILD, sent: 7 },
        { cookie: 4, actor: CHILD, sent: 8 },
      ),
    });
    expect(table.samples().map(({ counters }) => [counters.bytesSent, counters.uncertaintyBytes])).toEqual([
      [4, undefined],
      [6, undefined],
      [7, undefined],
      [8, 0],
    ]);
  });

  test("keeps its ends when the kernel forgets them, and is told once when it is closed", () => {
    const { table, take } = tableOf();
    take({ sockets: socketRows({ cookie: 1 }), bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 4 }) });
    const closing = {
      closedSockets: socketRows({
        cookie: 1,
        state: STATES.close,
        local: ["192.0.2.10", 0],
        closedNs: 400_000_000,
      }),
      closedBytes: bytesRows({ cookie: 1, actor: CHILD, sent: 9 }),
    };
    const { closed } = take(closing);
    expect(
      closed.map((row) => [row.identity.localPort, row.state, row.counters.bytesSent, row.closedAtMs]),
    ).toEqual([[40_000, "closed", 9, 49_400]]);
    expect(table.samples()).toEqual([]);
    expect(take(closing).closed).toEqual([]);
    expect(table.socketCount).toBe(0);
  });

  test("that began and ended between two answers is told with its process", () => {
    const { take } = tableOf();
    const { closed } = take({
      closedSockets: socketRows({ cookie: 3, opener: CHILD, closedNs: 1_000_000_000 }),
      closedBytes: bytesRows({ cookie: 3, actor: CHILD, sent: 1, received: 2 }),
    });
    expect(brief(closed)).toEqual([["tcp:3", 1, 2, 0, [CHILD_KEY], "exact", undefined]]);
    expect(closed[0]?.observedFrom).toEqual({ bytesSent: 0, bytesReceived: 0 });
  });

  test("is another one when the same socket is connected anew", () => {
    const { table, take } = tableOf();
    take({ sockets: socketRows({ cookie: 1 }), bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 100 }) });
    const { closed } = take({
      sockets: socketRows({ cookie: 1, remote: ["203.0.113.5", 80] }),
      bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 130 }),
    });
    expect(
      closed.map(({ identity, counters }) => [identity.id, identity.remotePort, counters.bytesSent]),
    ).toEqual([["tcp:1", 443, 100]]);
    expect(
      table.samples().map(({ identity, counters }) => [identity.id, identity.remotePort, counters.bytesSent]),
    ).toEqual([["tcp:1#1", 80, 30]]);
  });
});

describe("other sockets", () => {
  test("each remote end of an unconnected one has a row; its process's own row is the socket's", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows(udpRow({ cookie: 9, opener: PARENT })),
      bytes: bytesRows(
        { cookie: 9, actor: PARENT, peer: ["203.0.113.5", 53], sent: 40, received: 90 },
        { cookie: 9, actor: PARENT, peer: ["2001:db8::1", 53], sent: 1 },
        { cookie: 9, actor: CHILD, peer: ["203.0.113.5", 53], received: 5 },
        { cookie: 9, actor: PARENT, sent: 3 },
      ),
    });
    const rows = table.samples();
    expect(
      rows.map(({ identity, counters, state }) => [
        identity.id,
        identity.remoteAddress,
        identity.remotePort,
        counters.bytesSent,
        counters.bytesReceived,
        state,
      ]),
    ).toEqual([
      ["udp:9", "0.0.0.0", 0, 3, 0, "unconnected"],
      ["udp:9>203.0.113.5:53", "203.0.113.5", 53, 40, 90, "unconnected"],
      ["udp:9>2001:db8::1:53", "2001:db8::1", 53, 1, 0, "unconnected"],
      [`udp:9@${CHILD_KEY}>203.0.113.5:53`, "203.0.113.5", 53, 0, 5, "unconnected"],
    ]);
    expect(rows.map(({ identity }) => isPartOfSocket(identity.id))).toEqual([false, true, true, true]);
    expect(new Set(rows.map(({ identity }) => socketIdOf(identity.id)))).toEqual(new Set(["udp:9"]));
  });

  test("that were there before are lower bounds; their protocols are told apart", () => {
    const { table, take } = tableOf();
    const kinds = [
      { cookie: 1, protocol: UDP, type: 2, flags: SOCKET_FLAGS.existed },
      { cookie: 2, protocol: 262, type: 1 },
      { cookie: 3, protocol: 136, type: 2 },
      { cookie: 4, protocol: 132, type: 1 },
      { cookie: 5, protocol: 33, type: 6 },
      { cookie: 6, protocol: 1, type: 2 },
      { cookie: 7, protocol: 58, type: 2 },
      { cookie: 8, protocol: 1, type: 3 },
      { cookie: 9, protocol: 89, type: 3 },
    ];
    take({ sockets: socketRows(...kinds) });
    expect(table.samples().map(({ identity, counters }) => [identity.id, counters.uncertaintyBytes])).toEqual(
      [
        ["udp:1", undefined],
        ["mptcp:2", 0],
        ["udplite:3", 0],
        ["sctp:4", 0],
        ["dccp:5", 0],
        ["icmp:6", 0],
        ["icmp:7", 0],
        ["raw:8", 0],
        ["raw:9", 0],
      ],
    );
  });

  test("that were never bound, connected or used are not shown", () => {
    const { table, take } = tableOf();
    const unbound = { local: ["0.0.0.0", 0], remote: ["0.0.0.0", 0], state: STATES.close } as const;
    take({
      sockets: socketRows(
        { cookie: 1, ...unbound },
        { cookie: 2, protocol: UDP, ...unbound },
        { cookie: 3, ...unbound, local: ["0.0.0.0", 8080] },
        { cookie: 4, ...unbound, local: ["0.0.0.0", 8080], state: STATES.listen },
        { cookie: 5, protocol: UDP, ...unbound },
      ),
      bytes: bytesRows({ cookie: 5, actor: CHILD, sent: 1 }),
    });
    expect(table.samples().map(({ identity }) => identity.id)).toEqual(["tcp:4", "udp:5"]);
    expect(take({ closedSockets: socketRows({ cookie: 1, ...unbound, closedNs: 5 }) }).closed).toEqual([]);
  });

  test("that listened are told to be closed, although they are no listeners any more when they end", () => {
    const { table, take } = tableOf();
    const ends = { cookie: 4, local: ["0.0.0.0", 8080], remote: ["0.0.0.0", 0] } as const;
    take({ sockets: socketRows({ ...ends, state: STATES.listen, opener: PARENT }) });
    const { closed } = take({
      closedSockets: socketRows({ ...ends, state: STATES.close, opener: PARENT, closedNs: 5 }),
    });
    expect(brief(closed)).toEqual([["tcp:4", 0, 0, 0, [PARENT_KEY], "exact", undefined]]);
    expect(table.samples()).toEqual([]);
  });

  test("of other network namespaces say so, and may have the same cookie", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 1 }, { cookie: 1, netns: 4_026_532_000 }),
      bytes: bytesRows({ cookie: 1, netns: 4_026_532_000, actor: CHILD, sent: 8 }),
    });
    const rows = table
      .samples()
      .map(({ identity, counters }) => [identity.id, identity.networkNamespace, counters.bytesSent]);
    expect(rows).toContainEqual(["tcp:1", undefined, 0]);
    expect(rows).toContainEqual(["tcp:1%4026532000", 4_026_532_000, 8]);
    expect(rows).toHaveLength(2);
  });
});

describe("an answer", () => {
  test("that names nothing leaves every sample the same object", () => {
    const { table, take } = tableOf();
    take({
      sockets: socketRows({ cookie: 1 }, udpRow({ cookie: 2 })),
      bytes: bytesRows(
        { cookie: 1, actor: CHILD, sent: 1 },
        { cookie: 2, actor: CHILD, peer: ["192.0.2.1", 1], sent: 1 },
      ),
    });
    const before = table.samples();
    take({});
    take({ sockets: socketRows({ cookie: 1 }), bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 1 }) });
    const after = table.samples();
    expect(after.length).toBe(3);
    for (const [index, sample] of after.entries()) expect(sample).toBe(before[index] as SocketSample);
  });

  test("that is the first of all begins the observation at what is known", () => {
    const { table, take } = tableOf();
    take(
      { sockets: socketRows({ cookie: 1 }), bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 50 }) },
      true,
    );
    take({ bytes: bytesRows({ cookie: 1, actor: CHILD, sent: 60 }, { cookie: 1, actor: PARENT, sent: 9 }) });
    expect(table.samples().map(({ observedFrom }) => observedFrom?.bytesSent)).toEqual([50, 0]);
  });

  test("that is whole ends what it leaves out", () => {
    const { table, take } = tableOf();
    take({ sockets: socketRows({ cookie: 1 }, { cookie: 2 }) });
    const whole = rowsOf({ sockets: socketRows({ cookie: 2 }) });
    table.take(whole, { isWhole: true, observation: "before", nowMs: 1 });
    expect(table.samples().map(({ identity }) => identity.id)).toEqual(["tcp:2"]);
  });

  test("with bytes of a closed socket that is not known counts them as missed", () => {
    const { take } = tableOf();
    const { strayRows, strayBytes } = take({
      bytes: bytesRows({ cookie: 4, actor: CHILD, sent: 100 }),
      closedBytes: bytesRows({ cookie: 5, actor: CHILD, sent: 7, received: 8 }),
    });
    expect([strayRows, strayBytes]).toEqual([1, 15]);
  });

  test("of whatever bytes never throws", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.uint8Array({ maxLength: 500 }), (sockets, bytes) => {
        const { table, take } = tableOf();
        take({ sockets, bytes, closedSockets: sockets, closedBytes: bytes });
        take({ sockets, bytes });
        table.samples();
      }),
    );
  });

  test("of many rows finds each again: sums are those of the rows", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.record({
            cookie: fc.nat(5),
            pid: fc.integer({ min: 1, max: 4 }),
            peer: fc.nat(3),
            sent: fc.nat(1e9),
          }),
          { maxLength: 60 },
        ),
        (list) => {
          const { table, take } = tableOf();
          const truth = new Map<string, number>();
          take({ sockets: socketRows(...[0, 1, 2, 3, 4, 5].map((cookie) => udpRow({ cookie }))) });
          for (const { cookie, pid, peer, sent } of list) {
            const name = `${cookie} ${pid} ${peer}`;
            const total = (truth.get(name) ?? 0) + sent;
            truth.set(name, total);
            const end = peer === 0 ? {} : { peer: ["192.0.2.1", peer] as const };
            take({ bytes: bytesRows({ cookie, actor: [pid, pid * TICK_NS], sent: total, ...end }) });
          }
          const sum = table.samples().reduce((all, { counters }) => all + (counters.bytesSent ?? 0), 0);
          expect(sum).toBe([...truth.values()].reduce((all, each) => all + each, 0));
          expect(new Set(table.samples().map(({ identity }) => identity.id)).size).toBe(
            table.samples().length,
          );
        },
      ),
    );
  });
});
