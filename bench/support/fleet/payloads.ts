/** Events as real agents send them: processes that start and stop, flows, health, with the sizes that they really have. */
import { createHash } from "node:crypto";
import type { EventItem, StreamName } from "../../../src/protocol/fleet/envelope.ts";
import { fingerprintHashOf, type FingerprintParts } from "../../../src/protocol/fleet/fingerprint.ts";
import { EMPTY_SET_HASH } from "../../../src/protocol/fleet/payloads.ts";

const PROGRAMS = ["bash", "git", "node", "python3.11", "firefox-esr", "rg", "clang", "sshd", "curl", "steam"];
const started = Date.now();

/** What its hash is made of. */
function partsOf(name: string): FingerprintParts {
  const fileHash = createHash("sha256").update(name).digest("hex");
  return { name, path: `/usr/bin/${name}`, fileHash, publisher: "Debian Developers" };
}

const HASHES = new Map(PROGRAMS.map((name) => [name, fingerprintHashOf(partsOf(name))]));

/** The event with this place in its stream: a start at every odd seq, its stop at the next. */
export function payloadOf(stream: StreamName, seq: number): EventItem {
  const timestampMs = Date.now();
  if (stream === "flow")
    return { seq, type: "flow_summary", timestampMs, provider: "flows", eventId: 1, payload: flow(seq) };
  if (stream === "health")
    return { seq, type: "provider_health", timestampMs, provider: "agent", eventId: 1, payload: health(seq) };
  const isStart = seq % 2 === 1;
  const payload = isStart ? start(seq) : stop(seq - 1);
  return {
    seq,
    type: isStart ? "process_started" : "process_stopped",
    timestampMs,
    provider: "processes",
    eventId: isStart ? 1 : 2,
    payload,
  };
}

function identityOf(seq: number): {
  name: string;
  pid: number;
  startedAtMs: number;
  processId: string;
  fingerprintHash: string;
} {
  const name = PROGRAMS[seq % PROGRAMS.length] ?? "bash";
  const pid = 1000 + (seq % 30_000);
  const startedAtMs = started + seq;
  return {
    name,
    pid,
    startedAtMs,
    processId: `${pid}_${startedAtMs}`,
    fingerprintHash: HASHES.get(name) ?? "",
  };
}

function start(seq: number): string {
  const { name, pid, startedAtMs, processId, fingerprintHash } = identityOf(seq);
  return JSON.stringify({
    eventType: "started",
    processId,
    fingerprintHash,
    eventData: {
      processId,
      pid,
      parentPid: 900,
      parentProcessId: `900_${started}`,
      userId: 1000,
      userName: "anna",
      startedAtMs,
      isStartExact: true,
      memoryBytes: 4_194_304,
      cpuTimeMs: 3,
      fingerprintHash,
      fingerprint: {
        ...partsOf(name),
        signature: null,
        version: "1.2.3-4+deb12u1",
        commandLinePattern: `${name} --option value /home/<USER>/project`,
      },
      category: "development",
    },
    timestamp: new Date(startedAtMs).toISOString(),
    baseHash: EMPTY_SET_HASH,
  });
}

function stop(seq: number): string {
  const { name, pid, startedAtMs, processId, fingerprintHash } = identityOf(seq);
  const stoppedAtMs = startedAtMs + 40;
  return JSON.stringify({
    eventType: "stopped",
    processId,
    fingerprintHash,
    eventData: { processId, pid, name, startedAtMs, stoppedAtMs, isEndExact: true, exitCode: 0 },
    timestamp: new Date(stoppedAtMs).toISOString(),
    // The one process that runs is this one.
    baseHash: createHash("sha256").update(processId).digest("hex").slice(0, EMPTY_SET_HASH.length),
  });
}

function flow(seq: number): string {
  return JSON.stringify({
    intervalStartMs: started + seq * 10,
    intervalEndMs: started + seq * 10 + 30_000,
    processId: `${1000 + (seq % 50)}_${started}`,
    processName: PROGRAMS[seq % PROGRAMS.length],
    protocol: "tcp",
    remoteAddress: `192.0.2.${seq % 250}`,
    remotePort: 443,
    remoteHost: "service.example.org",
    bytesSent: 1234 + seq,
    bytesReceived: 98_765 + seq,
    uncertaintyBytes: 0,
    meaning: "payload",
    connections: 1,
  });
}

function health(seq: number): string {
  return JSON.stringify({
    provider: "processes",
    state: "live",
    eventsTotal: seq * 100,
    eventsPerSecond: 3.3,
    restarts: 0,
    lost: 0,
    detail: "",
  });
}
