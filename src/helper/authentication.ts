/**
 * Whether a client is who it has to be. The checks go from the cheapest to the dearest, the first that fails ends them; its
 * name is for the log alone, so that a stranger does not learn how far it came. Knowing the secret is the last of them.
 */
import type { Clock } from "../lib/clock.ts";
import { clientMac, equalInConstantTime, type HandshakeFacts } from "../protocol/helper/handshake.ts";
import { PROTOCOL_VERSION, type AuthenticateRequest, type Challenge } from "../protocol/helper/messages.ts";
import type { PeerCredentials } from "../protocol/helper/transport.ts";
import { NonceLedger } from "./nonces.ts";
import type { PeerFacts } from "./peers.ts";

/** What the time of a handshake may differ from the helper's, either way. */
export const TIMESTAMP_MS_MAX = 30_000;
const ROOT = 0;

/** Who may connect at all. */
export interface Access {
  readonly userIds: readonly number[];
  /** Members of this group may, too. */
  readonly groupId: number | undefined;
  /** The one process that may, in the launched mode: an ancestor of the helper. */
  readonly clientPid: number | undefined;
}

export type Refusal =
  | "peer_unknown" // the kernel doesn't say who it is, or it is gone
  | "user_not_allowed"
  | "version"
  | "pid_forged"
  | "pid_reused"
  | "not_the_launcher"
  | "not_an_ancestor"
  | "executable"
  | "timestamp"
  | "nonce_replayed"
  | "too_many_handshakes"
  | "secret";

/** What is known of a connection from its beginning. */
export interface KnownPeer {
  readonly credentials: PeerCredentials;
  readonly startTicks: number;
}

export class Authenticator {
  readonly #secret: Uint8Array;
  readonly #access: Access;
  readonly #facts: PeerFacts;
  readonly #clock: Clock;
  readonly #nonces = new NonceLedger();

  constructor(secret: Uint8Array, access: Access, facts: PeerFacts, clock: Clock) {
    this.#secret = secret;
    this.#access = access;
    this.#facts = facts;
    this.#clock = clock;
  }

  /** Whether somebody may speak at all: asked once, when the connection is made. */
  admit(credentials: PeerCredentials | undefined): KnownPeer | Refusal {
    // A pid of 0 is a process of another pid namespace, of which nothing can be checked.
    if (credentials === undefined || credentials.pid === 0) return "peer_unknown";
    const startTicks = this.#facts.startTicks(credentials.pid);
    if (startTicks === undefined) return "peer_unknown";
    return this.#isAllowed(credentials) ? { credentials, startTicks } : "user_not_allowed";
  }

  /** The first check that fails; undefined where all is well. */
  check(request: AuthenticateRequest, peer: KnownPeer, challenge: Challenge): Refusal | undefined {
    const { pid } = peer.credentials;
    if (request.version !== PROTOCOL_VERSION) return "version";
    if (request.pid !== pid) return "pid_forged";
    if (this.#facts.startTicks(pid) !== peer.startTicks) return "pid_reused";
    const { clientPid } = this.#access;
    if (clientPid !== undefined && pid !== clientPid) return "not_the_launcher";
    if (clientPid !== undefined && !this.#facts.isAncestor(pid)) return "not_an_ancestor";
    const executable = this.#facts.executable(pid);
    if (executable !== "file" && executable !== "digest") return "executable";
    // Once more: what was just looked at must have been the process that connected.
    if (this.#facts.startTicks(pid) !== peer.startTicks) return "pid_reused";
    if (Math.abs(request.timestampMs - this.#clock.nowMs()) > TIMESTAMP_MS_MAX) return "timestamp";
    const nonce = this.#nonces.note(request.nonce, this.#clock.monotonicMs());
    if (nonce !== "fresh") return nonce === "seen" ? "nonce_replayed" : "too_many_handshakes";
    const expected = clientMac(this.#secret, handshakeFacts(request, challenge));
    return equalInConstantTime(expected, request.mac) ? undefined : "secret";
  }

  #isAllowed({ pid, userId, groupId }: PeerCredentials): boolean {
    if (userId === ROOT || this.#access.userIds.includes(userId)) return true;
    const wanted = this.#access.groupId;
    if (wanted === undefined) return false;
    return groupId === wanted || (this.#facts.groups(pid)?.groupIds.includes(wanted) ?? false);
  }
}

/** What both ends sign. */
export function handshakeFacts(request: AuthenticateRequest, challenge: Challenge): HandshakeFacts {
  return {
    version: request.version,
    helperNonce: challenge.nonce,
    instance: challenge.instance,
    helperPid: challenge.pid,
    clientNonce: request.nonce,
    clientPid: request.pid,
    timestampMs: request.timestampMs,
    executable: request.executable,
  };
}
