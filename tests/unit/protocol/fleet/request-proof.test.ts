/** What a request's proof covers: everything that could be changed on its way. */
import { describe, expect, test } from "bun:test";
import { Identity } from "../../../../src/protocol/fleet/identity.ts";
import {
  AGENT_HEADER,
  COUNTER_HEADER,
  INSTANCE_HEADER,
  isRequestSigned,
  SIGNATURE_HEADER,
  signRequest,
  type RequestFacts,
} from "../../../../src/protocol/fleet/request-proof.ts";

const AGENT = Identity.generate();
const FACTS: RequestFacts = {
  parentId: "ab".repeat(16),
  agentId: AGENT.id,
  instance: "0123456789abcdef",
  counter: 41,
  method: "POST",
  path: "/api/agent/commands?after=3&wait=30",
  body: Buffer.from('{"a":1}'),
};

describe("the proof of a request", () => {
  test("says who sent it, in which run, with which number", () => {
    const headers = signRequest(AGENT, FACTS);
    expect(headers).toMatchObject({
      [AGENT_HEADER]: AGENT.id,
      [INSTANCE_HEADER]: FACTS.instance,
      [COUNTER_HEADER]: "41",
    });
    expect(headers[SIGNATURE_HEADER]).toMatch(/^[\w-]{86}$/);
    expect(isRequestSigned(AGENT.publicKey, FACTS, headers[SIGNATURE_HEADER] ?? "")).toBe(true);
  });

  test("is good for no other request, parent, run, number or key", () => {
    const signature = signRequest(AGENT, FACTS)[SIGNATURE_HEADER] ?? "";
    const changes: Partial<RequestFacts>[] = [
      { parentId: "cd".repeat(16) },
      { agentId: Identity.generate().id },
      { instance: "1123456789abcdef" },
      { counter: 42 },
      { method: "GET" },
      { path: "/api/agent/commands?after=4&wait=30" },
      { path: "/api/agent/commands" },
      { body: Buffer.from('{"a":2}') },
      { body: new Uint8Array() },
    ];
    for (const change of changes)
      expect(
        isRequestSigned(AGENT.publicKey, { ...FACTS, ...change }, signature),
        JSON.stringify(change),
      ).toBe(false);
    expect(isRequestSigned(Identity.generate().publicKey, FACTS, signature)).toBe(false);
    for (const other of ["", "A".repeat(86), signature.slice(1), `${signature}A`])
      expect(isRequestSigned(AGENT.publicKey, FACTS, other)).toBe(false);
  });

  test("fields can't be moved from one to the next", () => {
    const signature = signRequest(AGENT, { ...FACTS, method: "POST", path: "/a" })[SIGNATURE_HEADER] ?? "";
    expect(isRequestSigned(AGENT.publicKey, { ...FACTS, method: "POST/", path: "a" }, signature)).toBe(false);
  });
});
