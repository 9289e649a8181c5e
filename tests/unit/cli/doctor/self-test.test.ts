/** The proof of exactness must be able to fail: tried with a capture whose counts are made up. */
import { expect, test } from "bun:test";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

import { BACKWARD_BYTES, FORWARD_BYTES, selfTest } from "../../../../src/cli/doctor/self-test.ts";
import type { CaptureStatus } from "../../../../src/model/capture-status.ts";
import type { Batch, Capture } from "../../../../src/model/contracts.ts";
import type { SocketCounters, SocketSample } from "../../../../src/model/flow.ts";

interface Lie {
  readonly sent?: number;
  readonly received?: number;
  readonly counters?: Partial<SocketCounters>;
  readonly closedEnds?: number;
}

/** Finds the doctor's connection in /proc/net/tcp and tells the truth of it, plus the lie. */
class MadeUpCapture implements Capture {
  readonly #lie: Lie;
  /** Other tests' sockets that are still open: they are not the doctor's. */
  readonly #others = inodesOfThisProcess();
  #seen: SocketSample[] = [];

  constructor(lie: Lie) {
    this.#lie = lie;
  }

  status(): CaptureStatus {
    throw new Error("not asked for here");
  }

  async sample(): Promise<Batch> {
    const sockets = this.#connections();
    const closed = sockets.length === 0 ? this.#seen.slice(0, this.#lie.closedEnds) : [];
    if (sockets.length > 0) this.#seen = sockets;
    return {
      sampledAtMs: 0,
      monotonicMs: 0,
      sockets,
      closed: closed.map((sample) => Object.assign({}, sample, { closedAtMs: 0 })),
      processes: [],
      exited: [],
      usage: [],
      interfaces: [],
      loss: [],
      timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #connections(): SocketSample[] {
    const own = inodesOfThisProcess();
    const rows = readFileSync("/proc/self/net/tcp", "utf8")
      .split("\n")
      .slice(1)
      .map((line) => line.trim().split(/\s+/))
      .filter((columns) => columns[1]?.startsWith("0100007F") && own.has(columns[9] ?? ""))
      .filter((columns) => !this.#others.has(columns[9] ?? ""));
    const port = (column: string | undefined): number => Number.parseInt(column?.slice(9) ?? "", 16);
    const listening = new Set(
      rows.filter((columns) => columns[3] === "0A").map((columns) => port(columns[1])),
    );
    return rows
      .filter(
        (columns) =>
          columns[3] === "01" && (listening.has(port(columns[1])) || listening.has(port(columns[2]))),
      )
      .map((columns) => this.#told(port(columns[1]), port(columns[2]), listening.has(port(columns[1]))));
  }

  #told(localPort: number, remotePort: number, isServer: boolean): SocketSample {
    const { sent = 0, received = 0, counters } = this.#lie;
    return {
      identity: {
        id: `${localPort}`,
        protocol: "tcp",
        localAddress: "127.0.0.1",
        localPort,
        remoteAddress: "127.0.0.1",
        remotePort,
        userId: undefined,
      },
      state: "established",
      counters: {
        bytesSent: (isServer ? BACKWARD_BYTES : FORWARD_BYTES) + sent,
        bytesReceived: (isServer ? FORWARD_BYTES : BACKWARD_BYTES) + received,
        meaning: "payload",
        uncertaintyBytes: 0,
        ...counters,
      },
      owners: [],
      attribution: "exact",
    };
  }
}

/** Of open sockets: other programs may use loopback too. */
function inodesOfThisProcess(): Set<string> {
  const inodes = new Set<string>();
  for (const descriptor of readdirSync("/proc/self/fd")) {
    try {
      const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/self/fd/${descriptor}`))?.[1];
      if (inode !== undefined) inodes.add(inode);
    } catch {
      // The descriptor by which the directory was read is closed by now.
    }
  }
  return inodes;
}

test("the truth is found exact at both ends, alive and closed", async () => {
  const exact = { ends: 2, countedEnds: 2, offBytes: 0, declaredBytes: 0, meaning: "payload" };
  expect(await selfTest(new MadeUpCapture({}))).toMatchObject({ live: exact, closed: exact });
});

test("every byte off is found, in either direction", async () => {
  const { live } = await selfTest(new MadeUpCapture({ sent: 1, received: -2 }));
  expect(live).toMatchObject({ offBytes: 6, declaredBytes: 0 });
});

test("what is declared is kept apart from what is off; what is not counted is not exact", async () => {
  const declared = await selfTest(new MadeUpCapture({ sent: 1, counters: { uncertaintyBytes: 1 } }));
  expect(declared.live).toMatchObject({ offBytes: 2, declaredBytes: 2 });
  const unknown = await selfTest(new MadeUpCapture({ counters: { uncertaintyBytes: undefined } }));
  expect(unknown.live.declaredBytes).toBeUndefined();
  const none = { bytesSent: undefined, bytesReceived: undefined, meaning: "none" as const };
  const uncounted = await selfTest(new MadeUpCapture({ counters: none }));
  expect(uncounted.live).toMatchObject({ ends: 2, countedEnds: 0, offBytes: undefined, meaning: "none" });
});

test("an end whose close is never told is missed, after a bounded time", async () => {
  const { closed, noticeMs } = await selfTest(new MadeUpCapture({ closedEnds: 1 }), 200);
  expect(closed).toMatchObject({ ends: 1, offBytes: undefined });
  expect(noticeMs).toBeLessThan(20_000);
});
