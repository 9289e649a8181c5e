/**
 * A slow link: two tun devices, and this program between them, which hands each packet over after a delay, and loses
 * some of them if it is told to. It stands in for netem, which not every kernel has. Arguments: the names of the two
 * devices, the delay in milliseconds, and which packets to lose: `none`, `last-acks` (the first acknowledgement of
 * each FIN that carries nothing, so that the FIN comes twice) or `some` (one in fifty). It ends with its stdin.
 */
import { dlopen, FFIType } from "bun:ffi";
import { constants, openSync, readSync, writeSync } from "node:fs";
import { ready } from "./sockets.ts";

/** linux/if_tun.h; without IFF_NO_PI each packet would have four bytes in front. */
const TUNSETIFF = 0x40_04_54_ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const TCP_FIN = 1;
const TCP_RST = 4;
const TCP_ACK = 16;

interface Waiting {
  readonly fd: number;
  readonly packet: Uint8Array;
  readonly dueMs: number;
}

const [nameA = "", nameB = "", delay = "5", loses = "none"] = process.argv.slice(2);
const delayMs = Number(delay);
const { symbols } = dlopen("libc.so.6", {
  ioctl: { args: [FFIType.i32, FFIType.u64, FFIType.ptr], returns: FFIType.i32 },
});
const devices = [tun(nameA), tun(nameB)] as const;
const waiting: Waiting[] = [];
/** The acknowledgements that are still to be lost, one for each FIN. */
const toLose = new Set<string>();
const known = new Set<string>();
/** Of the packets that may be lost: one of fifty is. */
let losable = 0;
const buffer = new Uint8Array(65_536);

console.log(JSON.stringify({ pid: process.pid }));
const input = { ended: false };
void (async () => {
  for await (const _ of Bun.stdin.stream()) continue;
  input.ended = true;
})();
while (!input.ended) {
  const next = waiting[0];
  const timeoutMs =
    next === undefined ? 5 : Math.max(0, Math.min(5, Math.floor(next.dueMs - performance.now())));
  for (const index of ready(
    devices.map((fd) => ({ fd, out: false })),
    timeoutMs,
  ))
    take(index);
  deliver();
  await Bun.sleep(0); // lets stdin be read between two turns
}
process.exit(0);

function tun(name: string): number {
  const fd = openSync("/dev/net/tun", constants.O_RDWR);
  const request = new Uint8Array(40);
  request.set(new TextEncoder().encode(name));
  new DataView(request.buffer).setUint16(16, IFF_TUN | IFF_NO_PI, true);
  if (symbols.ioctl(fd, TUNSETIFF, request) < 0) throw new Error(`no tun device ${name}`);
  return fd;
}

function take(index: number): void {
  const from = devices[index];
  const to = devices[1 - index];
  if (from === undefined || to === undefined) return;
  const length = received(from);
  if (length === 0) return;
  const packet = buffer.slice(0, length);
  if (!isLost(packet)) waiting.push({ fd: to, packet, dueMs: performance.now() + delayMs });
}

/** 0 where the device went down. */
function received(fd: number): number {
  try {
    return readSync(fd, buffer);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "EIO" || code === "EBADFD") return 0;
    throw error;
  }
}

function deliver(): void {
  const now = performance.now();
  while (waiting[0] !== undefined && waiting[0].dueMs <= now) {
    const due = waiting.shift();
    if (due !== undefined) hand(due);
  }
}

function hand(due: Waiting): void {
  try {
    writeSync(due.fd, due.packet);
  } catch (error) {
    // While the other device is not up yet or not any more, a packet is lost, as it would be on a wire.
    if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
  }
}

function isLost(packet: Uint8Array): boolean {
  if (loses === "none") return false;
  const isVersion4 = (packet[0] ?? 0) >> 4 === 4;
  const start = isVersion4 ? ((packet[0] ?? 0) & 15) * 4 : 40;
  const protocol = isVersion4 ? packet[9] : packet[6];
  if (protocol !== 6) return false;
  const view = new DataView(packet.buffer);
  const ports = [view.getUint16(start, false), view.getUint16(start + 2, false)] as const;
  const flags = packet[start + 13] ?? 0;
  if (loses === "some") {
    // A reset is never sent again: were it lost, the other end would stay open for good.
    if ((flags & TCP_RST) === 0) losable += 1;
    return (flags & TCP_RST) === 0 && losable % 50 === 0;
  }
  const payload = packet.length - start - ((packet[start + 12] ?? 0) >> 4) * 4;
  if ((flags & TCP_FIN) !== 0) {
    const fin = `${ports[1]} ${ports[0]} ${(view.getUint32(start + 4, false) + payload + 1) >>> 0}`;
    if (!known.has(fin)) toLose.add(fin);
    known.add(fin);
    return false;
  }
  // The first acknowledgement of a FIN that carries nothing else; the next one, of the FIN that comes again, passes.
  const acknowledges = `${ports[0]} ${ports[1]} ${view.getUint32(start + 8, false)}`;
  return flags === TCP_ACK && payload === 0 && toLose.delete(acknowledges);
}
