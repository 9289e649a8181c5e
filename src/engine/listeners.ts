/**
 * The TCP listeners of one moment: which ports are served here, and by whom. A connection that was accepted and gone
 * between two looks, or that waits to be accepted, has no holder that anybody saw; its listener's is the likely one.
 */
import type { SocketIdentity, SocketSample } from "../model/flow.ts";
import { portKey } from "./service-port.ts";

export class Listeners {
  readonly #byPort = new Map<number, SocketSample[]>();

  constructor(sockets: readonly SocketSample[]) {
    for (const sample of sockets) {
      if (sample.state !== "listen") continue;
      const key = portKey(sample.identity.protocol, sample.identity.localPort);
      const others = this.#byPort.get(key);
      if (others === undefined) this.#byPort.set(key, [sample]);
      else others.push(sample);
    }
  }

  has(key: number): boolean {
    return this.#byPort.has(key);
  }

  /**
   * The sample itself, or with its listener's process as an inferred one, where nobody saw a holder and all listeners
   * that can have accepted it agree. A TIME_WAIT socket is left alone: nobody holds it any more.
   */
  attribute<Sample extends SocketSample>(sample: Sample): Sample {
    const { protocol } = sample.identity;
    if (sample.attribution !== "unknown" || (protocol !== "tcp" && protocol !== "mptcp")) return sample;
    if (sample.state === "listen" || sample.state === "time_wait") return sample;
    const candidates = (this.#byPort.get(portKey(protocol, sample.identity.localPort)) ?? []).filter(
      ({ identity }) => canAccept(identity, sample.identity),
    );
    const owner = candidates[0]?.owners[0];
    if (owner === undefined || candidates.some(({ owners }) => owners[0] !== owner)) return sample;
    return { ...sample, owners: candidates[0]?.owners ?? [], attribution: "inferred" };
  }
}

function canAccept(listener: SocketIdentity, connection: SocketIdentity): boolean {
  if (listener.networkNamespace !== connection.networkNamespace) return false;
  const { localAddress } = listener;
  // A listener on :: takes IPv4 connections too, unless it was told otherwise.
  if (localAddress === connection.localAddress || localAddress === "::") return true;
  return localAddress === "0.0.0.0" && !connection.localAddress.includes(":");
}
