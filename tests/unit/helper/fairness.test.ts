/** What one user does to the others: the server with connections of many users, which a test can't really have. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { createLog } from "../../../src/helper/log.ts";
import type { PeerFacts } from "../../../src/helper/peers.ts";
import { whoGivesWay } from "../../../src/helper/quotas.ts";
import { HelperServer } from "../../../src/helper/server.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import { decodeResponse, encodeRequest } from "../../../src/protocol/helper/codec.ts";
import { clientMac, makeRandomBytes } from "../../../src/protocol/helper/handshake.ts";
import type { HelperResponse } from "../../../src/protocol/helper/messages.ts";
import type { FrameConnection } from "../../../src/protocol/helper/transport.ts";
import { ScriptedSource } from "../../support/helper-source.ts";

const SECRET = makeRandomBytes(32);
const GROUP = 77;

/** One end of a connection without a socket: what it was sent, and whether it was closed. */
class Client implements FrameConnection {
  readonly peer: { readonly pid: number; readonly userId: number; readonly groupId: number };
  readonly answers: HelperResponse[] = [];
  isClosed = false;
  waitingBytes = 0;
  /** Does not read: all that it is sent waits. */
  isStuck = false;
  readonly #world: World;

  constructor(world: World, userId: number, pid: number) {
    this.#world = world;
    this.peer = { pid, userId, groupId: GROUP };
  }

  send(frame: Uint8Array): boolean {
    if (this.isStuck) {
      this.waitingBytes += frame.length;
      return true;
    }
    const decoded = decodeResponse(frame);
    if (decoded.ok) this.answers.push(decoded.message);
    return true;
  }

  close(): void {
    this.isClosed = true;
  }

  get last(): HelperResponse | undefined {
    return this.answers.at(-1);
  }

  /** What the last answer was, or the code of the error that it was. */
  get outcome(): string | undefined {
    return this.last?.type === "error" ? this.last.code : this.last?.type;
  }

  authenticate(): this {
    const [challenge] = this.answers;
    if (challenge?.type !== "challenge") return this;
    const said = { version: 1, executable: "/wb", timestampMs: this.#world.clock.nowMs() };
    const request = {
      ...said,
      type: "authenticate",
      id: 1,
      pid: this.peer.pid,
      nonce: makeRandomBytes(32),
    } as const;
    const facts = {
      ...said,
      helperNonce: challenge.nonce,
      instance: challenge.instance,
      helperPid: challenge.pid,
      clientNonce: request.nonce,
      clientPid: request.pid,
    };
    this.#world.server.handlers.frame(this, encodeRequest({ ...request, mac: clientMac(SECRET, facts) }));
    return this;
  }

  look(processes: number): string | undefined {
    const granted = this.answers.find((answer) => answer.type === "authenticated");
    const token = granted?.type === "authenticated" ? granted.token : new Uint8Array(32);
    const pids = Array.from({ length: processes }, (_, index) => index + 1);
    const request = encodeRequest({ type: "processStats", id: 2, token, pids });
    this.#world.server.handlers.frame(this, request);
    return this.outcome;
  }
}

class World implements Disposable {
  readonly clock = new ManualClock(1_800_000_000_000);
  readonly log: string[] = [];
  readonly server: HelperServer;
  executable: "file" | "other" = "file";
  looked = 0;
  name = "x";
  #pid = 100;

  constructor() {
    const facts: PeerFacts = {
      startTicks: () => 1,
      groups: () => ({ userId: 1000, groupIds: [] }),
      executable: () => this.executable,
      isAncestor: () => true,
      rows: (pids) => {
        this.looked += pids.length;
        const row = { startTime: 1, parentPid: 1, userId: 1, name: this.name, path: undefined };
        return pids.map((pid) => ({ ...row, pid, commandLine: [], memoryBytes: 1, cpuTimeMs: 1 }));
      },
    };
    const { clock } = this;
    this.server = new HelperServer({
      source: new ScriptedSource(),
      secret: SECRET,
      access: { userIds: [], groupId: GROUP, clientPid: undefined },
      facts,
      clock,
      log: createLog({
        level: "info",
        form: "text",
        isJournal: false,
        clock,
        write: (line) => this.log.push(line),
      }),
      sessionLifetimeMs: 3_600_000,
    });
  }

  /** A connection of a new process of the user. */
  connect(userId: number): Client {
    this.#pid += 1;
    const client = new Client(this, userId, this.#pid);
    this.server.handlers.opened(client);
    return client;
  }

  session(userId: number): Client {
    return this.connect(userId).authenticate();
  }

  reasons(): string[] {
    return this.log
      .map((line) => /refused reason=(\w+)/.exec(line)?.[1] ?? "")
      .filter((reason) => reason !== "");
  }

  [Symbol.dispose](): void {
    this.server[Symbol.dispose]();
  }
}

describe("sessions", () => {
  test("of one user that has all of them make room for another user, the latest first", () => {
    using world = new World();
    const greedy = Array.from({ length: 10 }, () => world.session(1000));
    expect(world.session(1000).outcome).toBe("too_many_sessions");
    const others = [world.session(1001), world.session(0)];
    expect(others.map(({ outcome }) => outcome)).toEqual(["authenticated", "authenticated"]);
    expect(greedy.map(({ isClosed }) => isClosed)).toEqual([
      ...Array.from({ length: 8 }, () => false),
      true,
      true,
    ]);
    expect(greedy.at(-1)?.outcome).toBe("too_many_sessions");
    expect(world.log.filter((line) => line.includes("refused reason=gave_way")).length).toBe(2);
    // It is no game of turns: who gave way does not come back by the same door.
    expect(world.session(1000).outcome).toBe("too_many_sessions");
    expect(others.some(({ isClosed }) => isClosed)).toBe(false);
  });

  test("are shared out evenly in the end, and then nobody gives way", () => {
    const userIds = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 200 });
    fc.assert(
      fc.property(userIds, (arrivals) => {
        let held: { readonly userId: number; readonly number: number }[] = [];
        for (const [number, userId] of arrivals.entries()) {
          if (held.length === 10) {
            const gone = whoGivesWay(held, userId);
            if (gone === undefined) continue;
            held = held.filter((holder) => holder !== gone);
            const left = held.filter((holder) => holder.userId === gone.userId).length;
            expect(left).toBeGreaterThan(held.filter((holder) => holder.userId === userId).length);
          }
          held.push({ userId, number });
        }
        for (const userId of new Set(arrivals.slice(-1))) {
          const own = held.filter((holder) => holder.userId === userId).length;
          expect(own).toBeGreaterThan(0);
        }
      }),
    );
  });
});

describe("what is dear", () => {
  test("processes are looked at so often for one user, whatever its processes, and others are served", () => {
    using world = new World();
    const clients = [world.session(1000), world.session(1000)];
    const outcomes = Array.from({ length: 10 }, (_, index) => clients[index % 2]?.look(1000));
    expect(outcomes).toEqual([
      ...Array.from({ length: 4 }, () => "processStats"),
      ...Array.from({ length: 6 }, () => "rate_limited"),
    ]);
    expect(world.looked).toBe(4000);
    const refused = clients[1]?.last;
    expect(refused?.type === "error" && refused.retryAfterMs).toBe(1000);
    expect(world.session(1001).look(1000)).toBe("processStats");
    world.clock.advance(1000);
    expect(clients[0]?.look(1000)).toBe("processStats");
    expect(clients[0]?.look(1)).toBe("rate_limited");
  });

  test("a foreign executable, which may have to be read as a whole, costs as much as five attempts", () => {
    using world = new World();
    world.executable = "other";
    for (let count = 0; count < 6; count += 1) world.session(1000);
    expect(world.reasons()).toEqual([
      ...Array.from({ length: 4 }, () => "executable"),
      "too_many_attempts",
      "too_many_attempts",
    ]);
    world.executable = "file";
    expect(world.session(1001).outcome).toBe("authenticated");
  });

  test("sessions begin so often for one user, and then ten times in a second", () => {
    using world = new World();
    for (let count = 0; count < 100; count += 1) {
      const client = world.session(1000);
      expect(client.outcome).toBe("authenticated");
      world.server.handlers.closed(client, undefined);
    }
    expect([world.session(1000).outcome, world.session(1001).outcome]).toEqual([
      "rate_limited",
      "authenticated",
    ]);
    expect(world.reasons()).toEqual(["too_many_attempts"]);
    world.clock.advance(100);
    expect([world.session(1000).outcome, world.session(1000).outcome]).toEqual([
      "authenticated",
      "rate_limited",
    ]);
  });

  test("what waits for all clients together is bounded: who lets the most wait is cut off", () => {
    using world = new World();
    world.name = "x".repeat(30_000); // 30 MB an answer
    const clients = Array.from({ length: 4 }, (_, index) => world.session(1000 + index));
    for (const client of clients) client.isStuck = true;
    for (const client of clients) client.look(1000);
    expect(clients.map(({ isClosed }) => isClosed)).toEqual([true, false, false, false]);
    expect(world.reasons()).toEqual(["does_not_read"]);
  });
});
