/**
 * Capture by /proc/net/{tcp,tcp6,udp,udp6}, for where sock_diag is refused: who is connected to whom, and whose process
 * that is, but no bytes, and of a closed connection only that it is gone. It says so in its status.
 */
import { readFileSync } from "node:fs";
import { tcpStateName, udpStateName } from "../../decode/sock-diag.ts";
import { parseProcSockets, type ProcSocket } from "../../decode/proc-net.ts";
import type { Clock } from "../../lib/clock.ts";
import type { CaptureStatus, Degradation } from "../../model/capture-status.ts";
import type { Batch, Capture } from "../../model/contracts.ts";
import { WbError } from "../../model/errors.ts";
import type { ClosedSocket, Protocol, SocketIdentity, SocketSample } from "../../model/flow.ts";
import { completeBatch } from "./complete-batch.ts";
import { DEGRADATIONS } from "./degradations.ts";
import { Interfaces } from "./interfaces.ts";
import { LossTally } from "./loss-tally.ts";
import { ProcessSide } from "./process-side.ts";
import { NO_COUNTERS } from "./tracked-socket.ts";

const TABLES: readonly (readonly [file: string, protocol: Protocol])[] = [
  ["tcp", "tcp"],
  ["tcp6", "tcp"],
  ["udp", "udp"],
  ["udp6", "udp"],
];

/** A socket of the last sample. */
interface Row {
  readonly identity: SocketIdentity;
  readonly inode: number;
  sample: SocketSample;
}

export interface ProcfsOptions {
  readonly clock: Clock;
  readonly procRoot: string;
  /** Why it is used: the kernel refuses sock_diag, or this method was asked for. */
  readonly chosen: "as fallback" | "by the user";
}

export class ProcfsCapture implements Capture {
  readonly #clock: Clock;
  readonly #root: string;
  readonly #processes: ProcessSide | undefined;
  readonly #interfaces: Interfaces;
  readonly #loss = new LossTally();
  readonly #reason: Degradation;
  #rows = new Map<string, Row>();

  /** Throws WbError("unavailable") where there is no /proc/net/tcp either. */
  constructor(options: ProcfsOptions) {
    this.#clock = options.clock;
    this.#reason = options.chosen === "by the user" ? DEGRADATIONS.procfs_forced : DEGRADATIONS.no_sock_diag;
    this.#root = options.procRoot;
    if (this.#readTable("tcp") === undefined) {
      throw new WbError("unavailable", `neither sock_diag nor ${this.#root}/net/tcp can be read`, {
        hint: DEGRADATIONS.no_procfs.remedy,
      });
    }
    this.#processes = ProcessSide.open(options.procRoot, options.clock);
    this.#interfaces = new Interfaces(options.procRoot);
  }

  status(): CaptureStatus {
    const degradations: Degradation[] = [this.#reason];
    const sight = this.#processes?.sight;
    if (sight === undefined) degradations.push(DEGRADATIONS.no_procfs);
    else if (!sight.allProcesses) degradations.push(DEGRADATIONS.other_users_processes);
    return {
      method: "procfs",
      capabilities: {
        bytes: "none",
        closedConnections: false,
        processes: sight === undefined ? "none" : sight.allProcesses ? "all" : "own",
        names: false,
        namespaces: "current",
      },
      degradations,
    };
  }

  async sample(): Promise<Batch> {
    const sampledAtMs = this.#clock.nowMs();
    const monotonicMs = this.#clock.monotonicMs();
    const closed = this.#enumerate(sampledAtMs);
    const enumeratedMs = this.#clock.monotonicMs();
    const processes = await this.#processes?.sample((owners, nowMs) => {
      for (const row of this.#rows.values()) if (row.inode !== 0) owners.use(row.inode, nowMs);
    });
    for (const row of this.#rows.values()) this.#attribute(row, monotonicMs);
    const sockets = Array.from(this.#rows.values(), (row) => row.sample);
    const parts = { sampledAtMs, monotonicMs, enumeratedMs, sockets, closed, processes };
    return completeBatch(parts, this.#interfaces, this.#loss, this.#clock);
  }

  // eslint-disable-next-line require-await -- the contract's shape; closing descriptors does not wait
  async [Symbol.asyncDispose](): Promise<void> {
    this.#interfaces[Symbol.dispose]();
    this.#processes?.[Symbol.dispose]();
  }

  /** Reads the four tables into the rows; returns the rows that are gone. */
  #enumerate(sampledAtMs: number): ClosedSocket[] {
    const before = this.#rows;
    const rows = new Map<string, Row>();
    for (const [file, protocol] of TABLES) {
      const text = this.#readTable(file);
      if (text === undefined) continue; // a kernel without IPv6 has no tcp6 and udp6
      const { rows: sockets, malformed } = parseProcSockets(text);
      this.#loss.add("malformed_record", malformed);
      for (const socket of sockets) {
        const row = toRow(socket, protocol, before);
        rows.set(row.identity.id, row);
      }
    }
    this.#rows = rows;
    const closed: ClosedSocket[] = [];
    for (const [id, row] of before) {
      if (rows.has(id)) continue;
      closed.push({ ...row.sample, state: "closed", closedAtMs: sampledAtMs });
    }
    return closed;
  }

  #attribute(row: Row, nowMs: number): void {
    const side = this.#processes;
    if (side === undefined || row.inode === 0) return;
    const owners = side.owners.use(row.inode, nowMs).owners;
    const hidden = !side.sight.allProcesses && row.identity.userId !== side.sight.userId;
    const attribution = owners.length > 0 ? "exact" : hidden ? "not_visible" : "unknown";
    if (row.sample.owners === owners && row.sample.attribution === attribution) return;
    row.sample = { ...row.sample, owners, attribution };
  }

  #readTable(file: string): string | undefined {
    try {
      return readFileSync(`${this.#root}/net/${file}`, "utf8");
    } catch {
      return undefined; // absent: the caller decides what that means
    }
  }
}

/** The row of before where nothing but the state may have changed. */
function toRow(socket: ProcSocket, protocol: Protocol, before: ReadonlyMap<string, Row>): Row {
  const id = [
    protocol,
    `${socket.localAddress}|${socket.localPort}`,
    `${socket.remoteAddress}|${socket.remotePort}`,
    // Several sockets can have the same ends (SO_REUSEPORT); TIME_WAIT has no inode.
    socket.inode,
  ].join("/");
  const state = protocol === "tcp" ? tcpStateName(socket.state) : udpStateName(socket.state);
  const known = before.get(id);
  if (known !== undefined) {
    if (known.sample.state !== state) known.sample = { ...known.sample, state };
    return known;
  }
  const identity: SocketIdentity = {
    id,
    protocol,
    localAddress: socket.localAddress,
    localPort: socket.localPort,
    remoteAddress: socket.remoteAddress,
    remotePort: socket.remotePort,
    userId: socket.inode === 0 ? undefined : socket.userId,
  };
  const sample: SocketSample = {
    identity,
    state,
    counters: NO_COUNTERS,
    owners: [],
    attribution: "unknown",
  };
  return { identity, inode: socket.inode, sample };
}
