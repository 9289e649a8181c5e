/**
 * The ladder: kernel programs loaded and attached by the best method that this kernel allows, found out by trying. A
 * program that counting can do without never takes the others with it: it becomes a degradation and a line for the log.
 */
import { existsSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { AT_FDCWD, cString, errno, ERRNO, errnoName, libc } from "../../../../ffi/linux/libc.ts";
import { O_CLOEXEC, O_DIRECTORY } from "../../../../ffi/linux/libc.ts";
import { cgroup2Directory } from "../../../decode/mountinfo.ts";
import type { Degradation, EbpfMethod } from "../../../model/capture-status.ts";
import { WbError } from "../../../model/errors.ts";
import { DEGRADATIONS } from "../degradations.ts";
import { EBPF_FILES } from "./embedded.ts";
import {
  GROUP_DEGRADATIONS,
  groupOf,
  GROUPS,
  isOfCgroup,
  ladderOf,
  requiredSections,
  TAKEN_SECTION,
  type ProgramGroup,
} from "./groups.ts";
import { openLibbpf } from "./libraries.ts";
import { BpfObject, type BpfMap, type BpfProgram, type Refusal } from "./object.ts";

/** Maps of ebpf/socket.h and account.h that the program reads or sizes. */
export const SOCKETS_MAP = "wb_sockets";
export const BYTES_MAP = "wb_bytes";
export const LOSSES_MAP = "wb_losses";
export const EVENTS_MAP = "wb_events";
export const NAMES_MAP = "wb_names";
export const STARTED_MAP = "wb_started";
export const EXISTING_MAP = "wb_existing";

/** How fields of the kernel's structs are read (ebpf/socket.h), and a program that every kernel loads and that reads all. */
const TYPED_READS = "wb_typed_reads";
const TYPED_PROBE_SECTION = "raw_tp/sock_send_length";

/** So many programs are looked for by name; then all are tried one by one, which is quicker where most are refused. */
const BLAMED_MAX = 4;

export interface EbpfOptions {
  /** This method or none; by default the best one. */
  readonly method?: EbpfMethod;
  /** Entries of the map of sockets, and of the map of processes at sockets. */
  readonly socketsMax?: number;
  readonly bytesMax?: number;
  /** Bytes of the ring buffers, rounded up to a power of two and to pages. */
  readonly eventsBytes?: number;
  readonly namesBytes?: number;
  /** How many remote ends of one unconnected socket are told apart. */
  readonly peersMax?: number;
  /** The compiled programs, where they are not this build's own. */
  readonly object?: Uint8Array;
}

/** A program that is not attached, and why. */
export interface ProgramFailure extends Refusal {
  readonly program: BpfProgram;
}

/** Programs that are attached, and their maps; disposing of it takes all out of the kernel. */
export interface LoadedEbpf extends Disposable {
  readonly method: EbpfMethod;
  /** Names of the programs that are attached. */
  readonly programs: readonly string[];
  /** Worst first. */
  readonly degradations: readonly Degradation[];
  /** What could not be attached, for the log. */
  readonly failures: readonly ProgramFailure[];
  readonly maps: ReadonlyMap<string, BpfMap>;
}

/** One try of one method: what was attached, or what stood in its way. */
interface Attempt {
  readonly loaded: LoadedEbpf | undefined;
  readonly failures: readonly ProgramFailure[];
  /** One line: why the method can't be had. */
  readonly reason: string;
}

/**
 * Loads and attaches. Throws WbError: `unsupported` where this build has no programs, `permission` where the kernel lets
 * this process load none, `unavailable` where no method works (or the one that was asked for), with each one's reason.
 */
export function openEbpf(options: EbpfOptions = {}): LoadedEbpf {
  const bytes = options.object ?? ownObject();
  openLibbpf(EBPF_FILES?.libraries);
  using cgroup = new CgroupDirectory();
  const attempts: string[] = [];
  const refused: ProgramFailure[] = [];
  const typedReads = new TypedReads(bytes);
  for (const method of options.method === undefined ? ladderOf(release()) : [options.method]) {
    const attempt = new Loading(bytes, method, options, cgroup, typedReads).run();
    if (attempt.loaded !== undefined) return attempt.loaded;
    attempts.push(`${method}: ${attempt.reason}`);
    refused.push(...attempt.failures);
  }
  const message = `this kernel can't count by eBPF: ${attempts.join("; ")}`;
  if (
    refused.some(({ program }) => groupOf(program, "ebpf_tracepoint") === "base") &&
    refused.every(isForbidden)
  ) {
    throw new WbError("permission", message, {
      hint: "Run it as root, or with CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN.",
    });
  }
  throw new WbError("unavailable", message, {
    hint:
      options.method === undefined
        ? "wb doctor shows what works here."
        : "Leave the method to choose itself.",
  });
}

/** Whether this build can load kernel programs at all. */
export function hasEbpf(): boolean {
  return EBPF_FILES?.objects["wirebound"] !== undefined;
}

function ownObject(): Uint8Array {
  const path = EBPF_FILES?.objects["wirebound"];
  if (path === undefined) {
    throw new WbError("unsupported", "this binary was built without its eBPF programs", {
      hint: "Build it where clang, llvm and libbpf-dev are installed: npm run build",
    });
  }
  return readFileSync(path);
}

function isForbidden(failure: Refusal): boolean {
  return failure.errorNumber === ERRNO.EPERM || failure.errorNumber === ERRNO.EACCES;
}

/** The directory of the unified cgroup hierarchy, open; what is attached stays when it is closed. */
class CgroupDirectory implements Disposable {
  /** A descriptor, or why there is none. */
  readonly fd: number | Refusal;

  constructor() {
    const directory = cgroup2Directory(readFileSync("/proc/self/mountinfo", "utf8"));
    if (directory === undefined) {
      this.fd = { errorNumber: ERRNO.ENOENT, reason: "cgroup v2 is not mounted" };
      return;
    }
    const fd = libc().openat(AT_FDCWD, cString(directory), O_DIRECTORY | O_CLOEXEC, 0);
    const error = fd < 0 ? errno() : 0;
    this.fd = fd < 0 ? { errorNumber: error, reason: `${directory}: ${errnoName(error)}` } : fd;
  }

  [Symbol.dispose](): void {
    if (typeof this.fd === "number") libc().close(this.fd);
  }
}

/**
 * Whether this kernel lets programs follow its pointers by their types, which makes counting cheaper. Taken for granted
 * until something is refused: then it is tried on one program alone.
 */
class TypedReads {
  readonly #bytes: Uint8Array;
  #state: "untried" | "allowed" | "refused" = "untried";

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  configure(object: BpfObject): void {
    object.setConstant(TYPED_READS, Number(this.#state !== "refused"));
  }

  /** True where a refusal can be due to them, and another try without makes sense. */
  areToBlame(): boolean {
    if (this.#state !== "untried") return false;
    using object = new BpfObject(this.#bytes);
    const program = object.programs.find(({ section }) => section === TYPED_PROBE_SECTION);
    this.configure(object);
    shrink(object);
    const refusal = program === undefined ? undefined : object.load(new Set([program.name]));
    this.#state = refusal === undefined ? "allowed" : "refused";
    return refusal !== undefined;
  }
}

/** Of an object that is only to show what the kernel accepts. */
function shrink(object: BpfObject): void {
  for (const map of [SOCKETS_MAP, BYTES_MAP, EVENTS_MAP, NAMES_MAP]) object.setMaxEntries(map, 1);
}

/** Loading by one method: again and again without what was refused, until the rest is accepted. */
class Loading {
  readonly #bytes: Uint8Array;
  readonly #method: EbpfMethod;
  readonly #options: EbpfOptions;
  readonly #cgroup: CgroupDirectory;
  readonly #failures = new Map<string, ProgramFailure>();
  readonly #required: readonly string[];
  readonly #typedReads: TypedReads;
  #blamed = 0;

  constructor(
    bytes: Uint8Array,
    method: EbpfMethod,
    options: EbpfOptions,
    cgroup: CgroupDirectory,
    typedReads: TypedReads,
  ) {
    this.#bytes = bytes;
    this.#typedReads = typedReads;
    this.#method = method;
    this.#options = options;
    this.#cgroup = cgroup;
    this.#required = requiredSections(method, existsSync("/proc/net/if_inet6"));
  }

  run(): Attempt {
    for (;;) {
      const object = new BpfObject(this.#bytes);
      const outcome = this.#tryWith(object);
      if (outcome !== "attached") object[Symbol.dispose]();
      if (outcome === "again") continue;
      const failures = [...this.#failures.values()];
      if (outcome !== "attached") return { loaded: undefined, failures, reason: outcome.reason };
      return { loaded: this.#loaded(object, failures), failures, reason: "" };
    }
  }

  /** "again" only after another program was struck from the list, or reading by types given up, so that it ends. */
  #tryWith(object: BpfObject): "attached" | "again" | { readonly reason: string } {
    if (this.#cgroup.fd !== undefined && typeof this.#cgroup.fd !== "number") {
      for (const program of this.#wanted(object).filter(isOfCgroup)) this.#fail(program, this.#cgroup.fd);
    }
    const missing = this.#missing(object);
    if (missing !== undefined) return { reason: missing };
    const takenByCalls = this.#configure(object);
    const wanted = this.#wanted(object);
    const refused = object.load(new Set(wanted.map((program) => program.name)));
    if (refused !== undefined) {
      if (this.#typedReads.areToBlame()) return "again";
      const found = this.#blame(wanted, refused.suspect) || this.#findCulprits(wanted);
      return found ? "again" : { reason: refused.reason };
    }
    for (const program of wanted) {
      const fd = isOfCgroup(program) && typeof this.#cgroup.fd === "number" ? this.#cgroup.fd : undefined;
      const refusal = object.attach(program, fd);
      if (refusal === undefined) continue;
      this.#fail(program, refusal);
      // What counting can't do without: no need to see the rest.
      if (this.#required.includes(program.section)) return "again";
    }
    // Programs that are loaded were told where received bytes are counted; if that was wrong, they are loaded anew.
    return takenByCalls === this.#takenByCalls(object) ? "attached" : "again";
  }

  /** The programs of this method that were not refused so far, in the order of attaching. */
  #wanted(object: BpfObject): BpfProgram[] {
    const members = new Map<ProgramGroup, BpfProgram[]>(GROUPS.map((group) => [group, []]));
    for (const program of object.programs) {
      const group = groupOf(program, this.#method);
      if (group !== undefined && !this.#failures.has(program.name)) members.get(group)?.push(program);
    }
    return [...members.values()].flat();
  }

  /** Why the method can't be had any more; undefined while it can. */
  #missing(object: BpfObject): string | undefined {
    const wanted = this.#wanted(object).map((program) => program.section);
    const missing = this.#required.find((section) => !wanted.includes(section));
    if (missing === undefined) return undefined;
    const failure = [...this.#failures.values()].find(({ program }) => program.section === missing);
    return `${missing}: ${failure?.reason ?? "there is no such program"}`;
  }

  /** Sets sizes and constants; returns whether received bytes of TCP are to be counted by calls. */
  #configure(object: BpfObject): boolean {
    const { socketsMax, bytesMax, eventsBytes, namesBytes, peersMax } = this.#options;
    if (socketsMax !== undefined) object.setMaxEntries(SOCKETS_MAP, socketsMax);
    if (bytesMax !== undefined) object.setMaxEntries(BYTES_MAP, bytesMax);
    if (eventsBytes !== undefined) object.setMaxEntries(EVENTS_MAP, eventsBytes);
    if (namesBytes !== undefined) object.setMaxEntries(NAMES_MAP, namesBytes);
    if (peersMax !== undefined) object.setConstant("wb_peers_max", peersMax);
    const takenByCalls = this.#takenByCalls(object);
    this.#typedReads.configure(object);
    object.setConstant("wb_receives_by_calls", Number(takenByCalls));
    object.setConstant("wb_sends_by_sequence", Number(this.#method === "ebpf_kprobe"));
    return takenByCalls;
  }

  #takenByCalls(object: BpfObject): boolean {
    return !this.#wanted(object).some((program) => program.section === TAKEN_SECTION);
  }

  /** Strikes the program that the library named, if it is refused alone, too. Where many are, names are not asked for. */
  #blame(wanted: readonly BpfProgram[], suspect: string | undefined): boolean {
    const program = wanted.find(({ name }) => name === suspect);
    if (program === undefined || this.#blamed >= BLAMED_MAX) return false;
    this.#blamed += 1;
    return this.#findCulprits([program]);
  }

  /** Gives each program to the kernel by itself, in an object with small maps. False where none is refused alone. */
  #findCulprits(suspects: readonly BpfProgram[]): boolean {
    let found = false;
    for (const program of suspects) {
      using object = new BpfObject(this.#bytes);
      shrink(object);
      this.#typedReads.configure(object);
      const refusal = object.load(new Set([program.name]));
      if (refusal === undefined) continue;
      this.#fail(program, refusal);
      found = true;
    }
    return found;
  }

  #fail(program: BpfProgram, refusal: Refusal): void {
    this.#failures.set(program.name, { program, ...refusal });
  }

  #loaded(object: BpfObject, failures: readonly ProgramFailure[]): LoadedEbpf {
    const failed = new Set(failures.map(({ program }) => groupOf(program, this.#method)));
    const degradations: Degradation[] = this.#method === "ebpf_kprobe" ? [DEGRADATIONS.kernel_returns] : [];
    for (const [group, degradation] of GROUP_DEGRADATIONS)
      if (failed.has(group)) degradations.push(degradation);
    return {
      method: this.#method,
      programs: this.#wanted(object).map((program) => program.name),
      degradations,
      failures,
      maps: object.maps(),
      [Symbol.dispose]: () => object[Symbol.dispose](),
    };
  }
}
