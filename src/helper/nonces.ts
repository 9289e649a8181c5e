/**
 * The nonces of clients that were seen lately: none counts twice. They are kept for as long as a handshake's time stamp is
 * accepted, both ways, so that a recorded handshake is either too old or known.
 */
const KEPT_MS = 61_000;
/** More than the bound on attempts lets through in that time from a dozen users. */
const NONCES_MAX = 4096;

export class NonceLedger {
  /** Hexadecimal → when it was seen, oldest first. */
  readonly #seen = new Map<string, number>();

  /** `fresh`: it was never seen, and is known from now on. `full`: it can't be kept, so it must not be accepted. */
  note(nonce: Uint8Array, nowMs: number): "fresh" | "seen" | "full" {
    for (const [each, seenAtMs] of this.#seen) {
      if (nowMs - seenAtMs <= KEPT_MS) break;
      this.#seen.delete(each);
    }
    const name = Buffer.from(nonce).toString("hex");
    if (this.#seen.has(name)) return "seen";
    if (this.#seen.size >= NONCES_MAX) return "full";
    this.#seen.set(name, nowMs);
    return "fresh";
  }
}
