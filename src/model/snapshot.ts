/** What is known at one moment. Immutable; made by the flow table, read by every screen and printer. */
import type { CaptureStatus } from "./capture-status.ts";
import type { AttributionQuality, BytesMeaning, Protocol, SocketState } from "./flow.ts";
import type { InterfaceSample } from "./interface.ts";
import type { Loss } from "./loss.ts";
import type { ProcessInfo, ProcessKey } from "./process.ts";

/**
 * Where a host name comes from: the hosts file, a PTR record, a DNS answer that the machine was seen to receive, or the
 * name that a TLS client was seen to ask for.
 */
export type NameSource = "hosts" | "ptr" | "dns" | "sni";

export interface HostName {
  readonly name: string;
  readonly source: NameSource;
  /** Of an observed answer: what the name stands for by CNAME records, in order. Absent where it stands for itself. */
  readonly chain?: readonly string[];
}

/** Cumulative counts and current rates, in bytes and bytes per second. */
export interface Traffic {
  readonly bytesSent: number;
  readonly bytesReceived: number;
  readonly sendBytesPerSecond: number;
  readonly receiveBytesPerSecond: number;
}

/** One flow as known now. */
export interface Flow {
  readonly id: string;
  readonly protocol: Protocol;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** Undefined until, or unless, a name is known. */
  readonly remoteHost: HostName | undefined;
  /** The service that the port is registered for (`https`); undefined where there is none. */
  readonly service: string | undefined;
  readonly state: SocketState;
  /** The process that the bytes are attributed to: the opener where known, else the first holder. */
  readonly process: ProcessInfo | undefined;
  /** All holders, the opener first. */
  readonly owners: readonly ProcessKey[];
  /** The process that created, connected or accepted the socket, where it is another one and known. */
  readonly opener: ProcessInfo | undefined;
  readonly userId: number | undefined;
  readonly userName: string | undefined;
  readonly attribution: AttributionQuality;
  /** Cumulative since the socket began, so they include what was sent before WireBound started. Undefined: not countable. */
  readonly bytesSent: number | undefined;
  readonly bytesReceived: number | undefined;
  /** The part that was seen to happen: since WireBound started, or since the socket began if that was later. */
  readonly observedBytesSent: number;
  readonly observedBytesReceived: number;
  readonly bytesMeaning: BytesMeaning;
  /** 0 is exact; undefined: off by an unknown amount (a lower bound). */
  readonly uncertaintyBytes: number | undefined;
  readonly sendBytesPerSecond: number;
  readonly receiveBytesPerSecond: number;
  readonly firstSeenMs: number;
  /** When the counters last grew, or the flow was first seen. */
  readonly lastActivityMs: number;
  readonly closed: boolean;
  readonly closedAtMs: number | undefined;
  /** Inode of its network namespace, where that is not this program's own. */
  readonly networkNamespace: number | undefined;
}

export interface ProcessState {
  readonly info: ProcessInfo;
  readonly exited: boolean;
  readonly memoryBytes: number | undefined;
  /** Share of one core since the last sample, 0 to number of cores; undefined until two samples exist. */
  readonly cpuFraction: number | undefined;
}

export interface InterfaceState extends InterfaceSample {
  readonly sendBytesPerSecond: number;
  readonly receiveBytesPerSecond: number;
}

/**
 * interface bytes = attributed + unattributed + overhead + lost, since WireBound started, per direction. Traffic of the
 * machine with itself (loopback, its own addresses) is on no counted interface, so its flows' bytes are in neither part.
 * Overhead is the remainder: headers, retransmissions, and protocols that this method can't count per connection.
 */
export interface Reconciliation {
  readonly sent: ReconciliationSide;
  readonly received: ReconciliationSide;
}

export interface ReconciliationSide {
  /** Growth of all counted interfaces. */
  readonly interfaceBytes: number;
  /** Payload of flows whose process is known. */
  readonly attributedBytes: number;
  /** Payload of flows whose process is not known. */
  readonly unattributedBytes: number;
  /** Bytes declared lost. */
  readonly lostBytes: number;
  /** interfaceBytes − the rest. Negative where the samples of the two sides were not taken at one moment. */
  readonly overheadBytes: number;
}

/** The bytes are those that were seen to happen since WireBound started, of every flow, also of those no longer shown. */
export interface Totals extends Traffic {
  /** Living sockets of any kind: connections, listeners, UDP sockets; each once, however many rows it has. */
  readonly connections: number;
  /** How many have ended since WireBound started. */
  readonly closedConnections: number;
  /** Visible processes that hold a living socket. */
  readonly processes: number;
  /** Of all counted interfaces: wire bytes and rates since WireBound started. */
  readonly interfaces: Traffic;
}

export interface Snapshot {
  /** Unix milliseconds. */
  readonly sampledAtMs: number;
  readonly startedAtMs: number;
  /** Since the sample before; undefined for the first. */
  readonly intervalMs: number | undefined;
  readonly sequence: number;
  readonly capture: CaptureStatus;
  /** Since the start, one entry per cause. */
  readonly loss: readonly Loss[];
  readonly totals: Totals;
  readonly reconciliation: Reconciliation;
  /** Live flows and recently closed ones. */
  readonly flows: readonly Flow[];
  readonly processes: ReadonlyMap<ProcessKey, ProcessState>;
  readonly interfaces: readonly InterfaceState[];
  readonly timings: {
    readonly enumerateMs: number;
    readonly processesMs: number;
    readonly interfacesMs: number;
  };
}
