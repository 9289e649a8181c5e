/**
 * The hash of a set of running processes, by which agent and parent see whether they know the same ones: the sum modulo
 * 2^128 of the first 128 bits of the SHA-256 of each process id. It is the same in whatever order they came, and one that
 * comes or goes is added or taken away.
 */
import { sha256 } from "./canonical.ts";

const BITS = 128;
const HEX_DIGITS = 32;
const BYTES = 16;

function hashOf(processId: string): bigint {
  return BigInt(`0x${Buffer.from(sha256(processId).subarray(0, BYTES)).toString("hex")}`);
}

export function addToSet(set: bigint, processId: string): bigint {
  return BigInt.asUintN(BITS, set + hashOf(processId));
}

export function removeFromSet(set: bigint, processId: string): bigint {
  return BigInt.asUintN(BITS, set - hashOf(processId));
}

/** 32 hexadecimal digits, as it travels. */
export function formatSetHash(set: bigint): string {
  return set.toString(16).padStart(HEX_DIGITS, "0");
}

/** From `formatSetHash`. */
export function parseSetHash(text: string): bigint {
  return BigInt(`0x${text}`);
}
