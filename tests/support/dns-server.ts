/**
 * A small name server on loopback for tests, over UDP and TCP on one port, that answers as the test says: rightly,
 * wrongly, with garbage, or never.
 */
import { createSocket, type Socket } from "node:dgram";
import { createServer, type Server } from "node:net";

export interface DnsQuery {
  readonly id: number;
  /** The question's name as text, without the final dot. */
  readonly name: string;
  readonly transport: "udp" | "tcp";
  readonly port: number;
}

/** The messages to send back, in order; none: silence. */
export type DnsHandler = (query: DnsQuery) => readonly Uint8Array[];

export interface DnsServer extends AsyncDisposable {
  readonly port: number;
  readonly queries: readonly DnsQuery[];
}

export async function dnsServer(handler: DnsHandler): Promise<DnsServer> {
  const queries: DnsQuery[] = [];
  const receive = (bytes: Uint8Array, transport: "udp" | "tcp", port: number): readonly Uint8Array[] => {
    const query = { ...readQuery(bytes), transport, port };
    queries.push(query);
    return handler(query);
  };
  const { udp, tcp, port } = await bindBoth();
  // Whoever asked may have gone: the kernel says so at the next call.
  udp.on("error", () => undefined);
  udp.on("message", (bytes, peer) => {
    for (const answer of receive(bytes, "udp", peer.port)) udp.send(answer, peer.port, peer.address);
  });
  tcp.on("connection", (socket) => {
    socket.on("error", () => {
      // A client that gives up resets the connection: part of what is tested.
    });
    socket.on("data", (bytes: Uint8Array) => {
      for (const answer of receive(bytes.subarray(2), "tcp", socket.remotePort ?? 0)) {
        socket.write(Uint8Array.of(answer.length >> 8, answer.length & 0xff, ...answer));
      }
    });
  });
  return {
    port,
    queries,
    [Symbol.asyncDispose]: async () => {
      udp.close();
      await new Promise((resolve) => tcp.close(resolve));
    },
  };
}

/** The same free port for both transports; another pair is tried where the second one is taken. */
async function bindBoth(): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (;;) {
    const udp = createSocket("udp4");
    const port = await new Promise<number>((resolve) =>
      udp.bind(0, "127.0.0.1", () => resolve(udp.address().port)),
    );
    const tcp = createServer();
    const bound = await new Promise<boolean>((resolve) => {
      tcp.once("error", () => resolve(false));
      tcp.listen(port, "127.0.0.1", () => resolve(true));
    });
    if (bound) return { udp, tcp, port };
    udp.close();
  }
}

function readQuery(bytes: Uint8Array): { id: number; name: string } {
  const labels: string[] = [];
  let at = 12;
  for (let length = bytes[at] ?? 0; length > 0; length = bytes[at] ?? 0) {
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + length)));
    at += 1 + length;
  }
  return { id: ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0), name: labels.join(".") };
}
