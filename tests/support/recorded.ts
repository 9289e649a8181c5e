/**
 * Recorded netlink datagrams: each with its length in front, a little-endian u32. Recorded on Linux 6.18 in a network
 * namespace of its own, with loopback traffic only.
 */
import { readFileSync } from "node:fs";

const DIRECTORY = new URL("../unit/decode/fixtures/", import.meta.url).pathname;

export function recordedDatagrams(name: string): Uint8Array[] {
  const bytes = new Uint8Array(readFileSync(DIRECTORY + name));
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const datagrams: Uint8Array[] = [];
  for (let position = 0; position < bytes.length;) {
    const length = view.getUint32(position, true);
    datagrams.push(bytes.slice(position + 4, position + 4 + length));
    position += 4 + length;
  }
  return datagrams;
}

export function recordedText(name: string): string {
  return readFileSync(DIRECTORY + name, "utf8");
}
