/**
 * One kept-alive HTTPS connection, as thin as it can be: the simulator holds ten thousand of them in one process. One request
 * at a time; a connection that closed is made anew with the next. The certificate is not checked here: what is measured is
 * the parent.
 */
import type { Socket } from "bun";

export interface Answer {
  readonly status: number;
  readonly retryAfterMs: number | undefined;
  readonly body: string;
}

interface Waiting {
  resolve(answer: Answer): void;
  reject(error: Error): void;
}

const HEAD_END = Buffer.from("\r\n\r\n");

export class Connection {
  readonly #hostname: string;
  readonly #port: number;
  #socket: Socket | undefined;
  #isBusy = false;
  #opening: Promise<Socket> | undefined;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;
  #unsent: Uint8Array | undefined;

  constructor(hostname: string, port: number) {
    this.#hostname = hostname;
    this.#port = port;
  }

  /** From a request until it is answered. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Rejects where the connection can't be made or breaks. Not to be called before the answer to the one before. */
  async request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Answer> {
    this.#isBusy = true;
    try {
      return await this.#request(method, path, headers, body);
    } finally {
      this.#isBusy = false;
    }
  }

  async #request(
    method: string,
    path: string,
    headers: Readonly<Record<string, string>>,
    body: string,
  ): Promise<Answer> {
    const socket = this.#socket ?? (await this.#open());
    const bytes = Buffer.from(body);
    let head = `${method} ${path} HTTP/1.1\r\nhost: ${this.#hostname}:${this.#port}\r\n`;
    for (const [name, value] of Object.entries(headers)) head += `${name}: ${value}\r\n`;
    if (method !== "GET") head += `content-type: application/json\r\ncontent-length: ${bytes.byteLength}\r\n`;
    const answer = new Promise<Answer>((resolve, reject) => (this.#waiting = { resolve, reject }));
    this.#send(socket, Buffer.concat([Buffer.from(`${head}\r\n`), bytes]));
    return await answer;
  }

  close(): void {
    this.#socket?.end();
    this.#end(new Error("closed"));
  }

  #send(socket: Socket, bytes: Uint8Array): void {
    const sent = socket.write(bytes);
    this.#unsent = sent < bytes.byteLength ? bytes.subarray(Math.max(0, sent)) : undefined;
  }

  #open(): Promise<Socket> {
    this.#opening ??= Bun.connect({
      hostname: this.#hostname,
      port: this.#port,
      tls: { rejectUnauthorized: false },
      socket: {
        data: (_, chunk) => this.#take(chunk),
        drain: (socket) => {
          if (this.#unsent !== undefined) this.#send(socket, this.#unsent);
        },
        close: () => this.#end(new Error("closed")),
        error: (_, error) => this.#end(error),
        connectError: (_, error) => this.#end(error),
      },
    }).then(
      (socket) => {
        this.#socket = socket;
        this.#opening = undefined;
        return socket;
      },
      (error: unknown) => {
        this.#opening = undefined;
        throw error instanceof Error ? error : new Error(String(error));
      },
    );
    return this.#opening;
  }

  #end(error: Error): void {
    this.#socket = undefined;
    this.#received = Buffer.alloc(0);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }

  #take(chunk: Buffer): void {
    this.#received =
      this.#received.byteLength === 0 ? Buffer.from(chunk) : Buffer.concat([this.#received, chunk]);
    const end = this.#received.indexOf(HEAD_END);
    if (end < 0) return;
    const head = this.#received.subarray(0, end).toString("latin1");
    const length = Number(/^content-length: *(\d+)/im.exec(head)?.[1] ?? "0");
    const start = end + HEAD_END.byteLength;
    if (this.#received.byteLength < start + length) return;
    const body = this.#received.subarray(start, start + length).toString("utf8");
    this.#received = Buffer.alloc(0);
    const status = Number(head.slice(9, 12));
    const retryAfter = /^retry-after: *(\d+)/im.exec(head)?.[1];
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve({
      status,
      body,
      retryAfterMs: retryAfter === undefined ? undefined : Number(retryAfter) * 1000,
    });
    if (/^connection: *close/im.test(head)) this.close(); // the next request makes another one
  }
}
