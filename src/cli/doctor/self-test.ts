/**
 * The proof of exactness: a TCP connection of this process with itself, over loopback, whose bytes are known, compared
 * with what the capture says of it while it lives and after it is closed.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import type { Capture } from "../../model/contracts.ts";
import type { SocketSample } from "../../model/flow.ts";

/** What each end writes: odd numbers, so that a count by segments or pages can't be right by accident. */
export const FORWARD_BYTES = 100_003;
export const BACKWARD_BYTES = 50_021;
const TRAFFIC_MS_MAX = 3000;
const NOTICE_MS_MAX = 2000;
const LIVE_MS_MAX = 250;
const LOOK_PAUSE_MS = 20;

/** What the capture said of the two ends of the connection. */
export interface Verdict {
  /** Ends that it told of: 2 is right. */
  readonly ends: number;
  /** Ends whose bytes it counted. */
  readonly countedEnds: number;
  /** Sum of all differences from the truth, both ends and directions; undefined unless both ends were counted. */
  readonly offBytes: number | undefined;
  /** The uncertainty that the capture itself declared; undefined: an unknown amount. */
  readonly declaredBytes: number | undefined;
  readonly meaning: string;
}

export interface SelfTest {
  readonly live: Verdict;
  readonly closed: Verdict;
  /** From the last close to when both ends had been told. */
  readonly noticeMs: number;
}

/** Waits for the notices up to `noticeMsMax`. Throws where loopback can't be used or the capture breaks. */
export async function selfTest(capture: Capture, noticeMsMax = NOTICE_MS_MAX): Promise<SelfTest> {
  const server = createServer();
  const sockets: Socket[] = [];
  try {
    const ports = await connectAndSend(server, sockets);
    const live = await liveVerdict(capture, ports);
    await closeAll(sockets);
    const startMs = performance.now();
    const told = new Map<string, SocketSample>();
    // The notices come when the kernel gets to it, usually at once.
    for (;;) {
      for (const closed of (await capture.sample()).closed) {
        if (isBetween(closed, ports)) told.set(closed.identity.id, closed);
      }
      const noticeMs = performance.now() - startMs;
      if (told.size >= 2 || noticeMs > noticeMsMax) {
        return { live, closed: verdictOn(Array.from(told.values()), ports), noticeMs };
      }
      await Bun.sleep(LOOK_PAUSE_MS);
    }
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** What is told of the connection while it lives. A helper may answer with a look of a moment ago: that is waited for. */
async function liveVerdict(capture: Capture, ports: Ports): Promise<Verdict> {
  const startMs = performance.now();
  for (;;) {
    const { sockets } = await capture.sample();
    const verdict = verdictOn(
      sockets.filter((sample) => isBetween(sample, ports)),
      ports,
    );
    if (verdict.offBytes === 0 || performance.now() - startMs > LIVE_MS_MAX) return verdict;
    await Bun.sleep(LOOK_PAUSE_MS);
  }
}

interface Ports {
  readonly client: number;
  readonly server: number;
}

function isBetween({ identity }: SocketSample, ports: Ports): boolean {
  const { protocol, localPort, remotePort, localAddress, remoteAddress } = identity;
  if (protocol !== "tcp" || localAddress !== "127.0.0.1" || remoteAddress !== "127.0.0.1") return false;
  const isClient = localPort === ports.client && remotePort === ports.server;
  return isClient || (localPort === ports.server && remotePort === ports.client);
}

function verdictOn(samples: readonly SocketSample[], ports: Ports): Verdict {
  let offBytes = 0;
  let countedEnds = 0;
  let declaredBytes: number | undefined = 0;
  for (const { identity, counters } of samples) {
    const isClient = identity.localPort === ports.client;
    const { bytesSent, bytesReceived, uncertaintyBytes } = counters;
    if (bytesSent === undefined || bytesReceived === undefined) continue;
    countedEnds += 1;
    offBytes += Math.abs(bytesSent - (isClient ? FORWARD_BYTES : BACKWARD_BYTES));
    offBytes += Math.abs(bytesReceived - (isClient ? BACKWARD_BYTES : FORWARD_BYTES));
    if (declaredBytes === undefined || uncertaintyBytes === undefined) declaredBytes = undefined;
    else declaredBytes += uncertaintyBytes;
  }
  return {
    ends: samples.length,
    countedEnds,
    offBytes: countedEnds === 2 ? offBytes : undefined,
    declaredBytes,
    meaning: samples[0]?.counters.meaning ?? "none",
  };
}

/** Connects a socket of ours to a server of ours; resolves when both have all that the other wrote. */
async function connectAndSend(server: Server, sockets: Socket[]): Promise<Ports> {
  const accepted = new Promise<Socket>((resolve, reject) => {
    server.once("connection", resolve);
    server.once("error", reject);
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  const serverPort = typeof address === "object" && address !== null ? address.port : 0;
  const client = createConnection({ host: "127.0.0.1", port: serverPort });
  sockets.push(client);
  const failed = new Promise<never>((_resolve, reject) => {
    client.once("error", reject);
    setTimeout(() => reject(new Error("loopback traffic does not arrive")), TRAFFIC_MS_MAX).unref();
  });
  failed.catch(() => {
    // It is raced below; this keeps a late one from ending the program.
  });
  const peer = await Promise.race([accepted, failed]);
  sockets.push(peer);
  const both = Promise.all([hasReceived(peer, FORWARD_BYTES), hasReceived(client, BACKWARD_BYTES)]);
  client.write(new Uint8Array(FORWARD_BYTES));
  peer.write(new Uint8Array(BACKWARD_BYTES));
  await Promise.race([both, failed]);
  return { client: client.localPort ?? 0, server: serverPort };
}

function hasReceived(socket: Socket, bytes: number): Promise<void> {
  let received = 0;
  return new Promise((resolve) => {
    socket.on("data", (chunk: Uint8Array) => {
      received += chunk.length;
      if (received >= bytes) resolve();
    });
  });
}

/** Closes both in order, as programs do, and resolves when both are closed. */
async function closeAll(sockets: readonly Socket[]): Promise<void> {
  const closed = sockets.map(
    (socket) =>
      new Promise<void>((resolve) => {
        socket.once("close", () => resolve());
        socket.once("error", () => resolve());
        setTimeout(resolve, TRAFFIC_MS_MAX).unref();
      }),
  );
  for (const socket of sockets) socket.end();
  await Promise.all(closed);
}
