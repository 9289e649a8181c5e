/**
 * The sockets that were there before the kernel programs were attached: each gets its entry, with what its TCP had
 * carried until then and a process that holds it, so that whole-life totals go on from there. Every network namespace
 * that a process is in is visited; the kernel gives each socket its cookie on the way.
 */
import {
  AT_FDCWD,
  cString,
  errno,
  ERRNO,
  errnoName,
  libc,
  O_CLOEXEC,
  O_RDONLY,
} from "../../../../ffi/linux/libc.ts";
import { BPF_ANY, BPF_NOEXIST, libbpf } from "../../../../ffi/linux/libbpf.ts";
import { SOCKET, SOCKET_FLAGS, SOCKET_KEY } from "../../../decode/ebpf-records.ts";
import { parseProcStat } from "../../../decode/proc-pid.ts";
import { AF_INET, IPPROTO_TCP, type DiagRecord } from "../../../decode/sock-diag.ts";
import { finReceivedIn, finSentIn } from "../../../decode/tcp-payload.ts";
import { NetlinkError } from "../netlink-socket.ts";
import type { ProcFiles } from "../proc-files.ts";
import { SocketDumper } from "../socket-dump.ts";
import { kindOf } from "../tracked-socket.ts";
import type { BpfMap } from "./object.ts";

/** sched.h. */
const CLONE_NEWNET = 0x4000_0000;
const NANOSECONDS_PER_TICK = 10_000_000;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
/** Of the ends in a sock_diag record: ports, then two addresses of 16 bytes. */
const SOURCE_OFFSET = 4;
const DESTINATION_OFFSET = 20;

export interface Baseline {
  /** Whether each socket that existed is entered, or is known to have existed. */
  readonly isComplete: boolean;
  readonly sockets: number;
  readonly namespaces: number;
  /** Namespaces that could not be visited: sockets in them are met late. */
  readonly missedNamespaces: number;
  /** Sockets for which there was no room. */
  readonly missedSockets: number;
}

interface Holder {
  readonly pid: number;
  readonly startNs: number;
}

/** Walks every namespace so that each socket has its cookie; best done once before the programs are attached. */
export function giveCookies(files: ProcFiles): void {
  eachNamespace(files, () => {
    using dumper = new SocketDumper();
    dumper.dump(() => undefined);
  });
}

/**
 * Enters every TCP and UDP socket that has no entry yet, and the inodes of all others in `existing`. Needs CAP_SYS_ADMIN
 * for other namespaces.
 */
export function enterExisting(sockets: BpfMap, existing: BpfMap, files: ProcFiles, nowNs: number): Baseline {
  const holders = holdersOf(files);
  const writer = new EntryWriter(sockets, holders, nowNs);
  const listed = new Set<number>();
  const visited = eachNamespace(files, (namespace) => {
    using dumper = new SocketDumper();
    dumper.dump((record, protocol) => {
      listed.add(record.inode);
      writer.write(record, protocol, namespace);
    });
  });
  const others = [...holders.keys()].filter((inode) => !listed.has(inode));
  const isKnown = enterInodes(existing, others);
  const isComplete = isKnown && writer.missed === 0;
  return { ...visited, isComplete, sockets: writer.written, missedSockets: writer.missed };
}

/** False where they are too many. */
function enterInodes(map: BpfMap, inodes: readonly number[]): boolean {
  const value = Uint8Array.of(1);
  for (const inode of inodes) {
    if (libbpf().bpf_map_update_elem(map.fd, Uint32Array.of(inode), value, BPF_ANY) < 0) return false;
  }
  return true;
}

/** Fills one key and one value again and again. */
class EntryWriter {
  written = 0;
  missed = 0;
  readonly #map: BpfMap;
  readonly #holders: ReadonlyMap<number, Holder>;
  readonly #nowNs: number;
  readonly #key = new Uint8Array(SOCKET_KEY.size);
  readonly #keyView = new DataView(this.#key.buffer);
  readonly #value = new Uint8Array(SOCKET.size);
  readonly #view = new DataView(this.#value.buffer);

  constructor(map: BpfMap, holders: ReadonlyMap<number, Holder>, nowNs: number) {
    this.#map = map;
    this.#holders = holders;
    this.#nowNs = nowNs;
  }

  write(record: DiagRecord, protocol: number, namespace: number): void {
    // What no process can move a byte of any more has no entry: minisockets, and requests not yet accepted.
    if (protocol === IPPROTO_TCP && kindOf(record) !== "full") return;
    this.#keyView.setUint32(0, record.cookieLow, true);
    this.#keyView.setUint32(4, record.cookieHigh, true);
    SOCKET_KEY.set.netns(this.#keyView, 0, namespace);
    this.#value.fill(0);
    this.#describe(record, protocol);
    if (protocol === IPPROTO_TCP) this.#countTcp(record);
    const holder = this.#holders.get(record.inode);
    if (holder !== undefined) {
      SOCKET.set.openerTgid(this.#view, 0, holder.pid);
      SOCKET.set.openerStartNs(this.#view, 0, holder.startNs);
    }
    const result = libbpf().bpf_map_update_elem(this.#map.fd, this.#key, this.#value, BPF_NOEXIST);
    if (result === 0) this.written += 1;
    else if (-result !== ERRNO.EEXIST) this.missed += 1; // an entry that is there was made by the programs, and knows more
  }

  #describe(record: DiagRecord, protocol: number): void {
    const { set } = SOCKET;
    const view = this.#view;
    set.createdNs(view, 0, this.#nowNs);
    set.changedNs(view, 0, this.#nowNs);
    set.uid(view, 0, record.userId);
    set.inode(view, 0, record.inode);
    set.family(view, 0, record.family);
    set.protocol(view, 0, protocol);
    set.type(view, 0, protocol === IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM);
    set.localPort(view, 0, record.localPort);
    set.remotePort(view, 0, record.remotePort);
    set.state(view, 0, record.state);
    set.flags(view, 0, SOCKET_FLAGS.existed);
    const ends = record.endsBytes();
    this.#address(ends, SOURCE_OFFSET, record.family, SOCKET.offsetOf.local);
    this.#address(ends, DESTINATION_OFFSET, record.family, SOCKET.offsetOf.remote);
  }

  #address(ends: Uint8Array, from: number, family: number, to: number): void {
    if (family === AF_INET) {
      this.#value[to + 10] = 0xff;
      this.#value[to + 11] = 0xff;
      this.#value.set(ends.subarray(from, from + 4), to + 12);
    } else this.#value.set(ends.subarray(from, from + 16), to);
  }

  /** As socket.h reckons: what was sent once or still waits, and what came in order less what is unread. */
  #countTcp(record: DiagRecord): void {
    const fin = finSentIn(record.infoState) && record.notSentBytes > 0 ? 1 : 0;
    const written = record.bytesSent - record.bytesRetransmitted + record.notSentBytes - fin;
    // A listener's queue length is of connections, not of bytes.
    const unread = record.bytesReceived === 0 ? 0 : record.receiveQueue;
    const readFin = unread === 0 && record.bytesReceived > 0 && finReceivedIn(record.infoState) ? 1 : 0;
    const taken = Math.max(0, record.bytesReceived - unread - readFin);
    SOCKET.set.baseSent(this.#view, 0, Math.max(0, written));
    SOCKET.set.baseReceived(this.#view, 0, taken);
    SOCKET.set.written(this.#view, 0, Math.max(0, written));
    SOCKET.set.taken(this.#view, 0, taken);
  }
}

/** For each socket's inode the process that holds it; of several the one that started first. */
function holdersOf(files: ProcFiles): Map<number, Holder> {
  const holders = new Map<number, Holder>();
  for (const pid of files.pids()) {
    const stat = files.read(pid, "stat");
    if (typeof stat === "string") continue; // gone, or not to be seen
    const parsed = parseProcStat(stat);
    if (parsed === undefined) continue;
    const holder = { pid, startNs: parsed.startTicks * NANOSECONDS_PER_TICK };
    files.sockets(
      pid,
      (inode) => {
        const other = holders.get(inode);
        if (other === undefined || holder.startNs < other.startNs) holders.set(inode, holder);
      },
      undefined,
    );
  }
  return holders;
}

/** Calls `visit` with this thread inside each network namespace that a process is in, and comes back. */
function eachNamespace(
  files: ProcFiles,
  visit: (namespace: number) => void,
): Pick<Baseline, "namespaces" | "missedNamespaces"> {
  const pids = new Map<number, number>();
  for (const pid of files.pids()) {
    const namespace = namespaceOf(files, pid);
    if (namespace !== undefined && !pids.has(namespace)) pids.set(namespace, pid);
  }
  let missedNamespaces = 0;
  const own = openNamespace(`${files.root}/thread-self/ns/net`);
  try {
    for (const [namespace, pid] of pids) {
      try {
        if (enter(files, namespace, pid)) visit(namespace);
        else missedNamespaces += 1;
      } catch (error) {
        if (!(error instanceof NetlinkError)) throw error;
        missedNamespaces += 1; // it lists no sockets; those that are used are met late
      }
    }
  } finally {
    if (own !== undefined) comeBack(own);
  }
  return { namespaces: pids.size, missedNamespaces };
}

/** Without CAP_SYS_ADMIN this thread has never left, and may not enter its own namespace either. */
function comeBack(own: number): void {
  const result = libc().setns(own, CLONE_NEWNET);
  const error = result < 0 ? errno() : 0;
  libc().close(own);
  if (result < 0 && error !== ERRNO.EPERM) throw new Error(`can't come back: ${errnoName(error)}`);
}

/** The inode of the process's network namespace; undefined where it is gone or not to be seen. */
function namespaceOf(files: ProcFiles, pid: number): number | undefined {
  const digits = /^net:\[(\d+)\]$/.exec(files.link(pid, "ns/net") ?? "")?.[1];
  return digits === undefined ? undefined : Number(digits);
}

/** False where the process is gone, is elsewhere by now, or may not be followed. */
function enter(files: ProcFiles, namespace: number, pid: number): boolean {
  const fd = openNamespace(`${files.root}/${pid}/ns/net`);
  if (fd === undefined) return false;
  const entered = namespaceOf(files, pid) === namespace && libc().setns(fd, CLONE_NEWNET) === 0;
  libc().close(fd);
  return entered;
}

function openNamespace(path: string): number | undefined {
  const fd = libc().openat(AT_FDCWD, cString(path), O_RDONLY | O_CLOEXEC, 0);
  return fd < 0 ? undefined : fd;
}
