/** Arbitrary messages between monitor and helper, for property tests: every type, every field over its whole range. */
import * as fc from "fast-check";
import type { Degradation } from "../../src/model/capture-status.ts";
import {
  type HelperRequest,
  type HelperResponse,
  INSTANCE_BYTES,
  MAC_BYTES,
  NONCE_BYTES,
  PROCESSES_MAX,
  type ProcessRow,
  TOKEN_BYTES,
} from "../../src/protocol/helper/messages.ts";

export function exactBytes(length: number): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: length, maxLength: length });
}

const unsigned32 = fc.oneof(fc.constantFrom(0, 23, 24, 255, 256, 65_535, 65_536, 2 ** 32 - 1), fc.nat());
const unsigned64 = fc.oneof(unsigned32, fc.constantFrom(2 ** 32, 2 ** 53, 2 ** 63, 2 ** 64), fc.maxSafeNat());
const pid = fc.nat(2 ** 31 - 1);
const words = fc.string({ unit: "binary", maxLength: 300 });
const rows = fc.uint8Array({ maxLength: 2000 });
const token = exactBytes(TOKEN_BYTES);
const id = unsigned32;

export const anyRequest: fc.Arbitrary<HelperRequest> = fc.oneof(
  fc.record({
    type: fc.constant("authenticate" as const),
    id,
    version: unsigned32,
    pid,
    timestampMs: fc.maxSafeNat(),
    nonce: exactBytes(NONCE_BYTES),
    executable: fc.string({ unit: "binary", maxLength: 2048 }),
    mac: exactBytes(MAC_BYTES),
  }),
  fc.record({ type: fc.constant("connectionStats" as const), id, token, sinceNs: unsigned64 }),
  fc.record({
    type: fc.constant("processStats" as const),
    id,
    token,
    pids: fc.oneof(
      fc.array(pid, { maxLength: 50 }),
      fc.constant(Array.from({ length: PROCESSES_MAX }, (_, index) => 4_000_000 + index)),
    ),
  }),
  fc.record({ type: fc.constant("processEvents" as const), id, token, credits: unsigned32 }),
  fc.record({ type: fc.constant("heartbeat" as const), id, token }),
  fc.record({ type: fc.constant("status" as const), id, token }),
);

const processRow: fc.Arbitrary<ProcessRow> = fc.record({
  pid,
  startTime: unsigned64,
  parentPid: pid,
  userId: unsigned32,
  name: words,
  path: fc.option(words, { nil: undefined }),
  commandLine: fc.array(words, { maxLength: 20 }),
  memoryBytes: unsigned64,
  cpuTimeMs: unsigned64,
});

const degradation: fc.Arbitrary<Degradation> = fc.record({
  code: fc.constantFrom<Degradation["code"]>("no_sock_diag", "kernel_returns", "no_process_events"),
  message: words,
  remedy: words,
});

export const anyResponse: fc.Arbitrary<HelperResponse> = fc.oneof(
  fc.record({
    type: fc.constant("challenge" as const),
    version: unsigned32,
    nonce: exactBytes(NONCE_BYTES),
    instance: exactBytes(INSTANCE_BYTES),
    pid,
  }),
  fc.record({
    type: fc.constant("authenticated" as const),
    id,
    token,
    expiresAtMs: fc.maxSafeNat(),
    mac: exactBytes(MAC_BYTES),
  }),
  fc.record({
    type: fc.constant("connectionStats" as const),
    id,
    timeNs: unsigned64,
    sockets: rows,
    bytes: rows,
    closedSockets: rows,
    closedBytes: rows,
    loss: fc.record({
      socketsFull: unsigned64,
      bytesFull: unsigned64,
      lostSent: unsigned64,
      lostReceived: unsigned64,
      eventsFull: unsigned64,
      namesFull: unsigned64,
      peersMerged: unsigned64,
      returnsLost: unsigned64,
    }),
    missedRows: unsigned64,
    missedBytes: unsigned64,
  }),
  fc.record({
    type: fc.constant("processStats" as const),
    id,
    processes: fc.array(processRow, { maxLength: 5 }),
  }),
  fc.record({
    type: fc.constant("processEvents" as const),
    id,
    events: rows,
    names: rows,
    droppedEvents: unsigned64,
  }),
  fc.record({ type: fc.constant("heartbeat" as const), id, timeNs: unsigned64 }),
  fc.record({
    type: fc.constant("status" as const),
    id,
    helperVersion: words,
    method: fc.constantFrom("ebpf_tracepoint" as const, "ebpf_kprobe" as const),
    degradations: fc.array(degradation, { maxLength: 5 }),
    programs: fc.array(words, { maxLength: 10 }),
    startedAtMs: fc.maxSafeNat(),
    attachedNs: unsigned64,
    sessions: unsigned32,
    socketsMax: unsigned32,
    bytesMax: unsigned32,
    residentBytes: unsigned64,
  }),
  fc.record({
    type: fc.constant("error" as const),
    id,
    code: fc.constantFrom("version" as const, "rate_limited" as const, "unavailable" as const),
    message: words,
    retryAfterMs: fc.option(fc.maxSafeNat(), { nil: undefined }),
  }),
);
