/**
 * How an agent proves itself in every request: a signature over the parent, itself, this run of it, a counter that never
 * comes twice, the method, the path with its query, and the body. The parent refuses a counter that it has seen.
 */
import { canonicalBytes, sha256, toBase64Url } from "./canonical.ts";
import { isSignedBy, type Signer } from "./identity.ts";
import type { KeyObject } from "node:crypto";

export const AGENT_HEADER = "x-agent-id";
/** Random for each start of the agent: two that live at once with one key are a clone. */
export const INSTANCE_HEADER = "x-wb-instance";
/** Rises with each request; kept across restarts. */
export const COUNTER_HEADER = "x-wb-counter";
export const SIGNATURE_HEADER = "x-wb-signature";

export interface RequestFacts {
  readonly parentId: string;
  readonly agentId: string;
  readonly instance: string;
  readonly counter: number;
  readonly method: string;
  /** With its query: `/api/agent/commands?after=3`. */
  readonly path: string;
  readonly body: Uint8Array;
}

function proofBytes(facts: RequestFacts): Uint8Array {
  const { parentId, agentId, instance, counter, method, path, body } = facts;
  return canonicalBytes("wirebound-request-v1", [
    parentId,
    agentId,
    instance,
    counter,
    method,
    path,
    sha256(body),
  ]);
}

/** The headers that go with the request. */
export function signRequest(signer: Signer, facts: Omit<RequestFacts, "agentId">): Record<string, string> {
  const signature = signer.sign(proofBytes({ ...facts, agentId: signer.id }));
  return {
    [AGENT_HEADER]: signer.id,
    [INSTANCE_HEADER]: facts.instance,
    [COUNTER_HEADER]: String(facts.counter),
    [SIGNATURE_HEADER]: toBase64Url(signature),
  };
}

export function isRequestSigned(
  publicKey: string | KeyObject,
  facts: RequestFacts,
  signature: string,
): boolean {
  return isSignedBy(publicKey, proofBytes(facts), signature);
}
