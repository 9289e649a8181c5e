/**
 * What monitor and helper say to each other: the nouns of the protocol, one type per message. How they become bytes is
 * in codec.ts, who may say them in handshake.ts. Version 1.
 *
 * Order of a connection: the helper sends `challenge`, the client `authenticate`, the helper `authenticated` or `error`
 * and closes. Then the client asks, one answer per request, matched by `id`; only `processEvents` are sent unasked, as
 * many as the client has given credits for.
 */
import type { CaptureMethod, Degradation } from "../../model/capture-status.ts";

export const PROTOCOL_VERSION = 1;
/** What a client may send at most in one frame, and what a helper may answer. */
export const REQUEST_BYTES_MAX = 65_536;
export const RESPONSE_BYTES_MAX = 64 * 1024 * 1024;
export const NONCE_BYTES = 32;
export const TOKEN_BYTES = 32;
export const MAC_BYTES = 32;
/** Names one run of a helper: counters of another instance do not continue these. */
export const INSTANCE_BYTES = 16;

/** The first message, by the helper, before anything is known of the client. */
export interface Challenge {
  readonly type: "challenge";
  readonly version: number;
  readonly nonce: Uint8Array;
  readonly instance: Uint8Array;
  readonly pid: number;
}

export interface AuthenticateRequest {
  readonly type: "authenticate";
  readonly id: number;
  readonly version: number;
  readonly pid: number;
  /** Unix milliseconds. */
  readonly timestampMs: number;
  readonly nonce: Uint8Array;
  /** What the client says it runs from; the helper believes only what the kernel says. */
  readonly executable: string;
  readonly mac: Uint8Array;
}

export interface AuthenticateResponse {
  readonly type: "authenticated";
  readonly id: number;
  readonly token: Uint8Array;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
  /** Proves that the helper knows the secret too. */
  readonly mac: Uint8Array;
}

interface Asked {
  readonly id: number;
  readonly token: Uint8Array;
}

export interface ConnectionStatsRequest extends Asked {
  readonly type: "connectionStats";
  /** Only rows that changed since then (CLOCK_BOOTTIME, the `timeNs` of an earlier answer); 0 for all. */
  readonly sinceNs: number;
}

/** Cumulative since the helper's instance began, over all CPUs: struct wb_loss of ebpf/records.h. */
export interface KernelLoss {
  readonly socketsFull: number;
  readonly bytesFull: number;
  readonly lostSent: number;
  readonly lostReceived: number;
  readonly eventsFull: number;
  readonly namesFull: number;
  readonly peersMerged: number;
  readonly returnsLost: number;
}

export interface ConnectionStatsResponse {
  readonly type: "connectionStats";
  readonly id: number;
  /** CLOCK_BOOTTIME nanoseconds before the maps were read. */
  readonly timeNs: number;
  /** Rows of struct wb_socket_key + struct wb_socket, 144 bytes each; decode/ebpf-records.ts reads them. */
  readonly sockets: Uint8Array;
  /** Rows of struct wb_bytes_key + struct wb_bytes, 96 bytes each. */
  readonly bytes: Uint8Array;
  /** As the two above: of sockets that closed since this session's last answer, with their final counts. */
  readonly closedSockets: Uint8Array;
  readonly closedBytes: Uint8Array;
  readonly loss: KernelLoss;
  /** Closed rows that this session was too slow to be told, and their bytes. Cumulative for the session. */
  readonly missedRows: number;
  readonly missedBytes: number;
}

export interface ProcessStatsRequest extends Asked {
  readonly type: "processStats";
  /** At most PROCESSES_MAX. */
  readonly pids: readonly number[];
}

export const PROCESSES_MAX = 1000;

/** What an unprivileged client may not read by itself. */
export interface ProcessRow {
  readonly pid: number;
  /** Clock ticks since boot, as /proc/PID/stat has it. */
  readonly startTime: number;
  readonly parentPid: number;
  readonly userId: number;
  readonly name: string;
  readonly path: string | undefined;
  readonly commandLine: readonly string[];
  readonly memoryBytes: number;
  readonly cpuTimeMs: number;
}

export interface ProcessStatsResponse {
  readonly type: "processStats";
  readonly id: number;
  /** Of the pids that exist. */
  readonly processes: readonly ProcessRow[];
}

/** Begins the stream, or gives it more credits. One credit is one frame. */
export interface ProcessEventsRequest extends Asked {
  readonly type: "processEvents";
  readonly credits: number;
}

export interface ProcessEventsFrame {
  readonly type: "processEvents";
  /** Of the request that began the stream. */
  readonly id: number;
  /** Records of struct wb_event and what follows it, one after the other, each `size` bytes long. */
  readonly events: Uint8Array;
  /** Records of struct wb_name, likewise. */
  readonly names: Uint8Array;
  /** Records dropped for this session because it gave no credits in time. Cumulative. */
  readonly droppedEvents: number;
}

export interface HeartbeatRequest extends Asked {
  readonly type: "heartbeat";
}

export interface HeartbeatResponse {
  readonly type: "heartbeat";
  readonly id: number;
  readonly timeNs: number;
}

export interface StatusRequest extends Asked {
  readonly type: "status";
}

export interface StatusResponse {
  readonly type: "status";
  readonly id: number;
  readonly helperVersion: string;
  readonly method: CaptureMethod;
  readonly degradations: readonly Degradation[];
  /** Names of the kernel programs that are attached. */
  readonly programs: readonly string[];
  readonly startedAtMs: number;
  /** CLOCK_BOOTTIME nanoseconds: what sockets that existed before are told by. */
  readonly attachedNs: number;
  readonly sessions: number;
  readonly socketsMax: number;
  readonly bytesMax: number;
  readonly residentBytes: number;
}

export type HelperErrorCode =
  | "version" // the other speaks another version of the protocol
  | "refused" // authentication failed; which check is in the helper's log only
  | "too_many_sessions"
  | "unauthenticated" // no token, a wrong one, or one of another connection
  | "expired"
  | "rate_limited"
  | "bad_request"
  | "too_large"
  | "unavailable"; // the helper can't answer now

export interface ErrorResponse {
  readonly type: "error";
  readonly id: number;
  readonly code: HelperErrorCode;
  readonly message: string;
  /** With `rate_limited`. */
  readonly retryAfterMs: number | undefined;
}

export type HelperRequest =
  | AuthenticateRequest
  | ConnectionStatsRequest
  | ProcessStatsRequest
  | ProcessEventsRequest
  | HeartbeatRequest
  | StatusRequest;

export type HelperResponse =
  | Challenge
  | AuthenticateResponse
  | ConnectionStatsResponse
  | ProcessStatsResponse
  | ProcessEventsFrame
  | HeartbeatResponse
  | StatusResponse
  | ErrorResponse;
