/**
 * The transport over real sockets and with a real other process, compiled as the product is: frames cut anywhere, readers
 * that don't read, and what that costs.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import type { FrameConnection, FrameLimits } from "../../src/protocol/helper/transport.ts";
import { tmpdir, type TemporaryDirectory } from "../support/tmpdir.ts";
import { compilePeer, LIMITS, Peer, rawClient, Recorder } from "../support/unix-ends.ts";
import { waitFor } from "../support/wait-for.ts";

const MEGABYTE = 1 << 20;

/** Connects and closes for two seconds, as fast as it can; prints how often. */
const FLOOD = `
import { AF_UNIX, libc, SOCK_STREAM } from ${JSON.stringify(join(import.meta.dir, "../../ffi/linux/libc.ts"))};
const name = new TextEncoder().encode(process.argv[1]);
const address = new Uint8Array(2 + name.length + 1);
address.set([AF_UNIX, 0]);
address.set(name, 2);
const c = libc();
let count = 0;
for (const end = performance.now() + 2000; performance.now() < end; ) {
  const socket = c.socket(AF_UNIX, SOCK_STREAM, 0);
  if (c.connect(socket, address, address.length) === 0) count += 1;
  c.close(socket);
}
console.log(count);
`;

let tools: TemporaryDirectory;
let peerBinary: string;

beforeAll(async () => {
  tools = await tmpdir();
  peerBinary = await compilePeer(tools.path);
});

afterAll(() => tools[Symbol.asyncDispose]());

function numbered(size: number, index: number): Uint8Array {
  return new Uint8Array(size).map((_, position) => position * 31 + index);
}

describe("frames", () => {
  test("arrive whole however they were cut, and of one connection in order", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path);
    const client = await rawClient(path);
    const stream = Uint8Array.of(0, 0, 0, 2, 1, 2, 0, 0, 0, 1, 3, 0, 0, 0, 3, 4, 5, 6);
    for (const byte of stream) {
      expect(client.write(Uint8Array.of(byte))).toBe(1);
      // Lets the other end read: each byte comes as a chunk of its own.
      await new Promise((resolve) => setImmediate(resolve));
    }
    await waitFor("three frames", () => server.frames.length === 3);
    expect(server.frames.map((frame) => [...frame])).toEqual([[1, 2], [3], [4, 5, 6]]);
    client.end();
    expect(await server.closing()).toBe("because: ");
  });

  test("of megabytes go both ways through full buffers, unchanged", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path);
    const client = new Recorder();
    const up = await unixTransport.connect(path, LIMITS, client);
    const down = await server.opening(1);
    const sizes = [1, 16_384, 16_385, 3 * MEGABYTE, 5, 2 * MEGABYTE + 1];
    for (const [index, size] of sizes.entries()) {
      expect(up.send(numbered(size, index))).toBe(true);
      expect(down.send(numbered(size, index + 100))).toBe(true);
    }
    await waitFor("all frames", () => server.frames.length === 6 && client.frames.length === 6);
    up.close();
    expect(await server.closing()).toBe("because: ");
  });

  test("that are too long, empty or cut off close their connection and no other", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path, { receivedBytesMax: 65_536, waitingBytesMax: MEGABYTE });
    const good = await unixTransport.connect(path, LIMITS, new Recorder());
    const four = await rawClient(path);
    four.write(Uint8Array.of(255, 255, 255, 255, 1, 2, 3));
    expect(await server.closing(1)).toBe("because: a frame of 4294967295 bytes, where 65536 are allowed");
    const empty = await rawClient(path);
    empty.write(new Uint8Array(4));
    expect(await server.closing(2)).toBe("because: a frame without content");
    const cut = await rawClient(path);
    cut.write(Uint8Array.of(0, 0, 0, 9, 1));
    cut.end();
    expect(await server.closing(3)).toBe("because: it ended in the middle of a frame");
    expect(good.send(Uint8Array.of(7))).toBe(true);
    await waitFor("the good frame", () => server.frames.length === 1);
    expect(server.frames).toEqual([Uint8Array.of(7)]);
  });

  test("stop at a handler that throws, for that connection", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await unixTransport.listen(path, LIMITS, {
      opened: server.opened,
      closed: server.closed,
      frame: (connection, frame) => {
        if (frame[0] === 1) throw new Error("a defect");
        connection.send(frame.slice());
      },
    });
    const [bad, good] = [new Recorder(), new Recorder()];
    const badConnection = await unixTransport.connect(path, LIMITS, bad);
    const goodConnection = await unixTransport.connect(path, LIMITS, good);
    badConnection.send(Uint8Array.of(1));
    expect(await server.closing()).toBe("because: a defect");
    expect(await bad.closing()).toBe("because: ");
    goodConnection.send(Uint8Array.of(2));
    await waitFor("the answer", () => good.frames.length === 1);
  });

  test("sent before closing still arrive, and closing is told once to each end", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path);
    const client = new Recorder();
    const connection = await unixTransport.connect(path, LIMITS, client);
    const accepted = await server.opening(1);
    connection.send(Uint8Array.of(1)); // lies unread at the server's end when that closes
    accepted.send(Uint8Array.of(9, 9));
    accepted.close();
    accepted.close();
    expect(accepted.send(Uint8Array.of(1))).toBe(false);
    expect(server.closings).toEqual([""]);
    expect(await client.closing()).toBe("because: ECONNRESET: connection reset by peer, read");
    expect(client.frames).toEqual([Uint8Array.of(9, 9)]);
    expect(connection.send(Uint8Array.of(1))).toBe(false);
    expect(server.closings).toEqual([""]);
  });
});

describe("a peer that doesn't read", () => {
  const limits: FrameLimits = { receivedBytesMax: 65_536, waitingBytesMax: 4 * MEGABYTE };
  /** Short frames that kept their buffers alive would take 700 MB. */
  const GROWTH_BYTES_MAX = 64 * MEGABYTE;

  function expectTheLimit(sentBytes: number): void {
    expect(sentBytes).toBeGreaterThan(3.9 * MEGABYTE);
    // The limit, and what the kernel holds: its setting, by twice at most.
    const held = 2 * Number(readFileSync("/proc/sys/net/core/wmem_default", "utf8"));
    expect(sentBytes).toBeLessThan(4.5 * MEGABYTE + held);
  }

  async function flooded(frame: () => Uint8Array): Promise<{ sentBytes: number; grownBytes: number }> {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    await using _ = await server.listen(path, limits);
    const stuck = await rawClient(path);
    stuck.pause();
    const connection = await server.opening(1);
    Bun.gc(true);
    const before = process.memoryUsage().rss;
    let sentBytes = 0;
    for (let next = frame(); connection.send(next); next = frame()) sentBytes += next.byteLength + 4;
    Bun.gc(true);
    const grownBytes = process.memoryUsage().rss - before;
    expect(connection.send(Uint8Array.of(1))).toBe(false);
    connection.close();
    expect(server.closings).toEqual(["the other end does not read"]);
    // Others are served as before.
    const good = await unixTransport.connect(path, limits, new Recorder());
    good.send(Uint8Array.of(5));
    await waitFor("the good frame", () => server.frames.length === 1);
    stuck.terminate();
    return { sentBytes, grownBytes };
  }

  test("is given up at the limit, with long frames", async () => {
    const { sentBytes, grownBytes } = await flooded(() => new Uint8Array(100_000));
    expectTheLimit(sentBytes);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES_MAX);
  });

  test("is given up at the limit, with short frames in buffers that are larger", async () => {
    const { sentBytes, grownBytes } = await flooded(() => new Uint8Array(4096).subarray(0, 20));
    expectTheLimit(sentBytes);
    expect(grownBytes).toBeLessThan(GROWTH_BYTES_MAX);
  });
});

/** Milliseconds of CPU that a process has used: fields 14 and 15 of /proc/PID/stat, in ticks of 10 ms. */
function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

test("a compiled listener with idle, stuck and half-closed peers does not keep a core busy", async () => {
  await using directory = await tmpdir();
  const path = join(directory.path, "s");
  await using child = new Peer([peerBinary], "listen", path);
  await child.says(`listening ${path}`);
  const idle = await rawClient(path);
  const stuck = await rawClient(path);
  const half = await rawClient(path);
  stuck.pause();
  const threeMegabytes = Uint8Array.of(0, 0, 0, 5, 255, 0, 0x30, 0, 0);
  stuck.write(threeMegabytes);
  half.write(threeMegabytes.subarray(0, 6));
  half.shutdown();
  await child.says("closed it ended in the middle of a frame");
  const [startedAt, before] = [performance.now(), cpuMs(child.process.pid)];
  await waitFor("two seconds to measure", () => performance.now() - startedAt > 2000);
  expect(cpuMs(child.process.pid) - before).toBeLessThan(100);
  idle.end();
  stuck.terminate();
}, 120_000);

describe("a flood of connections", () => {
  test("does not keep those that are there from being served", async () => {
    await using directory = await tmpdir();
    const path = join(directory.path, "s");
    const server = new Recorder();
    // Letting somebody in is some work, which takes longer than to connect.
    const opened = (connection: FrameConnection): void => {
      server.opened(connection);
      for (const end = performance.now() + 0.2; performance.now() < end;);
    };
    const listener = await unixTransport.listen(path, LIMITS, {
      opened,
      frame: server.frame,
      closed: server.closed,
    });
    const client = new Recorder();
    const up = await unixTransport.connect(path, LIMITS, client);
    const down = await server.opening(1);
    const flood = Bun.spawn([process.execPath, "-e", FLOOD, path], { stdout: "pipe", stderr: "inherit" });
    let served = 0;
    while (flood.exitCode === null) {
      const known = server.frames.length;
      up.send(numbered(10, served));
      // eslint-disable-next-line no-await-in-loop -- one after the other, as long as the flood goes on
      await waitFor("the frame", () => server.frames.length > known);
      served += 1;
    }
    expect(await flood.exited).toBe(0);
    const connections = Number(await flood.stdout.text());
    expect(connections).toBeGreaterThan(200);
    expect(served).toBeGreaterThan(40);
    expect(down.waitingBytes).toBe(0);
    // And who comes afterwards is let in.
    const late = new Recorder();
    const other = await waitFor("another", () =>
      unixTransport.connect(path, LIMITS, late).catch(() => undefined),
    );
    other.send(numbered(77, 1));
    await waitFor("its frame", () => server.frames.at(-1)?.length === 77);
    // What was let in before a pause ends with the rest.
    await listener[Symbol.asyncDispose]();
    await Promise.all([client.closing(), late.closing()]);
    expect(existsSync(path)).toBe(false);
  });
});
