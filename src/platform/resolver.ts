/**
 * Asks the machine's name servers for the names of addresses, over UDP, and over TCP where an answer is too long.
 *
 * Why not node:dns: Bun 1.4.4's `Resolver.reverse` tells no TTL, reports a dead server as "not found", ignores its
 * `timeout` option and keeps the process alive until it has given up (all tried). Here a look-up ends within
 * `deadlineMs`, says whether nobody answered or somebody said no, and nothing of it keeps the process alive. Each
 * question goes out from a socket of its own with a random port and id (RFC 5452), connected, so that the kernel lets
 * only the server's address answer; whatever is not the answer to that very question is ignored.
 */
import { createSocket, type Socket as UdpSocket } from "node:dgram";
import { createConnection, type Socket as TcpSocket } from "node:net";

import { type Clock, systemClock } from "../lib/clock.ts";
import type { DnsReply, NameAnswer, NameResolver, PtrCodec } from "../model/names.ts";
import { readResolvConf, type NameServer, type ResolverSettings } from "./resolv-conf.ts";

export interface ResolverOptions {
  readonly codec: PtrCodec;
  /** Undefined: /etc/resolv.conf, read again at most every five seconds, because networks change. */
  readonly settings?: ResolverSettings;
  readonly clock?: Clock;
  /** How long one look-up takes at most, all servers and attempts together. */
  readonly deadlineMs?: number;
}

const DEADLINE_MS = 3000;
const SETTINGS_AGE_MS = 5000;
/** A server gets at least this long, however many there are to try. */
const TRY_MIN_MS = 250;
/** Wrong answers to one question before its socket is given up: somebody is guessing. */
const FOREIGN_MAX = 50;
const TCP_REPLY_BYTES_MAX = 65_535;

/** How one question to one server ended. `unreachable`: no answer in time, or nobody there. */
type TryEnd =
  | Exclude<DnsReply, { kind: "foreign" }>
  | { readonly kind: "unreachable" }
  | { readonly kind: "stopped" };

export function openResolver(options: ResolverOptions): NameResolver {
  return new Resolver(options);
}

class Resolver implements NameResolver {
  readonly #codec: PtrCodec;
  readonly #fixed: ResolverSettings | undefined;
  readonly #clock: Clock;
  readonly #deadlineMs: number;
  readonly #open = new Set<() => void>();
  #settings: ResolverSettings | undefined;
  #settingsAtMs = 0;
  /** Which server answered last: it is asked first, so that a dead one before it costs only once. */
  #preferred = 0;
  #closed = false;

  constructor(options: ResolverOptions) {
    this.#codec = options.codec;
    this.#fixed = options.settings;
    this.#clock = options.clock ?? systemClock;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
  }

  async lookup(address: string): Promise<NameAnswer> {
    if (this.#closed) return { kind: "failed", reason: "stopped" };
    const { servers, timeoutMs, attempts, rotate } = this.#currentSettings();
    const tries = servers.length * attempts;
    const tryMs = Math.min(timeoutMs, Math.max(TRY_MIN_MS, Math.floor(this.#deadlineMs / tries)));
    const endsAtMs = this.#clock.monotonicMs() + this.#deadlineMs;
    const first = rotate ? Math.floor(Math.random() * servers.length) : this.#preferred;
    let someoneAnswered = false;
    for (let count = 0; count < tries; count += 1) {
      const index = (first + count) % servers.length;
      const server = servers[index];
      const leftMs = endsAtMs - this.#clock.monotonicMs();
      if (server === undefined || leftMs <= 0) break;
      const end = await this.#ask(server, address, Math.min(tryMs, leftMs), endsAtMs);
      if (end.kind === "stopped") return { kind: "failed", reason: "stopped" };
      if (end.kind === "name" || end.kind === "absent") {
        this.#preferred = index;
        return answerOf(end);
      }
      someoneAnswered ||= end.kind === "unusable" || end.kind === "truncated";
    }
    return { kind: "failed", reason: someoneAnswered ? "server" : "unreachable" };
  }

  close(): void {
    this.#closed = true;
    for (const stop of this.#open) stop();
  }

  #currentSettings(): ResolverSettings {
    if (this.#fixed !== undefined) return this.#fixed;
    const nowMs = this.#clock.monotonicMs();
    if (this.#settings === undefined || nowMs - this.#settingsAtMs > SETTINGS_AGE_MS) {
      this.#settings = readResolvConf();
      this.#settingsAtMs = nowMs;
    }
    return this.#settings;
  }

  async #ask(server: NameServer, address: string, tryMs: number, endsAtMs: number): Promise<TryEnd> {
    const id = crypto.getRandomValues(new Uint16Array(1))[0] ?? 0;
    const query = this.#codec.encodeQuery(id, address);
    if (query === undefined) return { kind: "absent", ttlSeconds: undefined }; // no address has no name
    const read = (bytes: Uint8Array): DnsReply => this.#codec.decodeReply(bytes, id, address);
    const end = await this.#limited(tryMs, (finish) => askByUdp(server, query, read, finish));
    if (end.kind !== "truncated") return end;
    const leftMs = Math.max(1, Math.min(tryMs, endsAtMs - this.#clock.monotonicMs()));
    return this.#limited(leftMs, (finish) => askByTcp(server, query, read, finish));
  }

  /** Runs one question until it finishes, its time is over, or the resolver is closed; then its socket is destroyed. */
  #limited(limitMs: number, begin: (finish: (end: TryEnd) => void) => () => void): Promise<TryEnd> {
    return new Promise((resolve) => {
      let destroy: (() => void) | undefined;
      let isOver = false;
      const finish = (end: TryEnd): void => {
        if (isOver) return;
        isOver = true;
        clearTimeout(timer);
        this.#open.delete(stop);
        destroy?.();
        resolve(end);
      };
      const stop = (): void => finish({ kind: "stopped" });
      const timer = setTimeout(() => finish({ kind: "unreachable" }), limitMs);
      timer.unref();
      this.#open.add(stop);
      try {
        destroy = begin(finish);
      } catch {
        finish({ kind: "unreachable" }); // no socket to be had (descriptors, sandbox): the server can't be reached
      }
      if (isOver) destroy?.();
    });
  }
}

function answerOf(end: Extract<TryEnd, { kind: "name" | "absent" }>): NameAnswer {
  if (end.kind === "name") return { kind: "name", name: end.name, ttlMs: end.ttlSeconds * 1000 };
  return { kind: "absent", ttlMs: end.ttlSeconds === undefined ? undefined : end.ttlSeconds * 1000 };
}

type Ask = (
  server: NameServer,
  query: Uint8Array,
  read: (bytes: Uint8Array) => DnsReply,
  finish: (end: TryEnd) => void,
) => () => void;

/** Returns what destroys the socket; safe to call twice. */
const askByUdp: Ask = (server, query, read, finish) => {
  const socket: UdpSocket = createSocket(server.address.includes(":") ? "udp6" : "udp4");
  socket.unref();
  let foreign = 0;
  socket.on("error", () => finish({ kind: "unreachable" }));
  socket.on("message", (bytes) => {
    const reply = read(bytes);
    if (reply.kind === "foreign") foreign += 1;
    if (reply.kind !== "foreign") finish(reply);
    else if (foreign >= FOREIGN_MAX) finish({ kind: "unreachable" });
  });
  let isDestroyed = false;
  // Where there is no route, Bun calls back with the error instead of emitting it; its types don't say so.
  socket.connect(server.port, server.address, (error?: Error) => {
    if (error) finish({ kind: "unreachable" });
    if (isDestroyed) return;
    socket.send(query, (failure) => {
      if (failure) finish({ kind: "unreachable" });
    });
  });
  return () => {
    if (isDestroyed) return;
    isDestroyed = true;
    socket.close();
  };
};

/** RFC 7766: the same message behind two bytes of length. */
const askByTcp: Ask = (server, query, read, finish) => {
  const socket: TcpSocket = createConnection({ host: server.address, port: server.port });
  socket.unref();
  const framed = new Uint8Array(query.length + 2);
  new DataView(framed.buffer).setUint16(0, query.length);
  framed.set(query, 2);
  const received = new Uint8Array(2 + TCP_REPLY_BYTES_MAX);
  let filled = 0;
  socket.on("error", () => finish({ kind: "unreachable" }));
  socket.on("close", () => finish({ kind: "unreachable" }));
  socket.on("connect", () => socket.write(framed));
  socket.on("data", (chunk: Uint8Array) => {
    const part = chunk.subarray(0, received.length - filled);
    received.set(part, filled);
    filled += part.length;
    const length = new DataView(received.buffer).getUint16(0);
    if (filled < 2 || filled < 2 + length) return;
    const reply = read(received.subarray(2, 2 + length));
    // Over TCP nobody else can have answered: a foreign or once more truncated reply is the server's own mistake.
    finish(reply.kind === "foreign" || reply.kind === "truncated" ? { kind: "unusable", code: 0 } : reply);
  });
  return () => socket.destroy();
};
