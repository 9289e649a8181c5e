/** A real HTTP proxy that knows CONNECT: counts tunnels, can want a password, refuse, or say too much. */
import { connect, createServer, type Server, type Socket } from "node:net";
import { createServer as createTlsServer } from "node:tls";

export interface ConnectProxy extends AsyncDisposable {
  readonly port: number;
  /** What was asked for, in order. */
  readonly tunnels: readonly string[];
  /** All bytes that came through it, of the agent. */
  readonly seen: () => string;
}

export interface ProxyOptions {
  /** Where it listens; this machine alone if not told. */
  readonly host?: string;
  /** `name:password`. */
  readonly user?: string;
  readonly refuse?: string;
  readonly extra?: string;
  readonly tls?: { key: string; cert: string };
}

export async function connectProxy(options: ProxyOptions = {}): Promise<ConnectProxy> {
  const tunnels: string[] = [];
  const parts: Buffer[] = [];
  const sockets = new Set<Socket>();
  const handle = (client: Socket): void => {
    sockets.add(client);
    client.on("error", () => client.destroy());
    client.once("data", (head: Buffer) => {
      const text = head.toString("latin1");
      const [, host = "", port = ""] = /^CONNECT ([^ :]+):(\d+) HTTP/.exec(text) ?? [];
      const wanted = options.user === undefined ? undefined : Buffer.from(options.user).toString("base64");
      if (wanted !== undefined && !text.includes(`Proxy-Authorization: Basic ${wanted}\r\n`)) {
        client.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
        return;
      }
      if (options.refuse !== undefined) {
        client.end(`HTTP/1.1 ${options.refuse}\r\n\r\n`);
        return;
      }
      tunnels.push(`${host}:${port}`);
      const upstream = connect(Number(port), host, () => {
        client.write(`HTTP/1.1 200 Connection established\r\n\r\n${options.extra ?? ""}`);
        client.on("data", (chunk: Buffer) => parts.push(chunk));
        client.pipe(upstream);
        upstream.pipe(client);
      });
      sockets.add(upstream);
      upstream.on("error", () => client.destroy());
    });
  };
  const server: Server =
    options.tls === undefined ? createServer(handle) : createTlsServer(options.tls, handle);
  await new Promise<void>((resolve) => server.listen(0, options.host ?? "127.0.0.1", resolve));
  const address = server.address();
  return {
    port: typeof address === "object" && address !== null ? address.port : 0,
    tunnels,
    seen: () => Buffer.concat(parts).toString("latin1"),
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
