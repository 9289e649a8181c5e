/**
 * How helper and client reach each other. Unix sockets implement it in platform/unix-transport.ts; named pipes can join
 * without a change above. Frames are whole messages without their length.
 */

/** One end of a connection. Everything is non-blocking. */
export interface FrameConnection {
  /**
   * Hands a frame over. False where more than the connection's limit waits to be written: the caller closes it, so that
   * one that doesn't read can't make memory grow.
   */
  send(frame: Uint8Array): boolean;
  /** What of it has not been written yet: it grows where the other end reads more slowly than it asks. */
  readonly waitingBytes: number;
  close(): void;
  /** Who is at the other end, by the kernel's word; undefined where it can't be known any more. */
  readonly peer: PeerCredentials | undefined;
}

/** SO_PEERCRED: as it was when the connection was made. */
export interface PeerCredentials {
  readonly pid: number;
  readonly userId: number;
  readonly groupId: number;
}

export interface FrameHandlers {
  /** The bytes are only valid during the call. */
  frame(connection: FrameConnection, frame: Uint8Array): void;
  /** Once, also after `close()`; with the reason where it was not wanted: a frame too long, a broken connection. */
  closed(connection: FrameConnection, reason: string | undefined): void;
}

export interface FrameListener extends AsyncDisposable {
  readonly path: string;
}

export interface Transport {
  listen(
    path: string,
    limits: FrameLimits,
    handlers: FrameHandlers & { opened(connection: FrameConnection): void },
  ): Promise<FrameListener>;
  connect(path: string, limits: FrameLimits, handlers: FrameHandlers): Promise<FrameConnection>;
}

export interface FrameLimits {
  /** A longer frame closes the connection before it is read. */
  readonly receivedBytesMax: number;
  /** So much may wait to be written. */
  readonly waitingBytesMax: number;
}
