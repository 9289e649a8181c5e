/** What is signed beside requests and batches: joining and commands; and the code that two people compare. */
import { canonicalBytes, fromBase64Url, sha256, toBase64Url } from "./canonical.ts";
import type { Command, JoinRequest } from "./messages.ts";

/** Crockford's base32: no letter that can be taken for another. */
const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const CODE_LENGTH = 8;

/** `parentPin`: of the TLS key that the agent sees, so that a request can't be passed on by somebody in between. */
export function joinBytes(request: Omit<JoinRequest, "signature">, parentPin: string): Uint8Array {
  const { publicKey, machine, token, commitment } = request;
  return canonicalBytes("wirebound-join-v1", [
    parentPin,
    publicKey,
    token,
    commitment,
    JSON.stringify(machine),
  ]);
}

/** What the agent commits to before it knows the parent's nonce. */
export function commitmentOf(nonce: string): string {
  return toBase64Url(sha256(fromBase64Url(nonce)));
}

/** What the agent shows and the parent shows: `ABCD-1234`. They differ where somebody is in between. */
export function approvalCode(facts: {
  readonly parentPin: string;
  readonly parentKey: string;
  readonly agentKey: string;
  readonly agentNonce: string;
  readonly parentNonce: string;
}): string {
  const { parentPin, parentKey, agentKey, agentNonce, parentNonce } = facts;
  const digest = sha256(
    canonicalBytes("wirebound-approval-v1", [parentPin, parentKey, agentKey, agentNonce, parentNonce]),
  );
  const letters = Array.from(
    digest.subarray(0, CODE_LENGTH),
    (byte) => ALPHABET[byte % ALPHABET.length],
  ).join("");
  return `${letters.slice(0, 4)}-${letters.slice(4)}`;
}

export function commandBytes(parentId: string, command: Omit<Command, "signature">): Uint8Array {
  const { agentId, seq, kind, issuedAtMs, expiresAtMs, payload } = command;
  return canonicalBytes("wirebound-command-v1", [
    parentId,
    agentId,
    seq,
    kind,
    issuedAtMs,
    expiresAtMs,
    payload,
  ]);
}
