/**
 * A process that may open no netlink socket, as in a strict sandbox: it forbids them to itself by seccomp (man 2 seccomp),
 * opens a capture, and tells as JSON what it got.
 */
import { ptr } from "bun:ffi";
import { AF_NETLINK, ERRNO, libc } from "../../ffi/linux/libc.ts";
import { openCapture } from "../../src/capture/open.ts";

const PR_SET_SECCOMP = 22;
const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_MODE_FILTER = 2n;
const SOCKET_CALL = process.arch === "arm64" ? 198 : 41;
const BPF_LOAD_WORD = 0x20;
const BPF_JUMP_IF_EQUAL = 0x15;
const BPF_RETURN = 0x06;
const ALLOW = 0x7fff_0000;
const FAIL_WITH = 0x0005_0000;
/** struct seccomp_data: the call's number at 0, its first argument at 16. */
const INSTRUCTIONS: readonly (readonly [code: number, ifTrue: number, ifFalse: number, value: number])[] = [
  [BPF_LOAD_WORD, 0, 0, 0],
  [BPF_JUMP_IF_EQUAL, 0, 3, SOCKET_CALL],
  [BPF_LOAD_WORD, 0, 0, 16],
  [BPF_JUMP_IF_EQUAL, 0, 1, AF_NETLINK],
  [BPF_RETURN, 0, 0, FAIL_WITH | ERRNO.EPERM],
  [BPF_RETURN, 0, 0, ALLOW],
];

function forbidNetlink(): void {
  const filter = new DataView(new ArrayBuffer(INSTRUCTIONS.length * 8));
  for (const [index, [code, ifTrue, ifFalse, value]] of INSTRUCTIONS.entries()) {
    filter.setUint16(index * 8, code, true);
    filter.setUint8(index * 8 + 2, ifTrue);
    filter.setUint8(index * 8 + 3, ifFalse);
    filter.setUint32(index * 8 + 4, value, true);
  }
  const program = new DataView(new ArrayBuffer(16));
  program.setUint16(0, INSTRUCTIONS.length, true);
  program.setBigUint64(8, BigInt(ptr(filter)), true);
  if (libc().prctl(PR_SET_NO_NEW_PRIVS, 1n, null, 0n, 0n) !== 0) throw new Error("no_new_privs was refused");
  if (libc().prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ptr(program), 0n, 0n) !== 0) {
    throw new Error("seccomp was refused");
  }
}

forbidNetlink();
await using capture = await openCapture();
const { sockets, interfaces } = await capture.sample();
console.log(
  JSON.stringify({
    status: capture.status(),
    sockets: sockets.length,
    loopbackCounted: interfaces.find(({ name }) => name === "lo")?.counted,
  }),
);
