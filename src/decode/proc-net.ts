/** Tables of /proc/net (man 5 proc): sockets without byte counters, and the counters of interfaces. Pure. */
import { formatIpv4, formatIpv6 } from "../lib/ip.ts";

/** One line of /proc/net/tcp, tcp6, udp or udp6. */
export interface ProcSocket {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** The kernel's number of the state. */
  readonly state: number;
  readonly userId: number;
  /** 0 where no process holds it. */
  readonly inode: number;
}

export interface ProcNetDevice {
  readonly name: string;
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly packetsSent: number;
  readonly packetsReceived: number;
  readonly errors: number;
  readonly dropped: number;
}

export interface Parsed<T> {
  readonly rows: readonly T[];
  /** Lines that are not of the format. */
  readonly malformed: number;
}

const SOCKET_LINE =
  /^\s*\d+: ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{8}|[0-9A-F]{32}):([0-9A-F]{4}) ([0-9A-F]{2}) \S+ \S+ \S+\s+(\d{1,10})\s+\d+ (\d{1,10}) /;

/** Of a whole file, its headline included. */
export function parseProcSockets(text: string): Parsed<ProcSocket> {
  const rows: ProcSocket[] = [];
  let malformed = 0;
  for (const line of text.split("\n").slice(1)) {
    if (line === "") continue;
    const match = SOCKET_LINE.exec(line);
    if (match === null) {
      malformed += 1;
      continue;
    }
    const [, local = "", localPort = "", remote = "", remotePort = "", state = "", user, inode] = match;
    rows.push({
      localAddress: parseHexAddress(local),
      localPort: Number.parseInt(localPort, 16),
      remoteAddress: parseHexAddress(remote),
      remotePort: Number.parseInt(remotePort, 16),
      state: Number.parseInt(state, 16),
      userId: Number(user),
      inode: Number(inode),
    });
  }
  return { rows, malformed };
}

/** Addresses are printed as 32-bit words of the machine's byte order; the bytes inside each word are swapped back. */
function parseHexAddress(text: string): string {
  const bytes = new Uint8Array(text.length / 2);
  for (let index = 0; index < bytes.length; index += 1) {
    const source = (index & ~3) + (3 - (index & 3));
    bytes[index] = Number.parseInt(text.slice(source * 2, source * 2 + 2), 16);
  }
  return bytes.length === 4 ? formatIpv4(bytes) : formatIpv6(bytes);
}

/** Of /proc/net/dev: after the name, eight columns received and eight sent. */
export function parseProcNetDevices(text: string): Parsed<ProcNetDevice> {
  const rows: ProcNetDevice[] = [];
  let malformed = 0;
  for (const line of text.split("\n").slice(2)) {
    if (line === "") continue;
    const colon = line.indexOf(":");
    const values = line
      .slice(colon + 1)
      .trim()
      .split(/\s+/)
      .map(Number);
    const name = line.slice(0, Math.max(0, colon)).trim();
    if (name === "" || values.length < 16 || !values.every((value) => value >= 0 && Number.isFinite(value))) {
      malformed += 1;
      continue;
    }
    const at = (index: number): number => values[index] ?? 0;
    rows.push({
      name,
      bytesReceived: at(0),
      packetsReceived: at(1),
      bytesSent: at(8),
      packetsSent: at(9),
      errors: at(2) + at(10),
      dropped: at(3) + at(11),
    });
  }
  return { rows, malformed };
}
