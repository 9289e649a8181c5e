/**
 * A filter of system calls (seccomp(2)) that holds for every thread: once it is on, this process can start no program,
 * open no socket, send no other process a signal, and neither make, change nor open a file for writing, whatever code may
 * run in it. Refused calls fail with EPERM.
 */
import { ptr } from "bun:ffi";
import { defineLayout } from "../../ffi/layout.ts";
import { libc } from "../../ffi/linux/libc.ts";

/** linux/seccomp.h */
const SECCOMP_SET_MODE_FILTER = 1;
/** All threads get it, and no_new_privs with it, if this thread has that set. */
const SECCOMP_FILTER_FLAG_TSYNC = 1;
const RETURN_ALLOW = 0x7fff_0000;
const RETURN_EPERM = 0x0005_0001;
/** struct seccomp_data: nr at 0, arch at 4, the arguments as u64 from 16 on. */
const NUMBER_OFFSET = 0;
const ARCHITECTURE_OFFSET = 4;
const ARGUMENTS_OFFSET = 16;
/** linux/bpf_common.h: BPF_LD | BPF_W | BPF_ABS, BPF_JMP | BPF_JEQ, BPF_JGE and BPF_JSET with a constant, BPF_RET. */
const LOAD = 0x20;
const JUMP_EQUAL = 0x15;
const JUMP_AT_LEAST = 0x35;
const JUMP_BITS = 0x45;
const RETURN = 0x06;
/** asm-generic/fcntl.h, the same on both: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC. O_TMPFILE needs one of the first two. */
const WRITE_FLAGS = 0o1 | 0o2 | 0o100 | 0o1000;
/** x86-64: calls of the x32 interface have this bit, and would pass by other numbers. */
const X32_BIT = 0x4000_0000;

const INSTRUCTION = defineLayout("sock_filter", 8, {
  code: [0, "u16"],
  yes: [2, "u8"],
  no: [3, "u8"],
  k: [4, "u32"],
});
const PROGRAM = defineLayout("sock_fprog", 16, { length: [0, "u16"], filter: [8, "u64"] });

interface Architecture {
  /** linux/audit.h */
  readonly audit: number;
  readonly seccomp: number;
  /** open calls, with which argument holds the flags. */
  readonly open: readonly (readonly [number: number, flagsArgument: number])[];
  /** Signals to threads, which the engine sends its own: allowed within this process. */
  readonly tgkill: number;
  readonly refused: readonly number[];
}

/** New calls have the same number everywhere. */
const COMMON =
  "pidfd_send_signal:424 io_uring_setup:425 open_tree:428 move_mount:429 fsopen:430 fsconfig:431 fsmount:432 fspick:433 " +
  "openat2:437 pidfd_getfd:438 mount_setattr:442 fchmodat2:452 setxattrat:463 removexattrat:466 open_tree_attr:467 " +
  "file_setattr:469";

/** asm/unistd_64.h */
const X86_64: Architecture = {
  audit: 0xc000_003e,
  seccomp: 317,
  open: [
    [2, 1],
    [257, 2],
  ],
  tgkill: 234,
  refused: numbers(
    "execve:59 execveat:322 socket:41 connect:42 socketpair:53 truncate:76 creat:85 mknod:133 " +
      "mknodat:259 rename:82 renameat:264 renameat2:316 mkdir:83 mkdirat:258 link:86 linkat:265 " +
      "symlink:88 symlinkat:266 chmod:90 fchmod:91 fchmodat:268 chown:92 fchown:93 lchown:94 " +
      "fchownat:260 setxattr:188 lsetxattr:189 fsetxattr:190 removexattr:197 lremovexattr:198 fremovexattr:199 " +
      "utime:132 utimes:235 futimesat:261 utimensat:280 mq_open:240 kill:62 tkill:200 rt_sigqueueinfo:129 " +
      "rt_tgsigqueueinfo:297 ptrace:101 process_vm_readv:310 " +
      "process_vm_writev:311 perf_event_open:298 userfaultfd:323 mount:165 umount2:166 pivot_root:155 " +
      "chroot:161 swapon:167 open_by_handle_at:304 setns:308 unshare:272 init_module:175 " +
      "finit_module:313 delete_module:176 kexec_load:246 kexec_file_load:320 reboot:169 add_key:248 " +
      "request_key:249 keyctl:250",
  ),
};

/** asm-generic/unistd.h */
const ARM64: Architecture = {
  audit: 0xc000_00b7,
  seccomp: 277,
  open: [[56, 2]],
  tgkill: 131,
  refused: numbers(
    "execve:221 execveat:281 socket:198 connect:203 socketpair:199 truncate:45 mknodat:33 renameat:38 " +
      "renameat2:276 mkdirat:34 linkat:37 symlinkat:36 fchmod:52 fchmodat:53 fchown:55 fchownat:54 " +
      "setxattr:5 lsetxattr:6 fsetxattr:7 removexattr:14 lremovexattr:15 fremovexattr:16 utimensat:88 mq_open:180 " +
      "kill:129 tkill:130 rt_sigqueueinfo:138 rt_tgsigqueueinfo:240 ptrace:117 process_vm_readv:270 process_vm_writev:271 " +
      "perf_event_open:241 userfaultfd:282 mount:40 umount2:39 pivot_root:41 chroot:51 swapon:224 " +
      "open_by_handle_at:265 setns:268 unshare:97 init_module:105 finit_module:273 delete_module:106 " +
      "kexec_load:104 kexec_file_load:294 reboot:142 add_key:217 request_key:218 keyctl:219",
  ),
};

/** Of `name:number` words, the common ones with them. */
function numbers(calls: string): number[] {
  return `${calls} ${COMMON}`.split(" ").map((word) => Number(word.split(":")[1]));
}

type Instruction = readonly [code: number, yes: number, no: number, k: number];

/** The filter in classic BPF. Jumps are relative and short: each test is followed by its own answer. */
function instructions(architecture: Architecture): Instruction[] {
  const list: Instruction[] = [
    [LOAD, 0, 0, ARCHITECTURE_OFFSET],
    [JUMP_EQUAL, 1, 0, architecture.audit],
    [RETURN, 0, 0, RETURN_EPERM],
    [LOAD, 0, 0, NUMBER_OFFSET],
    [JUMP_AT_LEAST, 0, 1, X32_BIT],
    [RETURN, 0, 0, RETURN_EPERM],
  ];
  for (const number of architecture.refused) {
    list.push([JUMP_EQUAL, 0, 1, number], [RETURN, 0, 0, RETURN_EPERM]);
  }
  for (const [number, argument] of architecture.open) {
    list.push(
      [JUMP_EQUAL, 0, 4, number],
      [LOAD, 0, 0, ARGUMENTS_OFFSET + argument * 8], // the lower word: the flags are an int
      [JUMP_BITS, 0, 1, WRITE_FLAGS],
      [RETURN, 0, 0, RETURN_EPERM],
      [RETURN, 0, 0, RETURN_ALLOW],
    );
  }
  list.push(
    [JUMP_EQUAL, 0, 3, architecture.tgkill],
    [LOAD, 0, 0, ARGUMENTS_OFFSET],
    [JUMP_EQUAL, 1, 0, process.pid],
    [RETURN, 0, 0, RETURN_EPERM],
    [RETURN, 0, 0, RETURN_ALLOW],
  );
  return list;
}

/** The filter as the kernel takes it: an array of struct sock_filter. */
function assembled(list: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(list.length * INSTRUCTION.size);
  const view = new DataView(bytes.buffer);
  list.forEach(([code, yes, no, k], index) => {
    const base = index * INSTRUCTION.size;
    INSTRUCTION.set.code(view, base, code);
    INSTRUCTION.set.yes(view, base, yes);
    INSTRUCTION.set.no(view, base, no);
    INSTRUCTION.set.k(view, base, k);
  });
  return bytes;
}

/**
 * Turns the filter on, for good and for all threads. False where the kernel has no such filters (CONFIG_SECCOMP_FILTER) or
 * would not apply it to every thread; then nothing has changed. Needs no_new_privs.
 */
export function filterSystemCalls(): boolean {
  const architecture = process.arch === "arm64" ? ARM64 : X86_64;
  const list = instructions(architecture);
  const filter = assembled(list);
  const program = new Uint8Array(PROGRAM.size);
  const view = new DataView(program.buffer);
  PROGRAM.set.length(view, 0, list.length);
  PROGRAM.set.filter(view, 0, ptr(filter));
  const flags = BigInt(SECCOMP_FILTER_FLAG_TSYNC);
  return (
    libc().syscall(architecture.seccomp, BigInt(SECCOMP_SET_MODE_FILTER), flags, BigInt(ptr(program)), 0n) ===
    0
  );
}
