/**
 * The helper's transport over Unix sockets. Nothing blocks, nothing grows without a bound: what a peer doesn't read waits
 * up to a limit and is then given up, and what a peer sends is read frame by frame. Linux only, since it asks the kernel
 * who the peer is.
 */
import type { Socket, SocketHandler, UnixSocketOptions } from "bun";
import { errno, errnoName, F_DUPFD_CLOEXEC, libc } from "../../ffi/linux/libc.ts";
import { WbError } from "../model/errors.ts";
import { frameParts, FrameReader } from "../protocol/helper/frames.ts";
import type {
  FrameConnection,
  FrameHandlers,
  FrameLimits,
  FrameListener,
  PeerCredentials,
  Transport,
} from "../protocol/helper/transport.ts";
import { WaitingBytes } from "../protocol/helper/waiting-bytes.ts";
import { peerCredentials } from "./peer-credentials.ts";
import { checkSocketPath, takeUnixPlace } from "./unix-place.ts";

/**
 * Bun accepts connections as long as there are any, and does nothing else meanwhile: who connects again and again would
 * keep all others from being served. So after so many in one go there is a pause, in which others wait to be accepted.
 */
const ACCEPTED_AT_ONCE_MAX = 32;
const PAUSE_MS = 20;

export const unixTransport: Transport = { listen, connect };

type Holder = UnixConnection | undefined;

/** Bun's sockets tell their descriptor; its types don't know. */
type OpenSocket = Socket<Holder> & { readonly fd: number };

class UnixConnection implements FrameConnection {
  readonly peer: PeerCredentials | undefined;
  readonly #socket: Socket<Holder>;
  readonly #handlers: FrameHandlers;
  readonly #reader: FrameReader;
  /** What the kernel had no room for; it has none as long as something is here. */
  readonly #waiting: WaitingBytes;
  /** `cut`: too much waits, so that nothing can be sent any more; whoever sent it is to close. */
  #state: "open" | "cut" | "closing" | "closed" = "open";
  #reason: string | undefined;

  constructor(socket: Socket<Holder>, limits: FrameLimits, handlers: FrameHandlers) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#waiting = new WaitingBytes(limits.waitingBytesMax);
    this.#reader = new FrameReader(limits.receivedBytesMax, (frame) => handlers.frame(this, frame));
    this.peer = peerCredentials((socket as OpenSocket).fd);
  }

  /** The frame is not needed afterwards: what has to wait is copied. */
  send(frame: Uint8Array): boolean {
    if (this.#state !== "open") return false;
    for (const part of frameParts(frame)) {
      const written = this.#waiting.length === 0 ? this.#write(part) : 0;
      if (written === undefined) return true; // the other end is gone, of which `closed` tells
      if (written < part.byteLength && !this.#wait(part.subarray(written))) return false;
    }
    return true;
  }

  get waitingBytes(): number {
    return this.#waiting.length;
  }

  /** What still waits to be written is given up; `closed` is called before this returns. */
  close(): void {
    this.#closeBecause(undefined);
  }

  received(chunk: Uint8Array): void {
    const failure = this.#reader.push(chunk);
    if (failure !== undefined) this.#closeBecause(failure);
  }

  /** The kernel has room again. */
  drained(): void {
    if (this.#waiting.length === 0) return;
    const written = this.#write(this.#waiting.peek());
    if (written !== undefined) this.#waiting.remove(written);
  }

  /** A handler threw: this connection is not to be trusted any more, the others go on. */
  failed(error: Error): void {
    this.#closeBecause(error.message);
  }

  /** The socket is closed, by whomever. */
  ended(error: Error | undefined): void {
    if (this.#state === "closed") return;
    if (this.#state === "open")
      this.#reason =
        error?.message ?? (this.#reader.isMidFrame ? "it ended in the middle of a frame" : undefined);
    this.#state = "closed";
    this.#release();
    this.#handlers.closed(this, this.#reason);
  }

  #closeBecause(reason: string | undefined): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#reason ??= reason;
    this.#release();
    this.#socket.terminate();
  }

  /** How many bytes the kernel took; undefined where the connection is gone. */
  #write(bytes: Uint8Array): number | undefined {
    const written = this.#socket.write(bytes);
    return written < 0 ? undefined : written;
  }

  /** False where no more may wait; then the stream is cut, and nothing further is written on it. */
  #wait(bytes: Uint8Array): boolean {
    if (this.#waiting.add(bytes)) return true;
    this.#release();
    this.#state = "cut";
    this.#reason = "the other end does not read";
    return false;
  }

  #release(): void {
    this.#reader.stop();
    this.#waiting.clear();
  }
}

function socketHandler(
  limits: FrameLimits,
  handlers: FrameHandlers,
  opened: (connection: UnixConnection) => void,
): SocketHandler<Holder> {
  return {
    open(socket) {
      socket.data = new UnixConnection(socket, limits, handlers);
      opened(socket.data);
    },
    data: (socket, chunk) => socket.data?.received(chunk),
    drain: (socket) => socket.data?.drained(),
    close: (socket, error) => socket.data?.ended(error),
    error: (socket, error) => socket.data?.failed(error),
  };
}

/**
 * Listens at `path`, for its owner alone (mode 0600): whoever calls may widen that. Disposing closes the listener and its
 * connections and removes the socket, if it is still the one that was made. Throws WbError where the path can't be used.
 */
async function listen(
  path: string,
  limits: FrameLimits,
  handlers: FrameHandlers & { opened(connection: FrameConnection): void },
): Promise<FrameListener> {
  const place = takeUnixPlace(path);
  let listener: Bun.SocketListener<Holder> | undefined;
  let pause: ReturnType<typeof setTimeout> | undefined;
  let acceptedAtOnce = 0;
  const open = new Set<FrameConnection>();
  const closed = (connection: FrameConnection, reason: string | undefined): void => {
    open.delete(connection);
    handlers.closed(connection, reason);
  };
  const frame: FrameHandlers["frame"] = (connection, bytes) => handlers.frame(connection, bytes);
  const socket = socketHandler(limits, { frame, closed }, (connection) => {
    open.add(connection);
    // Nothing that was set to happen at once happens before Bun has stopped accepting.
    if (acceptedAtOnce === 0) setImmediate(() => (acceptedAtOnce = 0));
    acceptedAtOnce += 1;
    if (acceptedAtOnce >= ACCEPTED_AT_ONCE_MAX && listener !== undefined) {
      listener.stop(); // which closes nothing but its own descriptor
      listener = undefined;
      pause = setTimeout(resume, PAUSE_MS);
    }
    handlers.opened(connection);
  });
  const accept = (): void => {
    // Given a descriptor, which its types don't know, Bun listens on it and leaves the file at the path alone.
    const options = { fd: copyOf(place.descriptor), socket } as unknown as UnixSocketOptions<Holder>;
    listener = Bun.listen(options);
  };
  const resume = (): void => {
    try {
      accept();
    } catch {
      pause = setTimeout(resume, PAUSE_MS); // no descriptor is free: one will be, and until then others wait
    }
  };
  accept();
  let disposed = false;
  const dispose = async (): Promise<void> => {
    if (disposed) return;
    disposed = true;
    place.release();
    clearTimeout(pause);
    listener?.stop(true);
    for (const connection of open) connection.close(); // of before a pause
    libc().close(place.descriptor);
  };
  return { path, [Symbol.asyncDispose]: dispose };
}

/** Another descriptor of the same listening socket: it listens as long as one of them is open. */
function copyOf(descriptor: number): number {
  const copy = libc().fcntl(descriptor, F_DUPFD_CLOEXEC, 0);
  if (copy < 0) throw new WbError("unavailable", `the socket can't be listened on: ${errnoName(errno())}`);
  return copy;
}

/** Throws WbError where nobody answers at `path`. */
async function connect(path: string, limits: FrameLimits, handlers: FrameHandlers): Promise<FrameConnection> {
  checkSocketPath(path);
  let connection: UnixConnection | undefined;
  const socket = socketHandler(limits, handlers, (opened) => {
    connection = opened;
  });
  try {
    await Bun.connect<Holder>({ unix: path, socket, data: undefined });
  } catch (error) {
    throw connectFailure(path, error);
  }
  if (connection === undefined) throw new WbError("internal", `a connection to ${path} that never opened`);
  return connection;
}

function connectFailure(path: string, cause: unknown): WbError {
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  if (code === "EACCES" || code === "EPERM") {
    return new WbError("permission", `you may not connect to ${path}`, {
      cause,
      hint: "ask for membership in the group that the socket belongs to (ls -l shows it)",
    });
  }
  return new WbError("unavailable", `nobody answers at ${path}: ${code}`, {
    cause,
    hint: "start the helper: sudo wb helper --elevated",
  });
}
