/** Near the limit of open files: connections are given up after their answer, what waits is refused, what is kept is closed. */
import { connect, type TLSSocket } from "node:tls";
import { once } from "node:events";
import { describe, expect, test } from "bun:test";
import { AGENT_PATHS } from "../../../../src/protocol/fleet/paths.ts";
import type { App } from "../../../../src/server/context.ts";
import { OpenFiles } from "../../../../src/server/http/open-files.ts";
import { bareServer } from "../../../support/fleet/bare-server.ts";
import { waitFor } from "../../../support/wait-for.ts";

describe("open files", () => {
  test("are counted again after a moment, and press once few are left", () => {
    let nowMs = 0;
    let used = 900;
    const files = new OpenFiles(
      () => nowMs,
      1000,
      () => used,
    );
    const after = (count: number): string => {
      used = count;
      nowMs += 50;
      return files.pressure;
    };
    expect(files.pressure).toBe("none");
    used = 999;
    expect(files.pressure).toBe("none");
    expect([after(999), after(968), after(967), after(991), after(992), after(1000), after(10)]).toEqual([
      "full",
      "tight",
      "none",
      "tight",
      "full",
      "full",
      "none",
    ]);
    expect([files.agentsMax, files.waitingMax]).toEqual([484, 936]);
    expect(
      new OpenFiles(
        () => 0,
        20_000,
        () => 0,
      ).agentsMax,
    ).toBe(9750);
    expect(
      new OpenFiles(
        () => 0,
        10,
        () => 10,
      ).agentsMax,
    ).toBe(0);
  });

  test("of this process are known", () => {
    const files = new OpenFiles(() => performance.now());
    expect(files.used).toBeGreaterThan(2);
    expect(files.used).toBeLessThan(files.limit ?? Number.POSITIVE_INFINITY);
  });
});

const LIMIT = 1000;

function routes(app: App, waits: Promise<void>): void {
  app.get("/at-once", (c) => c.json({}));
  app.get(AGENT_PATHS.commands, async (c) => {
    await waits;
    return c.json({});
  });
}

/** A connection that is kept, as agents keep theirs. */
async function keeping(port: number): Promise<{ socket: TLSSocket; ask(path: string): Promise<string> }> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  socket.on("error", () => undefined);
  await once(socket, "secureConnect");
  const ask = async (path: string): Promise<string> => {
    socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    const [chunk] = (await once(socket, "data")) as [Buffer];
    return chunk.toString("latin1").toLowerCase();
  };
  return { socket, ask };
}

test("a server that has few left keeps no connection, and lets only so many wait", async () => {
  let used = 0;
  const { promise: waits, resolve: answer } = Promise.withResolvers<void>();
  const files = new OpenFiles(
    () => performance.now(),
    LIMIT,
    () => used,
  );
  let waitingMax = 1;
  Object.defineProperty(files, "waitingMax", { get: () => waitingMax });
  await using server = await bareServer((app) => routes(app, waits), { listen: { files } });
  const one = await keeping(server.port);
  const two = await keeping(server.port);
  const three = await keeping(server.port);
  expect(await one.ask("/at-once")).not.toContain("connection: close");
  const kept = await keeping(server.port);
  await kept.ask("/at-once");
  const first = two.ask(AGENT_PATHS.commands);
  await waitFor("the first to wait", () => (server.pending === 1 ? true : undefined));

  used = LIMIT - 32;
  await waitFor("the next count", () => (files.pressure === "tight" ? true : undefined));
  const refused = await three.ask(AGENT_PATHS.commands);
  expect(refused).toStartWith("http/1.1 503");
  expect(refused).toContain("connection: close");
  expect(refused).toContain("retry-after: 30");
  const closing = once(one.socket, "close");
  expect(await one.ask("/at-once")).toMatch(/^http\/1.1 200[^]*connection: close/);
  await closing;

  // With room for those that wait nothing is refused; and who waits is not cut off when all others are.
  waitingMax = 10;
  const four = await keeping(server.port);
  const second = four.ask(AGENT_PATHS.commands);
  const gone = once(kept.socket, "close");
  used = LIMIT;
  await gone;
  answer();
  expect(await first).toStartWith("http/1.1 200");
  expect(await second).toStartWith("http/1.1 200");
  expect(server.lines.filter((line) => line.includes("files are open"))).toHaveLength(1);
}, 20_000);
