/**
 * A believable world that needs no machine: for `wb monitor --demo`, the screens' golden frames, tests and benchmarks.
 * It is a function of the seed and of the clock alone: two captures with the same seed, asked at the same moments, tell
 * the same, and how often they are asked does not change what happens. Counters are cumulative and exact, and the
 * interfaces' bytes are what these connections would put on a wire.
 */
import { systemClock, type Clock } from "../lib/clock.ts";
import type { CaptureStatus } from "../model/capture-status.ts";
import type { Batch, Capture } from "../model/contracts.ts";
import type { ClosedSocket, SocketSample } from "../model/flow.ts";
import type { InterfaceSample } from "../model/interface.ts";
import type { Loss } from "../model/loss.ts";
import type { ProcessKey } from "../model/process.ts";
import type { HostName } from "../model/snapshot.ts";
import { SimulatedProcesses } from "./simulated-processes.ts";
import { seededRandom, SimulatedSlot, type Random, type SlotWorld } from "./simulated-slot.ts";
import { CROWD } from "./simulated-roles.ts";
import type { ScriptedRole, WorldScript } from "./simulated-script.ts";
import { WORKSTATION, scriptedNames } from "./simulated-world.ts";

/** The world moves in steps of this length, however often it is looked at. */
const TICK_MS = 100;
/** After a longer pause (a suspended machine) the world goes on as if the rest had not passed. */
const CATCH_UP_TICKS_MAX = 6_000;
/** Closed sockets kept until the next sample; what comes on top is declared lost. */
const CLOSED_MAX = 50_000;
/** Share of the closings that nobody is told of. */
const LOST_SHARE = 1 / 64;

export interface SimulatedOptions {
  /** Default 1. */
  readonly seed?: number;
  /** Default: the system's. */
  readonly clock?: Clock;
  /** How many sockets live at any moment, listeners included; undefined: as many as the script has, about forty. */
  readonly connections?: number;
  /** Default: a developer's workstation. */
  readonly script?: WorldScript;
}

const STATUS: CaptureStatus = {
  method: "simulated",
  capabilities: {
    bytes: "tcp",
    closedConnections: true,
    processes: "own",
    names: false,
    namespaces: "current",
  },
  degradations: [
    {
      code: "other_users_processes",
      message: "This is a simulated world; some of its processes belong to other users and are not visible.",
      remedy: "Run wb monitor without --demo to watch this machine.",
    },
  ],
};

const NAMES = scriptedNames(WORKSTATION);

/** The name of an address of the simulated world, as a PTR record would tell it. */
export function simulatedNameOf(address: string): HostName | undefined {
  const name = NAMES.get(address);
  return name === undefined ? undefined : { name, source: address.startsWith("127.") ? "hosts" : "ptr" };
}

/** The name of a user of the simulated world. */
export function simulatedUserNameOf(userId: number): string | undefined {
  return WORKSTATION.users[userId];
}

/** Opens a world of its own. Nothing runs between two samples, and nothing outside is touched. */
export function openSimulatedCapture(options: SimulatedOptions = {}): Capture {
  return new SimulatedCapture(options);
}

interface WireCounters {
  bytesSent: number;
  bytesReceived: number;
  packetsSent: number;
  packetsReceived: number;
}

class SimulatedCapture implements Capture, SlotWorld {
  readonly #clock: Clock;
  readonly #script: WorldScript;
  readonly #openedAtMs: number;
  readonly #openedMonotonicMs: number;
  readonly #connections: number | undefined;
  readonly #wires = new Map<string, WireCounters>();
  readonly #slots: SimulatedSlot[] = [];
  readonly random: Random;
  readonly processes: SimulatedProcesses;
  #closed: ClosedSocket[] = [];
  #lostNotices = 0;
  #tick = 0;
  /** Ticks that were left out by CATCH_UP_TICKS_MAX. */
  #skippedTicks = 0;
  #nextSocket = 1;
  #nextPort = 0;
  #live = 0;

  constructor(options: SimulatedOptions) {
    this.#clock = options.clock ?? systemClock;
    this.#script = options.script ?? WORKSTATION;
    this.#connections = options.connections;
    this.#openedAtMs = this.#clock.nowMs();
    this.#openedMonotonicMs = this.#clock.monotonicMs();
    this.random = seededRandom(options.seed ?? 1);
    this.processes = new SimulatedProcesses(this.#script, this.#openedAtMs);
    for (const wire of this.#script.interfaces) {
      const base = wire.up ? Math.floor(this.random() * 2e9) : 0;
      this.#wires.set(wire.name, {
        bytesSent: base,
        bytesReceived: wire.kind === "loopback" ? base : base * 3,
        packetsSent: Math.floor(base / 400),
        packetsReceived: Math.floor(base / (wire.kind === "loopback" ? 400 : 300)),
      });
    }
    for (const role of this.#script.roles) {
      for (let index = 0; index < role.count && this.#hasRoom(role); index += 1) this.#addSlot(role);
    }
    this.#fill();
  }

  status(): CaptureStatus {
    return STATUS;
  }

  sample(): Promise<Batch> {
    const monotonicMs = this.#clock.monotonicMs();
    this.#advance(monotonicMs);
    const sockets: SocketSample[] = [];
    const holding = new Set<ProcessKey>();
    for (const slot of this.#slots) slot.collect(sockets, holding);
    const batch: Batch = {
      sampledAtMs: this.#clock.nowMs(),
      monotonicMs,
      sockets,
      closed: this.#closed,
      processes: this.processes.takeTold(),
      exited: this.processes.takeExited(),
      usage: this.processes.usage(holding, this.nowMs),
      interfaces: this.#interfaces(),
      loss: this.#takeLoss(),
      timings: { enumerateMs: 0, processesMs: 0, interfacesMs: 0 },
    };
    this.#closed = [];
    return Promise.resolve(batch);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  // What a slot asks of its world.

  get nowMs(): number {
    return this.#tick * TICK_MS;
  }

  addressesOf(host: string): readonly string[] {
    return this.#script.hosts.find((candidate) => candidate.name === host)?.addresses ?? [];
  }

  nextSocketId(): string {
    const id = `simulated:${this.#nextSocket}`;
    this.#nextSocket += 1;
    return id;
  }

  /** The next ephemeral port; by a stride that is prime to the size of the range, so that all are used once per round. */
  nextPort(): number {
    this.#nextPort = (this.#nextPort + 7919) % 28_232;
    return 32_768 + this.#nextPort;
  }

  nextClient(): number {
    return this.#nextSocket;
  }

  opened(count: number): void {
    this.#live += count;
  }

  closed(sockets: readonly SocketSample[]): void {
    this.#live -= sockets.length;
    const isLost = this.random() < LOST_SHARE || this.#closed.length >= CLOSED_MAX;
    if (isLost) {
      this.#lostNotices += 1;
      return;
    }
    for (const socket of sockets) {
      this.#closed.push({ ...socket, state: "closed", closedAtMs: this.#openedAtMs + this.nowMs });
    }
  }

  /** Puts payload on the wires that lead from an address: full segments of 1448 bytes, an acknowledgement for every two. */
  carry(localAddress: string, sent: number, received: number): void {
    const sentSegments = Math.ceil(sent / 1448);
    const receivedSegments = Math.ceil(received / 1448);
    const packetsSent = sentSegments + Math.ceil(receivedSegments / 2);
    const packetsReceived = receivedSegments + Math.ceil(sentSegments / 2);
    const isLoopback = localAddress.startsWith("127.");
    const wires = this.#script.interfaces.filter((candidate) => candidate.addresses.includes(localAddress));
    const tunnel = wires.find((candidate) => candidate.kind === "tunnel");
    this.#count(
      isLoopback ? "lo" : (wires[0]?.name ?? "eth0"),
      sent,
      received,
      packetsSent,
      packetsReceived,
      66,
    );
    if (tunnel !== undefined) this.#count("eth0", sent, received, packetsSent, packetsReceived, 66 + 60);
  }

  #count(
    name: string,
    sent: number,
    received: number,
    packetsSent: number,
    packetsReceived: number,
    headerBytes: number,
  ): void {
    const wire = this.#wires.get(name);
    if (wire === undefined) return; // a script without that interface has no wire to count on
    wire.bytesSent += sent + packetsSent * headerBytes;
    wire.bytesReceived += received + packetsReceived * headerBytes;
    wire.packetsSent += packetsSent;
    wire.packetsReceived += packetsReceived;
  }

  #hasRoom(role: ScriptedRole): boolean {
    const needed = role.mirroredBy === undefined ? 1 : 2;
    return this.#connections === undefined || this.#live + needed <= this.#connections;
  }

  #addSlot(role: ScriptedRole): void {
    const slot = new SimulatedSlot(role);
    this.#slots.push(slot);
    slot.openFirst(this);
  }

  /** Keeps as many sockets alive as were asked for. */
  #fill(): void {
    while (this.#connections !== undefined && this.#live < this.#connections) this.#addSlot(CROWD);
  }

  #advance(monotonicMs: number): void {
    const due = Math.floor((monotonicMs - this.#openedMonotonicMs) / TICK_MS) - this.#skippedTicks;
    if (due - this.#tick > CATCH_UP_TICKS_MAX) this.#skippedTicks += due - this.#tick - CATCH_UP_TICKS_MAX;
    const end = Math.min(due, this.#tick + CATCH_UP_TICKS_MAX);
    while (this.#tick < end) {
      this.#tick += 1;
      for (let index = this.#slots.length - 1; index >= 0; index -= 1) {
        const slot = this.#slots[index];
        if (slot === undefined) continue;
        slot.step(this, TICK_MS);
        if (slot.isSpent) this.#slots.splice(index, 1);
      }
      this.#fill();
    }
  }

  #takeLoss(): readonly Loss[] {
    const count = this.#lostNotices;
    this.#lostNotices = 0;
    return count === 0 ? [] : [{ cause: "netlink_overflow", count, bytes: undefined }];
  }

  #interfaces(): readonly InterfaceSample[] {
    return this.#script.interfaces.map((wire): InterfaceSample => {
      const counters = this.#wires.get(wire.name);
      return {
        ...wire,
        bytesSent: counters?.bytesSent ?? 0,
        bytesReceived: counters?.bytesReceived ?? 0,
        packetsSent: counters?.packetsSent ?? 0,
        packetsReceived: counters?.packetsReceived ?? 0,
        errors: 0,
        dropped: 0,
      };
    });
  }
}
