/**
 * Helpers for tests of the client, over real Unix sockets in this process: the helper's own server with rows and events
 * that the test makes, and a script that answers what it likes.
 */
import { join } from "node:path";
import type { Collection, HelperSource, KernelRecords } from "../../src/capture/kernel-source.ts";
import { createLog } from "../../src/helper/log.ts";
import type { PeerFacts } from "../../src/helper/peers.ts";
import { HelperServer } from "../../src/helper/server.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import { decodeRequest, encodeResponse } from "../../src/protocol/helper/codec.ts";
import { helperMac, makeRandomBytes } from "../../src/protocol/helper/handshake.ts";
import {
  PROTOCOL_VERSION,
  type Challenge,
  type HelperRequest,
  type HelperResponse,
  type KernelLoss,
  type ProcessRow,
} from "../../src/protocol/helper/messages.ts";
import type { FrameConnection, FrameListener } from "../../src/protocol/helper/transport.ts";
import type { HelperAddress } from "../../src/capture/helper/connection.ts";

export const NO_LOSS: KernelLoss = {
  socketsFull: 0,
  bytesFull: 0,
  lostSent: 0,
  lostReceived: 0,
  eventsFull: 0,
  namesFull: 0,
  peersMerged: 0,
  returnsLost: 0,
};
const NOTHING = new Uint8Array(0);
const LIMITS = { receivedBytesMax: 65_536, waitingBytesMax: 1024 * 1024 };
export const SECRET = new Uint8Array(32).fill(7);

/** What the kernel would have counted: the test says. */
export class FakeSource implements HelperSource {
  readonly method = "ebpf_tracepoint" as const;
  readonly degradations = [];
  readonly programs = ["a_program"];
  readonly attachedNs = 1;
  readonly socketsMax = 1000;
  readonly bytesMax = 1000;
  timeNs = 1_000_000_000;
  sockets: Uint8Array = NOTHING;
  bytes: Uint8Array = NOTHING;
  /** Told once. */
  closedSockets: Uint8Array = NOTHING;
  closedBytes: Uint8Array = NOTHING;
  loss: KernelLoss = NO_LOSS;
  records: KernelRecords = { events: NOTHING, names: NOTHING };

  collect(): Collection {
    const { timeNs, sockets, bytes, closedSockets, closedBytes, loss } = this;
    this.closedSockets = NOTHING;
    this.closedBytes = NOTHING;
    this.timeNs += 1_000_000;
    return { timeNs, sockets, bytes, closedSockets, closedBytes, loss };
  }

  drain(): KernelRecords {
    const { records } = this;
    this.records = { events: NOTHING, names: NOTHING };
    return records;
  }

  [Symbol.dispose](): void {
    // Nothing is held.
  }
}

export interface ServedHelper extends AsyncDisposable {
  readonly address: HelperAddress;
  readonly source: FakeSource;
  readonly log: readonly string[];
}

/** The helper's own server; each call is another instance. */
export async function serveHelper(
  directory: string,
  options: {
    source?: FakeSource;
    lifetimeMs?: number;
    processes?: readonly ProcessRow[];
    secret?: Uint8Array;
  } = {},
): Promise<ServedHelper> {
  const source = options.source ?? new FakeSource();
  const log: string[] = [];
  const facts: PeerFacts = {
    startTicks: () => 1,
    groups: () => undefined,
    executable: () => "file",
    isAncestor: () => true,
    rows: (pids) => (options.processes ?? []).filter(({ pid }) => pids.includes(pid)),
  };
  const secret = options.secret ?? SECRET;
  const server = new HelperServer({
    source,
    secret,
    access: { userIds: [process.getuid?.() ?? 0], groupId: undefined, clientPid: undefined },
    facts,
    clock: systemClock,
    log: createLog({
      level: "info",
      form: "text",
      isJournal: false,
      clock: systemClock,
      write: (line) => log.push(line),
    }),
    sessionLifetimeMs: options.lifetimeMs ?? 3_600_000,
  });
  const socketPath = join(directory, "helper.sock");
  const listener = await unixTransport.listen(socketPath, LIMITS, server.handlers);
  return {
    address: { socketPath, secret },
    source,
    log,
    [Symbol.asyncDispose]: async () => {
      server[Symbol.dispose]();
      await listener[Symbol.asyncDispose]();
    },
  };
}

export interface Script {
  /** What comes first; undefined: nothing. */
  readonly challenge?: (usual: Challenge) => Challenge | undefined;
  readonly secret?: Uint8Array;
  /** The answers to a request after the handshake; frames go out as they are. */
  readonly answer?: (request: HelperRequest, say: (frame: HelperResponse | Uint8Array) => void) => void;
}

/** A helper that does as the script says. */
export async function serveScript(directory: string, script: Script): Promise<FrameListener> {
  const challenge: Challenge = {
    type: "challenge",
    version: PROTOCOL_VERSION,
    nonce: makeRandomBytes(32),
    instance: makeRandomBytes(16),
    pid: process.pid,
  };
  const send = (connection: FrameConnection, response: HelperResponse | Uint8Array): void => {
    connection.send(response instanceof Uint8Array ? response : encodeResponse(response));
  };
  return await unixTransport.listen(join(directory, "helper.sock"), LIMITS, {
    opened: (connection) => {
      const first = script.challenge === undefined ? challenge : script.challenge(challenge);
      if (first !== undefined) send(connection, first);
    },
    frame: (connection, frame) => {
      const decoded = decodeRequest(frame);
      if (!decoded.ok) throw new Error(decoded.reason);
      const { message } = decoded;
      if (message.type !== "authenticate") {
        script.answer?.(message, (response) => send(connection, response));
        return;
      }
      const grant = { token: makeRandomBytes(32), expiresAtMs: Date.now() + 3_600_000 };
      const facts = {
        version: message.version,
        helperNonce: challenge.nonce,
        instance: challenge.instance,
        helperPid: challenge.pid,
        clientNonce: message.nonce,
        clientPid: message.pid,
        timestampMs: message.timestampMs,
        executable: message.executable,
      };
      const mac = helperMac(script.secret ?? SECRET, facts, grant);
      send(connection, { type: "authenticated", id: message.id, ...grant, mac });
    },
    closed: () => undefined,
  });
}
