/**
 * Messages ↔ bytes: each message is a CBOR map with integer keys, key 0 its type. Decoding is total and strict: whatever
 * the bytes are, the answer is a message of exactly the promised types, lengths and ranges, or a reason; nothing is
 * allocated beyond a small multiple of the frame. Decoded bytes and texts are copies: they outlive the frame. Pure.
 */
import type { CaptureMethod, Degradation } from "../../model/capture-status.ts";
import { WbError } from "../../model/errors.ts";
import { type CborLimits, decodeCbor, encodeCbor, Malformed, type Packed } from "./cbor.ts";
import {
  bytes,
  bytesOf,
  type Fields,
  integer,
  type Kind,
  list,
  oneOf,
  optional,
  record,
  text,
} from "./fields.ts";
import {
  type AuthenticateRequest,
  type AuthenticateResponse,
  type Challenge,
  type ConnectionStatsRequest,
  type ConnectionStatsResponse,
  type ErrorResponse,
  type HeartbeatRequest,
  type HeartbeatResponse,
  type HelperErrorCode,
  type HelperRequest,
  type HelperResponse,
  INSTANCE_BYTES,
  type KernelLoss,
  MAC_BYTES,
  NONCE_BYTES,
  PROCESSES_MAX,
  type ProcessEventsFrame,
  type ProcessEventsRequest,
  type ProcessRow,
  type ProcessStatsRequest,
  type ProcessStatsResponse,
  REQUEST_BYTES_MAX,
  RESPONSE_BYTES_MAX,
  type StatusRequest,
  type StatusResponse,
  TOKEN_BYTES,
} from "./messages.ts";

export type Decoded<M> =
  | { readonly ok: true; readonly message: M }
  /** The reason names the field and repeats nothing of what it held. */
  | { readonly ok: false; readonly reason: string };

/** Of one process; where it has more, the last one tells how many are left out. */
export const ARGUMENTS_MAX = 1024;

/** A request is a map, with a list of numbers at most. */
const REQUEST_LIMITS: CborLimits = { depthMax: 2, itemsMax: PROCESSES_MAX + 16 };
/** The deepest response: a map with a list of processes, each a map with a list of arguments. */
const RESPONSE_LIMITS: CborLimits = { depthMax: 4, itemsMax: PROCESSES_MAX * (ARGUMENTS_MAX + 16) + 64 };

/** What /proc gives of one file is 32 KB at most, in up to as many characters. */
const words = text(65_536);
const id = integer(0, 2 ** 32 - 1);
const unsigned32 = integer(0, 2 ** 32 - 1);
/** PID_MAX_LIMIT is 2^22 (linux/threads.h); the type is a signed int. */
const pid = integer(0, 2 ** 31 - 1);
const milliseconds = integer(0, Number.MAX_SAFE_INTEGER);
/** A 64-bit counter or nanoseconds: above 2^53 (104 days) a JavaScript number is rounded, and is still carried. */
const unsigned64 = integer(0, 2 ** 64);
const nonce = bytesOf(NONCE_BYTES);
const token = bytesOf(TOKEN_BYTES);
const mac = bytesOf(MAC_BYTES);

/** /proc tells up to 32,768 empty arguments: that many, of a thousand processes, nobody needs to see. */
const commandLine: Kind<readonly string[]> = (() => {
  const carried = list(words, ARGUMENTS_MAX);
  return {
    pack: (line) =>
      carried.pack(
        line.length <= ARGUMENTS_MAX
          ? line
          : [...line.slice(0, ARGUMENTS_MAX - 1), `… ${line.length - ARGUMENTS_MAX + 1} more`],
      ),
    unpack: carried.unpack,
  };
})();

const loss = record<KernelLoss>({
  socketsFull: [0, unsigned64],
  bytesFull: [1, unsigned64],
  lostSent: [2, unsigned64],
  lostReceived: [3, unsigned64],
  eventsFull: [4, unsigned64],
  namesFull: [5, unsigned64],
  peersMerged: [6, unsigned64],
  returnsLost: [7, unsigned64],
});

const processRow = record<ProcessRow>({
  pid: [0, pid],
  startTime: [1, unsigned64],
  parentPid: [2, pid],
  userId: [3, unsigned32],
  name: [4, words],
  path: [5, optional(words)],
  commandLine: [6, commandLine],
  memoryBytes: [7, unsigned64],
  cpuTimeMs: [8, unsigned64],
});

const degradation = record<Degradation>({
  code: [
    0,
    oneOf<Degradation["code"]>({
      no_sock_diag: 0,
      procfs_forced: 1,
      no_destroy_groups: 2,
      other_users_processes: 3,
      old_kernel: 4,
      udp_bytes: 5,
      no_procfs: 6,
      helper_gone: 7,
      no_helper: 8,
      kernel_returns: 9,
      no_cgroup: 10,
      no_names: 11,
      no_process_events: 12,
    }),
  ],
  message: [1, words],
  remedy: [2, words],
});

const method = oneOf<CaptureMethod>({
  ebpf_tracepoint: 0,
  ebpf_fentry: 1,
  ebpf_kprobe: 2,
  sock_diag: 3,
  procfs: 4,
  simulated: 5,
  replay: 6,
});

const errorCode = oneOf<HelperErrorCode>({
  version: 0,
  refused: 1,
  too_many_sessions: 2,
  unauthenticated: 3,
  expired: 4,
  rate_limited: 5,
  bad_request: 6,
  too_large: 7,
  unavailable: 8,
});

/** One message: the number of its type, and the rest of it. */
interface MessageKind<M extends { readonly type: string }> {
  readonly number: number;
  readonly body: Kind<Omit<M, "type">>;
}

const TYPE_KEY = 0;

/** The fields' keys begin at 1. */
function message<M extends { readonly type: string }>(
  number: number,
  fields: Fields<Omit<M, "type">>,
): MessageKind<M> {
  return { number, body: record(fields) };
}

type MessageKinds<M extends { readonly type: string }> = {
  readonly [T in M["type"]]: MessageKind<Extract<M, { readonly type: T }>>;
};

/** Everything that one side may send. */
class Language<M extends { readonly type: string }> {
  readonly #kinds: ReadonlyMap<string, MessageKind<M>>;
  readonly #types: ReadonlyMap<number, M["type"]>;
  readonly #limits: CborLimits;
  readonly #frameBytesMax: number;

  constructor(kinds: MessageKinds<M>, limits: CborLimits, frameBytesMax: number) {
    // Each kind packs only messages of its own type: `encode` and `decode` look it up by that type.
    const entries = Object.entries(kinds) as unknown as [M["type"], MessageKind<M>][];
    this.#kinds = new Map(entries);
    this.#types = new Map(entries.map(([type, kind]) => [kind.number, type]));
    this.#limits = limits;
    this.#frameBytesMax = frameBytesMax;
  }

  encode(sent: M): Uint8Array {
    const kind = this.#kinds.get(sent.type);
    const body = kind?.body.pack(sent);
    if (kind === undefined || !(body instanceof Map))
      throw new WbError("internal", `no such message: ${sent.type}`);
    const frame = encodeCbor(new Map<number, Packed>([[TYPE_KEY, kind.number], ...body]));
    if (frame.byteLength > this.#frameBytesMax) {
      throw new WbError(
        "protocol",
        `a message of ${frame.byteLength} bytes, where ${this.#frameBytesMax} are allowed`,
      );
    }
    return frame;
  }

  decode(frame: Uint8Array): Decoded<M> {
    if (frame.byteLength > this.#frameBytesMax) return { ok: false, reason: "the frame is too long" };
    try {
      return { ok: true, message: this.#read(frame) };
    } catch (error) {
      if (error instanceof Malformed) return { ok: false, reason: error.message };
      throw error;
    }
  }

  #read(frame: Uint8Array): M {
    const map = decodeCbor(frame, this.#limits);
    if (!(map instanceof Map)) throw new Malformed("not a map");
    const body = map as Map<number, Packed>;
    const number = body.get(TYPE_KEY);
    body.delete(TYPE_KEY);
    const type = typeof number === "number" ? this.#types.get(number) : undefined;
    const kind = type === undefined ? undefined : this.#kinds.get(type);
    if (kind === undefined) throw new Malformed("not a known message");
    try {
      return { type, ...kind.body.unpack(body) } as unknown as M;
    } catch (error) {
      if (error instanceof Malformed) throw new Malformed(`${type}: ${error.message}`);
      throw error;
    }
  }
}

const asked = { id: [1, id], token: [2, token] } as const;

const requests = new Language<HelperRequest>(
  {
    authenticate: message<AuthenticateRequest>(1, {
      id: [1, id],
      version: [2, unsigned32],
      pid: [3, pid],
      timestampMs: [4, milliseconds],
      nonce: [5, nonce],
      executable: [6, text(4096)],
      mac: [7, mac],
    }),
    connectionStats: message<ConnectionStatsRequest>(2, { ...asked, sinceNs: [3, unsigned64] }),
    processStats: message<ProcessStatsRequest>(3, { ...asked, pids: [3, list(pid, PROCESSES_MAX)] }),
    processEvents: message<ProcessEventsRequest>(4, { ...asked, credits: [3, unsigned32] }),
    heartbeat: message<HeartbeatRequest>(5, asked),
    status: message<StatusRequest>(6, asked),
  },
  REQUEST_LIMITS,
  REQUEST_BYTES_MAX,
);

const responses = new Language<HelperResponse>(
  {
    challenge: message<Challenge>(16, {
      version: [1, unsigned32],
      nonce: [2, nonce],
      instance: [3, bytesOf(INSTANCE_BYTES)],
      pid: [4, pid],
    }),
    authenticated: message<AuthenticateResponse>(17, {
      id: [1, id],
      token: [2, token],
      expiresAtMs: [3, milliseconds],
      mac: [4, mac],
    }),
    connectionStats: message<ConnectionStatsResponse>(18, {
      id: [1, id],
      timeNs: [2, unsigned64],
      sockets: [3, bytes],
      bytes: [4, bytes],
      closedSockets: [5, bytes],
      closedBytes: [6, bytes],
      loss: [7, loss],
      missedRows: [8, unsigned64],
      missedBytes: [9, unsigned64],
    }),
    processStats: message<ProcessStatsResponse>(19, {
      id: [1, id],
      processes: [2, list(processRow, PROCESSES_MAX)],
    }),
    processEvents: message<ProcessEventsFrame>(20, {
      id: [1, id],
      events: [2, bytes],
      names: [3, bytes],
      droppedEvents: [4, unsigned64],
    }),
    heartbeat: message<HeartbeatResponse>(21, { id: [1, id], timeNs: [2, unsigned64] }),
    status: message<StatusResponse>(22, {
      id: [1, id],
      helperVersion: [2, words],
      method: [3, method],
      degradations: [4, list(degradation, 64)],
      programs: [5, list(words, 256)],
      startedAtMs: [6, milliseconds],
      attachedNs: [7, unsigned64],
      sessions: [8, unsigned32],
      socketsMax: [9, unsigned32],
      bytesMax: [10, unsigned32],
      residentBytes: [11, unsigned64],
    }),
    error: message<ErrorResponse>(23, {
      id: [1, id],
      code: [2, errorCode],
      message: [3, words],
      retryAfterMs: [4, optional(milliseconds)],
    }),
  },
  RESPONSE_LIMITS,
  RESPONSE_BYTES_MAX,
);

/** Throws WbError("internal") for a field outside its range, WbError("protocol") for a message too long to be sent. */
export function encodeRequest(request: HelperRequest): Uint8Array {
  return requests.encode(request);
}

/** What a client sent. Never throws. */
export function decodeRequest(frame: Uint8Array): Decoded<HelperRequest> {
  return requests.decode(frame);
}

/**
 * Throws like `encodeRequest`. The bytes of rows are copied once, into the frame; a frame with more than 64 KB of them is
 * only valid until the next such frame is made.
 */
export function encodeResponse(response: HelperResponse): Uint8Array {
  return responses.encode(response);
}

/** What a helper, or somebody in its place, sent. Never throws. */
export function decodeResponse(frame: Uint8Array): Decoded<HelperResponse> {
  return responses.decode(frame);
}
