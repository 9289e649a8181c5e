/** An agent for tests of the parent's store: it makes real events, chains and signs them, and verifies its own batches. */
import {
  type BatchItem,
  type EpochOrigin,
  type EventItem,
  type LossItem,
  type SignedBatch,
  type StreamName,
} from "../../../src/protocol/fleet/envelope.ts";
import { fingerprintHashOf } from "../../../src/protocol/fleet/fingerprint.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import type { Heartbeat, MachineFacts } from "../../../src/protocol/fleet/messages.ts";
import type { Fingerprint, FlowSummary, RunningProcess } from "../../../src/protocol/fleet/payloads.ts";
import { addToSet, formatSetHash, removeFromSet } from "../../../src/protocol/fleet/set-hash.ts";
import { hashItems, verifyBatch } from "../../../src/protocol/fleet/verify-batch.ts";
import type { FleetStore, VerifiedBatch } from "../../../src/store/fleet/contract.ts";

import { signItems } from "./batches.ts";

export const PARENT_ID = "0".repeat(32);
/** 2026-03-01 12:00 UTC. */
export const T0 = 1_772_366_400_000;
export const EPOCH_A = "a".repeat(16);
export const EPOCH_B = "b".repeat(16);

export const MACHINE: MachineFacts = {
  hostname: "workbench",
  platform: "linux-x64 Debian 12",
  kernel: "6.1.0",
  version: "0.1.0",
  machineId: null,
};

export class StoredAgent {
  readonly identity = Identity.generate();

  get id(): string {
    return this.identity.id;
  }

  /** By approval, at once. */
  async join(store: FleetStore, hostname = MACHINE.hostname): Promise<void> {
    await store.agents.join({
      agentId: this.id,
      publicKey: this.identity.publicKey,
      machine: { ...MACHINE, hostname },
      token: null,
      commitment: "c".repeat(43),
      parentNonce: "n".repeat(43),
      address: "192.0.2.1",
      nowMs: T0,
    });
    await store.agents.setState(this.id, "active", "known", { name: "ann", address: null }, T0);
  }

  /** Items one after the other, from one epoch; `previousChain` is that of the item before the first. */
  batch(
    stream: StreamName,
    items: readonly BatchItem[],
    options: { epoch?: string; previousChain?: string | null; follows?: EpochOrigin } = {},
  ): VerifiedBatch {
    const { epoch = EPOCH_A, previousChain = null, follows = null } = options;
    const header = { parentId: PARENT_ID, stream, epoch, previousChain, follows };
    const batch = signItems(items, header, this.identity);
    const { chains } = hashItems({ agentId: this.id, stream, epoch }, items, previousChain);
    return { batch, chains, receivedAtMs: T0 + 1000 };
  }

  verify(batch: SignedBatch): boolean {
    return "chains" in verifyBatch(batch, this.identity.publicKey);
  }
}

export function event(seq: number, type: string, payload: unknown, timestampMs = T0 + seq): EventItem {
  const text = typeof payload === "string" ? payload : JSON.stringify(payload);
  return { seq, type, timestampMs, provider: "wirebound", eventId: 1, payload: text };
}

export function note(seq: number, text = `note ${seq}`): EventItem {
  return event(seq, "note", { text });
}

export function loss(firstSeq: number, lastSeq: number, chain: string | null = null): LossItem {
  return { firstSeq, lastSeq, reason: "quota", bytes: 100, chain, declaredAtMs: T0 };
}

export function hashFor(name: string): string {
  return fingerprintHashOf(fingerprint(name));
}

export function fingerprint(name: string): Fingerprint {
  return {
    name,
    path: `/usr/bin/${name}`,
    fileHash: null,
    signature: null,
    publisher: "Debian",
    version: "1.0",
    commandLinePattern: `${name} --quiet`,
  };
}

/** What the agent knows to run: makes events with the right base hashes. */
export class Processes {
  #set = 0n;
  #seq = 0;

  get setHash(): string {
    return formatSetHash(this.#set);
  }

  running(pid: number, name: string, startedAtMs = T0 + pid): RunningProcess {
    return {
      processId: `${pid}_${startedAtMs}`,
      pid,
      parentPid: 1,
      parentProcessId: `1_${T0}`,
      userId: 1000,
      userName: "ann",
      startedAtMs,
      isStartExact: true,
      memoryBytes: 4096,
      cpuTimeMs: 1.5,
      fingerprintHash: hashFor(name),
      fingerprint: fingerprint(name),
      category: "utility",
    };
  }

  started(process: RunningProcess): EventItem {
    const baseHash = this.setHash;
    this.#set = addToSet(this.#set, process.processId);
    this.#seq += 1;
    const { processId, fingerprintHash } = process;
    return event(this.#seq, "process_started", {
      eventType: "started",
      processId,
      fingerprintHash,
      eventData: process,
      timestamp: "2026-03-01T12:00:00.000Z",
      baseHash,
    });
  }

  stopped(process: RunningProcess, stoppedAtMs: number, isEndExact = true): EventItem {
    const baseHash = this.setHash;
    this.#set = removeFromSet(this.#set, process.processId);
    this.#seq += 1;
    const { processId, fingerprintHash, pid, startedAtMs } = process;
    return event(this.#seq, "process_stopped", {
      eventType: "stopped",
      processId,
      fingerprintHash,
      eventData: {
        processId,
        pid,
        name: process.fingerprint.name,
        startedAtMs,
        stoppedAtMs,
        isEndExact,
        exitCode: 0,
      },
      timestamp: "2026-03-01T12:00:00.000Z",
      baseHash,
    });
  }

  /** What happened without an event. */
  silently(change: "start" | "stop", process: RunningProcess): void {
    const step = change === "start" ? addToSet : removeFromSet;
    this.#set = step(this.#set, process.processId);
  }

  snapshot(
    processes: readonly RunningProcess[],
    of: { id?: string; part?: number; parts?: number; takenAtMs: number },
  ): EventItem {
    this.#seq += 1;
    const { id = "5".repeat(16), part = 1, parts = 1, takenAtMs } = of;
    return event(this.#seq, "process_snapshot", {
      eventType: "snapshot",
      snapshotId: id,
      part,
      parts,
      setHash: this.setHash,
      takenAtMs,
      processes,
    });
  }
}

export function flow(index: number): FlowSummary {
  return {
    intervalStartMs: T0 + index * 1000,
    intervalEndMs: T0 + index * 1000 + 1000,
    processId: `7_${T0}`,
    processName: "curl",
    protocol: "tcp",
    remoteAddress: `198.51.100.${index % 250}`,
    remotePort: 443,
    remoteHost: index % 2 === 0 ? "example.org" : null,
    bytesSent: index,
    bytesReceived: 1000 + index,
    uncertaintyBytes: 0,
    meaning: "payload",
    connections: 1,
  };
}

export function heartbeat(agentId: string, change: Partial<Heartbeat> = {}): Heartbeat {
  return {
    agentId,
    clock: { wallMs: T0, monotonicMs: 1, bootId: "boot" },
    machine: MACHINE,
    captureMethod: "sock_diag",
    notices: ["no helper"],
    health: {
      cpuPercent: 12.5,
      memoryTotalBytes: 8_000_000_000,
      memoryAvailableBytes: 4_000_000_000,
      diskTotalBytes: 100_000_000_000,
      diskFreeBytes: 50_000_000_000,
      uptimeSeconds: 100,
      load: [0.1, 0.2, 0.3],
    },
    sessions: [{ user: "ann", terminal: "tty2", host: null, startedAtMs: T0 }],
    streams: [],
    runningProcesses: 3,
    residentBytes: 40_000_000,
    configHash: "",
    commandCursor: 0,
    lease: null,
    challenge: null,
    ...change,
  };
}
