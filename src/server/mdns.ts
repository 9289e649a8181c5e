/**
 * Tells the local network that a parent is here (DNS-SD over mDNS, RFC 6763 and RFC 6762), so that `wb agent discover` finds it.
 * A convenience and no more: what is told proves nothing, and where it can't be told the parent works as well.
 */
import type { EventEmitter } from "node:events";
import { MDNS_TYPE } from "../protocol/fleet/paths.ts";
import type { ServerLog } from "./context.ts";

/** A label has 63 bytes at the most (RFC 1035, section 2.3.4). */
const LABEL_BYTES_MAX = 63;
const ID_LENGTH = 8;
const STOP_MS = 500;

export interface Advertisement {
  readonly id: string;
  readonly name: string;
  readonly pin: string;
  readonly port: number;
}

/** Cut at the end of a code point. */
function label(text: string, bytesMax: number): string {
  const bytes = new Uint8Array(bytesMax);
  const { written } = new TextEncoder().encodeInto(text.replaceAll(/[.\p{Cc}]/gu, "-"), bytes);
  return new TextDecoder().decode(bytes.subarray(0, written));
}

/** Until the answer is called, which takes it back. Never throws: what fails is logged. */
export async function advertise(what: Advertisement, log: ServerLog): Promise<() => Promise<void>> {
  const failed = (error: unknown): void =>
    log.warn("the local network is not told of this parent (mDNS)", { error });
  try {
    const { Bonjour } = await import("bonjour-service");
    const bonjour = new Bonjour({}, failed);
    // The library listens to its socket's errors only in part: one without a listener would end the process.
    const { server } = bonjour as unknown as { server: { mdns: EventEmitter } };
    server.mdns.on("error", failed);
    const id = what.id.slice(0, ID_LENGTH);
    bonjour.publish({
      // The id makes it unique: probing for others of this name is not needed.
      name: `${label(what.name, LABEL_BYTES_MAX - ID_LENGTH - 1)}-${id}`,
      type: MDNS_TYPE,
      port: what.port,
      txt: { id: what.id, name: label(what.name, 200), pin: what.pin },
      probe: false,
    });
    return () =>
      new Promise((resolve) => {
        const timer = setTimeout(resolve, STOP_MS);
        bonjour.unpublishAll(() => {
          bonjour.destroy(() => {
            clearTimeout(timer);
            resolve();
          });
        });
      });
  } catch (error) {
    failed(error);
    return () => Promise.resolve();
  }
}
