/** The classification API is for agents, by their signature, and for others who ask as the seed's cloud is asked, by an API key. */
import { SIGNATURE_HEADER } from "../../protocol/fleet/request-proof.ts";
import { requireAgent } from "../agents/guard.ts";
import type { Role } from "../../model/fleet.ts";
import type { ServerContext } from "../context.ts";
import type { Middleware, RequestContext } from "../http/limits.ts";
import { requireRole } from "../people/guard.ts";

/** An agent that is active, or a person or key with this role. The seed's X-Agent-ID alone proves nothing. */
export function requireAgentOrRole(context: ServerContext, role: Role): Middleware {
  const agents = requireAgent(context);
  const people = requireRole(context, role);
  return (c, next) => (c.req.header(SIGNATURE_HEADER) === undefined ? people(c, next) : agents(c, next));
}

export type Asker =
  | { readonly kind: "agent"; readonly id: string }
  | { readonly kind: "person"; readonly id: string; readonly role: Role };

/** Who came through `requireAgentOrRole`. */
export function askerOf(c: RequestContext): Asker {
  const agent = c.get("agent") as { readonly id: string } | undefined;
  if (agent !== undefined) return { kind: "agent", id: agent.id };
  const { kind, id, role } = c.get("caller");
  return { kind: "person", id: `${kind}:${id}`, role };
}

/** Asking is reading; what follows from it is stored for agents and for those who may change something. */
export function mayTeach(asker: Asker): boolean {
  return asker.kind === "agent" || asker.role !== "viewer";
}
