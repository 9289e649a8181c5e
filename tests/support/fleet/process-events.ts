/** Events of processes as an agent tells them, for programs that a test names: with the seed's fingerprint hash. */
import { createHash } from "node:crypto";
import { fingerprintHashOf } from "../../../src/protocol/fleet/fingerprint.ts";
import { EMPTY_SET_HASH } from "../../../src/protocol/fleet/payloads.ts";
import type { ClassificationRequest } from "../../../src/protocol/fleet/classification.ts";

export interface ProgramOptions {
  readonly path?: string | null;
  readonly publisher?: string | null;
}

/** As an agent asks for it. */
export function programNamed(name: string, options: ProgramOptions = {}): ClassificationRequest {
  const parts = { name, path: options.path ?? null, fileHash: null, publisher: options.publisher ?? null };
  return { fingerprintHash: fingerprintHashOf(parts), ...parts, signature: null, version: null };
}

const TWO_128 = 1n << 128n;

/** Sum modulo 2^128 of the first 128 bits of SHA-256 of each id. */
function setHashOf(processIds: readonly string[]): string {
  let sum = 0n;
  for (const id of processIds) {
    sum += BigInt(`0x${createHash("sha256").update(id).digest("hex").slice(0, 32)}`);
  }
  return processIds.length === 0 ? EMPTY_SET_HASH : (sum % TWO_128).toString(16).padStart(32, "0");
}

/** Payloads of `process_started`, one after the other. */
export class ProcessTeller {
  readonly #running: string[] = [];
  #pid = 1000;

  started(program: ClassificationRequest, startedAtMs: number): unknown {
    this.#pid += 1;
    const processId = `${this.#pid}_${startedAtMs}`;
    const baseHash = setHashOf(this.#running);
    this.#running.push(processId);
    const { fingerprintHash, ...fingerprint } = program;
    return {
      eventType: "started",
      processId,
      fingerprintHash,
      timestamp: new Date(startedAtMs).toISOString(),
      baseHash,
      eventData: {
        processId,
        pid: this.#pid,
        parentPid: 1,
        parentProcessId: null,
        userId: 1000,
        userName: "anna",
        startedAtMs,
        isStartExact: true,
        memoryBytes: null,
        cpuTimeMs: null,
        fingerprintHash,
        fingerprint: { ...fingerprint, commandLinePattern: `${program.name} --flag` },
        category: "unknown",
      },
    };
  }
}
