/** The socket table, driven with records as the kernel sends them: every row once, with final counters as exact as can be. */
import { beforeEach, describe, expect, test } from "bun:test";
import type { SocketSample } from "../../../../src/model/flow.ts";
import { diagRecord } from "../../../support/diag-message.ts";
import {
  clientEnds,
  CLOSE,
  counts,
  ESTABLISHED,
  LISTEN,
  remoteEnds,
  serverEnds,
  TableSampler,
  TCP,
  UDP,
  WINDOW,
} from "../../../support/table-sampler.ts";

let sampler: TableSampler;

beforeEach(() => {
  sampler = new TableSampler();
});

describe("live sockets", () => {
  test("a connection's payload, and the same objects while nothing changes", () => {
    const connection = {
      cookie: 5,
      state: ESTABLISHED,
      inode: 77,
      userId: 1000,
      ...clientEnds,
      info: { acked: 101, sent: 150, retransmitted: 50, received: 9 },
    };
    const [first] = sampler.sample([connection]).live;
    expect(first).toEqual({
      identity: {
        id: "tcp:5",
        protocol: "tcp",
        localAddress: "127.0.0.1",
        localPort: 40_000,
        remoteAddress: "127.0.0.1",
        remotePort: 443,
        userId: 1000,
      },
      state: "established",
      counters: { bytesSent: 100, bytesReceived: 9, meaning: "payload", uncertaintyBytes: 0 },
      owners: [],
      attribution: "unknown",
    });
    expect(sampler.sample([connection]).live[0]).toBe(first as SocketSample);
    const changed = sampler.sample([{ ...connection, info: { ...connection.info, received: 10 } }]).live[0];
    expect(counts(changed)).toEqual([100, 10, 0]);
    expect(changed?.identity).toBe(first?.identity as SocketSample["identity"]);
  });

  test("a SYN that should be in bytes_acked and is not may be hidden by a byte that was dropped", () => {
    const told = (ends: object, acked: number): unknown[] => {
      sampler = new TableSampler();
      const connection = { cookie: 5, state: ESTABLISHED, inode: 1, ...ends, info: { acked, sent: 20 } };
      return counts(sampler.sample([connection]).live[0]);
    };
    expect(told(clientEnds, 21)).toEqual([20, 0, 0]); // opened here, by the ports and by the SYN
    expect(told(clientEnds, 20)).toEqual([20, 0, 1]); // 19 and the SYN, or 20
    expect(told(serverEnds, 20)).toEqual([20, 0, 0]); // opened by the peer
  });

  test("the peer's FIN is not payload", () => {
    const base = { cookie: 5, ...clientEnds, info: { acked: 5, sent: 4, received: 10 } };
    for (const [state, received] of [
      [ESTABLISHED, 10],
      [5, 10],
      [8, 9],
      [9, 9],
      [11, 9],
    ] as const) {
      expect(counts(sampler.sample([{ ...base, state, inode: 1 }]).live[0])).toEqual([4, received, 0]);
    }
  });

  test("a listener, a request and UDP have no counters", () => {
    sampler.table.beginDump(0);
    sampler.table.see(
      diagRecord({ cookie: 1, state: LISTEN, local: serverEnds.local, remote: ["0.0.0.0", 0], info: {} }),
      TCP,
    );
    sampler.table.see(diagRecord({ cookie: 2, state: 3, ...serverEnds }), TCP);
    sampler.table.see(diagRecord({ cookie: 3, state: 7, local: ["::1", 53], remote: ["::", 0] }), UDP);
    sampler.table.see(diagRecord({ cookie: 4, state: 1, ...clientEnds }), UDP);
    sampler.table.endDump(0);
    const live = [...sampler.table.live()].map((socket) => socket.sample());
    expect(live.map(({ identity, state, counters }) => [identity.id, state, counters.meaning])).toEqual([
      ["tcp:1", "listen", "none"],
      ["tcp:2", "syn_received", "none"],
      ["udp:3", "unconnected", "none"],
      ["udp:4", "connected", "none"],
    ]);
  });

  test("a request and the connection that comes of it are one row", () => {
    const request = { cookie: 9, state: 3, ...serverEnds };
    expect(sampler.sample([request]).live).toHaveLength(1);
    const connection = { ...request, state: ESTABLISHED, inode: 4, userId: 7, info: { received: 3 } };
    const { live, closed } = sampler.sample([connection]);
    expect(live.map((row) => [row.identity.id, row.identity.userId, counts(row)].flat())).toEqual([
      ["tcp:9", 7, 0, 3, 0],
    ]);
    expect(closed).toEqual([]);
    expect(sampler.sample([]).vanished).toBe(1);
  });

  test("a request that comes to nothing leaves nothing", () => {
    sampler.sample([{ cookie: 9, state: 3, ...serverEnds }]);
    expect(sampler.sample([])).toEqual({ live: [], closed: [], vanished: 0, erased: 0 });
  });

  test("the same socket connected anew is another row", () => {
    sampler.sample([{ cookie: 5, state: ESTABLISHED, inode: 1, ...clientEnds, info: { sent: 8 } }]);
    const { live, closed } = sampler.sample([
      {
        cookie: 5,
        state: ESTABLISHED,
        inode: 1,
        local: clientEnds.local,
        remote: ["192.0.2.1", 80],
        info: { acked: 3, sent: 2 },
      },
    ]);
    expect(closed.map((row) => [row.identity.id, counts(row)].flat())).toEqual([["tcp:5", 8, 0, undefined]]);
    expect(live.map((row) => [row.identity.id, row.identity.remoteAddress, counts(row)].flat())).toEqual([
      ["tcp:5#1", "192.0.2.1", 2, 0, 0],
    ]);
  });
});

describe("segments that the local queue dropped, which the kernel counts twice", () => {
  const busy = { cookie: 5, state: ESTABLISHED, inode: 1, ...clientEnds };

  test("what was told too high while they were in flight stays, as uncertain, and the end is exact", () => {
    const dropped = { acked: 10_000, sent: 90_000, unacked: 4, sendMss: 1000 };
    expect(counts(sampler.sample([{ ...busy, info: dropped }]).live[0])).toEqual([15_000, 0, 5000]);
    const quiet = { acked: 12_001, sent: 92_000 };
    expect(counts(sampler.sample([{ ...busy, info: quiet }]).live[0])).toEqual([15_000, 0, 3000]);
    const more = { acked: 20_001, sent: 100_000 };
    expect(counts(sampler.sample([{ ...busy, info: more }]).live[0])).toEqual([20_001, 0, 1]);
    const notice = { ...busy, state: CLOSE, info: { acked: 20_002, sent: 100_000, received: 0 } };
    expect(sampler.sample([], [notice]).closed.map(counts)).toEqual([[20_000, 0, 1]]);
  });
});

describe("closing", () => {
  const clientNotice = {
    cookie: 5,
    state: CLOSE,
    ...clientEnds,
    receiveQueue: 1,
    info: { acked: 1002, sent: 1000, received: 301 },
  };
  const serverNotice = {
    cookie: 6,
    state: CLOSE,
    ...serverEnds,
    info: { acked: 301, sent: 300, received: 1001 },
  };

  test("both ends here, never seen alive: each proves the other's FIN", () => {
    const { live, closed } = sampler.sample([], [serverNotice, clientNotice]);
    expect(live).toEqual([]);
    expect(closed.map((row) => [row.identity.id, counts(row), row.state].flat())).toEqual([
      ["tcp:6", 300, 1000, 0, "closed"],
      ["tcp:5", 1000, 300, 0, "closed"],
    ]);
  });

  test("a doubtful count is told, and told again when the other end proves it", () => {
    const doubtful = { ...serverNotice, info: { ...serverNotice.info, acked: 300 } };
    const first = sampler.sample([], [doubtful]);
    expect(first.closed.map(counts)).toEqual([[300, 1001, 1]]);
    const second = sampler.sample([], [clientNotice]);
    expect(second.closed.map((row) => [row.identity.id, counts(row)].flat())).toEqual([
      ["tcp:5", 1000, 300, 0],
      ["tcp:6", 300, 1000, 0],
    ]);
    expect(sampler.sample([]).closed).toEqual([]);
  });

  test("the other end that still lives proves it too", () => {
    const waiting = { cookie: 6, state: 8, inode: 3, ...serverEnds, info: { sent: 300, received: 1001 } };
    const { closed } = sampler.sample(
      [waiting],
      [{ ...clientNotice, receiveQueue: 0, info: { ...clientNotice.info, received: 300 } }],
    );
    expect(closed.map(counts)).toEqual([[1000, 300, 0]]);
  });

  test("a remote peer's FIN, by the state in the dump before", () => {
    const ends = remoteEnds;
    sampler.sample([
      { cookie: 5, state: 8, inode: 1, ...ends, info: { acked: 1001, sent: 1000, received: 301 } },
    ]);
    const { closed } = sampler.sample([], [{ ...clientNotice, ...ends, receiveQueue: 0 }]);
    expect(closed.map(counts)).toEqual([[1000, 300, 0]]);
  });

  test("the minisocket of a told connection is no row, with the same cookie or another", () => {
    const ends = remoteEnds;
    const notice = {
      ...clientNotice,
      ...ends,
      receiveQueue: 0,
      info: { ...clientNotice.info, received: 300 },
    };
    const minisocket = { cookie: 99, state: 5, ...ends, expires: 59_900 };
    const { live, closed } = sampler.sample([minisocket], [notice]);
    expect(live).toEqual([]);
    expect(closed.map((row) => [row.identity.id, counts(row), row.state].flat())).toEqual([
      ["tcp:5", 1000, 300, 0, "closed"],
    ]);
    const later = sampler.sample([{ ...minisocket, state: 6 }]);
    expect(later.live).toEqual([]);
    expect(later.closed.map((row) => [row.identity.id, row.state, counts(row)].flat())).toEqual([
      ["tcp:5", "time_wait", 1000, 300, 0],
    ]);
    expect(sampler.sample([{ ...minisocket, state: 6 }])).toEqual({
      live: [],
      closed: [],
      vanished: 0,
      erased: 0,
    });
  });

  test("a minisocket that a dump saw before the notice: TIME_WAIT proves no FIN, FIN_WAIT2 that none was counted", () => {
    const alive = {
      cookie: 5,
      state: ESTABLISHED,
      inode: 1,
      ...remoteEnds,
      info: { acked: 1001, sent: 1000 },
    };
    const notice = { ...clientNotice, ...remoteEnds, receiveQueue: 0 };
    sampler.sample([alive]);
    sampler.sample([{ cookie: 5, state: 6, ...remoteEnds, expires: 59_900 }]);
    expect(sampler.sample([], [notice]).closed.map(counts)).toEqual([[1000, 301, 1]]);
    sampler.sample([{ ...alive, cookie: 7 }]);
    sampler.sample([{ cookie: 7, state: 5, ...remoteEnds, expires: 59_900 }]);
    expect(sampler.sample([], [{ ...notice, cookie: 7 }]).closed.map(counts)).toEqual([[1000, 301, 0]]);
  });

  test("a prompt look that finds the minisocket waiting decides; one that finds it in TIME_WAIT later changes nothing", () => {
    const notice = { ...clientNotice, ...remoteEnds, receiveQueue: 0 };
    sampler.table.onUndecided = (closing) => {
      sampler.table.leftWaiting(closing, diagRecord({ cookie: 99, state: 5, ...remoteEnds }));
    };
    const minisocket = { cookie: 99, state: 6, ...remoteEnds, expires: 59_900 };
    expect(sampler.sample([minisocket], [notice]).closed.map(counts)).toEqual([[1000, 301, 0]]);
    expect(sampler.sample([minisocket]).closed.map(counts)).toEqual([]);
  });

  test("no look is asked for where it could prove nothing: an unread FIN, a local peer, nothing received", () => {
    let asked = 0;
    sampler.table.onUndecided = () => {
      asked += 1;
    };
    const notice = { ...clientNotice, ...remoteEnds, receiveQueue: 0 };
    sampler.sample([], [{ ...clientNotice, ...remoteEnds }, serverNotice]);
    sampler.sample([], [{ ...notice, cookie: 8, info: { ...notice.info, received: 0 } }]);
    expect(asked).toBe(0);
    sampler.sample([], [{ ...notice, cookie: 9 }]);
    expect(asked).toBe(1);
  });

  test("the notice of another connection on the same socket does not take the first one's place", () => {
    const alive = { cookie: 5, state: 8, inode: 1, ...remoteEnds, info: { acked: 9, sent: 8, received: 3 } };
    sampler.sample([alive]);
    const other = { ...clientNotice, ...remoteEnds, remote: ["192.0.2.99", 80] as const, receiveQueue: 0 };
    const { closed } = sampler.sample([], [other]);
    expect(closed.map((row) => [row.identity.remoteAddress, counts(row)].flat())).toEqual([
      [remoteEnds.remote[0], 8, 2, undefined],
      ["192.0.2.99", 1000, 300, 1],
    ]);
  });

  test("a minisocket that comes before the notice becomes the connection's row", () => {
    const minisocket = { cookie: 99, state: 6, ...clientEnds, expires: 59_900 };
    const first = sampler.sample([minisocket]);
    expect(first.live.map((row) => [row.identity.id, row.state, row.counters.meaning])).toEqual([
      ["tcp:99", "time_wait", "none"],
    ]);
    const second = sampler.sample([minisocket], [clientNotice, serverNotice]);
    expect(second.live).toEqual([]);
    expect(second.closed.map((row) => [row.identity.id, counts(row)].flat())).toEqual([
      ["tcp:99", 1000, 300, 0],
      ["tcp:6", 300, 1000, 0],
    ]);
  });

  test("a TIME_WAIT of before is one row, and ends without a loss", () => {
    const minisocket = { cookie: 99, state: 6, ...clientEnds };
    sampler.sample([minisocket]);
    expect(sampler.sample([minisocket]).live).toHaveLength(1);
    expect(sampler.sample([])).toEqual({ live: [], closed: [], vanished: 0, erased: 0 });
  });

  test("gone without a notice: a lower bound, told again when the notice comes", () => {
    sampler.sample([
      { cookie: 5, state: ESTABLISHED, inode: 1, ...clientEnds, info: { sent: 8, received: 2 } },
    ]);
    const gone = sampler.sample([]);
    expect(gone.vanished).toBe(1);
    expect(gone.closed.map((row) => [row.identity.id, row.state, counts(row)].flat())).toEqual([
      ["tcp:5", "closed", 8, 2, undefined],
    ]);
    const told = sampler.sample([], [clientNotice, serverNotice]);
    expect(told.closed.map((row) => [row.identity.id, counts(row)].flat())).toEqual([
      ["tcp:5", 1000, 300, 0],
      ["tcp:6", 300, 1000, 0],
    ]);
  });

  test("a notice during the dump: closed, not live", () => {
    const connection = {
      cookie: 5,
      state: ESTABLISHED,
      inode: 1,
      ...clientEnds,
      info: { sent: 8, received: 2 },
    };
    const { live, closed } = sampler.sample([connection], [], [clientNotice, serverNotice]);
    expect(live).toEqual([]);
    expect(closed.map((row) => row.identity.id)).toEqual(["tcp:5", "tcp:6"]);
  });

  test("sockets that were never connected are no rows", () => {
    const unused = { cookie: 8, state: CLOSE, remote: ["0.0.0.0", 0] as const };
    const { closed, erased } = sampler.sample(
      [],
      [
        { ...unused, local: ["0.0.0.0", 0], info: { advertisedMss: 0 } },
        {
          ...unused,
          cookie: 9,
          local: ["0.0.0.0", 58_324],
          sendQueue: 3,
          info: { advertisedMss: 65_495, notSent: 2 },
        },
        { ...unused, cookie: 10, local: ["127.0.0.1", 80], info: { advertisedMss: 0 } },
      ],
    );
    expect([closed, erased]).toEqual([[], 0]);
  });
});

test("one hundred thousand closings between two samples are told once each, in bounded time", () => {
  const began = performance.now();
  for (let index = 0; index < 100_000; index += 1) {
    sampler.table.close(
      diagRecord({
        cookie: index + 1,
        state: CLOSE,
        local: ["10.0.0.1", (index % 60_000) + 1],
        remote: [`192.0.${index % 250}.${Math.floor(index / 60_000)}`, 443],
        info: { acked: 12, sent: 10, received: 11 },
      }),
      TCP,
      1,
      WINDOW,
    );
  }
  const { closed } = sampler.sample([]);
  expect(closed).toHaveLength(100_000);
  expect(new Set(closed.map((row) => row.identity.id)).size).toBe(100_000);
  expect(performance.now() - began).toBeLessThan(60_000);
});
