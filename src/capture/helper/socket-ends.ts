/** The two ends of a socket as the kernel programs tell them, compared without making text of them. */
import { SOCKET } from "../../decode/ebpf-records.ts";
import { sharedIpv6 } from "../../lib/ip.ts";

const AF_INET = 2;
const ADDRESS_BYTES = 16;

export class SocketEnds {
  localPort = 0;
  remotePort = 0;
  #family = AF_INET;
  /** The local address, then the remote one. */
  readonly #addresses = new Uint8Array(2 * ADDRESS_BYTES);

  /** Canonical text; IPv4 in IPv6 as IPv4. */
  get localAddress(): string {
    return this.#text(0);
  }

  get remoteAddress(): string {
    return this.#text(ADDRESS_BYTES);
  }

  /** Whether the struct wb_socket at `base` has the ends of another connection than this one. */
  areOthers(view: DataView, base: number): boolean {
    return this.#isConnected && !this.#areForgotten(view, base) && !this.#areSame(view, base);
  }

  /**
   * Takes the ends of the struct wb_socket at `base`; true where they changed. The kernel forgets the ends of a connection
   * when it closes: then those of before stay.
   */
  update(view: DataView, base: number, isStream: boolean): boolean {
    if (isStream && this.#isConnected && this.#areForgotten(view, base)) return false;
    if (this.#areSame(view, base)) return false;
    this.#family = SOCKET.get.family(view, base);
    this.localPort = SOCKET.get.localPort(view, base);
    this.remotePort = SOCKET.get.remotePort(view, base);
    const at = view.byteOffset + base + SOCKET.offsetOf.local;
    this.#addresses.set(new Uint8Array(view.buffer, at, this.#addresses.length));
    return true;
  }

  get #isConnected(): boolean {
    return this.localPort !== 0 && this.remotePort !== 0;
  }

  #areForgotten(view: DataView, base: number): boolean {
    return SOCKET.get.localPort(view, base) === 0 || SOCKET.get.remotePort(view, base) === 0;
  }

  #areSame(view: DataView, base: number): boolean {
    if (SOCKET.get.localPort(view, base) !== this.localPort) return false;
    if (SOCKET.get.remotePort(view, base) !== this.remotePort) return false;
    const at = base + SOCKET.offsetOf.local;
    for (let index = 0; index < this.#addresses.length; index += 1)
      if (view.getUint8(at + index) !== this.#addresses[index]) return false;
    return true;
  }

  /** An IPv4 socket's unspecified address may come as zeros. */
  #text(offset: number): string {
    const text = sharedIpv6(this.#addresses, offset);
    return text === "::" && this.#family === AF_INET ? "0.0.0.0" : text;
  }
}
