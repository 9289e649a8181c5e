/** The ends of connections in tests of the Unix transport: in this process, in another one, and without any protocol. */
import { join } from "node:path";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import type { FrameConnection, FrameLimits, FrameListener } from "../../src/protocol/helper/transport.ts";
import { waitFor } from "./wait-for.ts";

export const LIMITS: FrameLimits = { receivedBytesMax: 8 << 20, waitingBytesMax: 8 << 20 };

/** Compiles unix-peer.ts, as the product is compiled, into a directory; returns the program's path. */
export async function compilePeer(directory: string): Promise<string> {
  const outfile = join(directory, "unix-peer");
  await Bun.build({
    entrypoints: [join(import.meta.dir, "unix-peer.ts")],
    compile: { outfile, autoloadDotenv: false, autoloadBunfig: false },
    minify: true,
    bytecode: true,
    format: "esm",
  });
  return outfile;
}

/** A client that only has a socket. */
export function rawClient(path: string): Promise<Bun.Socket> {
  return Bun.connect({ unix: path, socket: { data: () => undefined } });
}

/** One end that remembers what it was told. */
export class Recorder {
  readonly connections: FrameConnection[] = [];
  readonly frames: Uint8Array[] = [];
  readonly closings: string[] = [];

  readonly opened = (connection: FrameConnection): void => {
    this.connections.push(connection);
  };
  readonly frame = (_: FrameConnection, frame: Uint8Array): void => {
    this.frames.push(frame.slice());
  };
  readonly closed = (_: FrameConnection, reason: string | undefined): void => {
    this.closings.push(reason ?? "");
  };

  listen(path: string, limits = LIMITS): Promise<FrameListener> {
    return unixTransport.listen(path, limits, this);
  }

  /** The connection that was opened last, once there are so many. */
  opening(count: number): Promise<FrameConnection> {
    return waitFor(`connection ${count}`, () => this.connections[count - 1]);
  }

  closing(count = 1): Promise<string> {
    return waitFor(`closing ${count}`, () =>
      this.closings.length >= count ? `because: ${this.closings[count - 1]}` : undefined,
    );
  }
}

export class Peer implements AsyncDisposable {
  readonly process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  #output = "";

  /** `command` runs the compiled program of unix-peer.ts. */
  constructor(command: readonly string[], mode: "connect" | "listen", path: string) {
    this.process = Bun.spawn([...command, mode, path], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    void this.#read();
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of this.process.stdout) this.#output += decoder.decode(chunk);
  }

  says(what: string): Promise<boolean> {
    return waitFor(`the peer to say ${what}`, () => this.#output.split("\n").includes(what));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.process.stdin.end();
    await this.process.exited;
  }
}
