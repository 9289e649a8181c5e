/** One place in the simulated world where one socket lives after another, each with counters that only ever grow. */
import type { AttributionQuality, SocketCounters, SocketIdentity, SocketSample } from "../model/flow.ts";
import type { ProcessKey } from "../model/process.ts";
import type { SimulatedProcesses } from "./simulated-processes.ts";
import type { ScriptedRole } from "./simulated-script.ts";
import { crowdAddress } from "./simulated-world.ts";

/** A number from 0 to below 1. */
export type Random = () => number;

/** mulberry32 by Tommy Ettinger (public domain): 32 bits of state, the same numbers on every machine. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** What a slot may ask of the world around it, and must tell it. */
export interface SlotWorld {
  readonly random: Random;
  readonly processes: SimulatedProcesses;
  /** Milliseconds since the world was opened. */
  readonly nowMs: number;
  addressesOf(host: string): readonly string[];
  nextSocketId(): string;
  nextPort(): number;
  nextClient(): number;
  /** How many sockets came. */
  opened(count: number): void;
  /** The last samples of sockets that are gone. */
  closed(sockets: readonly SocketSample[]): void;
  carry(localAddress: string, sentBytes: number, receivedBytes: number): void;
}

interface LiveSocket {
  readonly identity: SocketIdentity;
  readonly owners: readonly ProcessKey[];
  readonly attribution: AttributionQuality;
  readonly mirror: Omit<LiveSocket, "mirror" | "endsAtMs"> | undefined;
  readonly endsAtMs: number;
}

const UNCOUNTED: SocketCounters = {
  bytesSent: undefined,
  bytesReceived: undefined,
  meaning: "none",
  uncertaintyBytes: undefined,
};
/** Bytes per second of a datagram socket that talks to somebody: on the wire, but counted for no connection. */
const DATAGRAM_BYTES_PER_SECOND = 4_000;
/** How long a role stays busy or quiet at a stretch, on average. */
const STRETCH_MS = 1_500;

export class SimulatedSlot {
  readonly #role: ScriptedRole;
  #socket: LiveSocket | undefined;
  #opensAtMs = 0;
  #isBusy = false;
  #stretchEndsAtMs = 0;
  #sentPerSecond = 0;
  #receivedPerSecond = 0;
  #bytesSent = 0;
  #bytesReceived = 0;
  /** Made when asked for, and kept until the counters change. */
  #samples: readonly SocketSample[] | undefined;

  constructor(role: ScriptedRole) {
    this.#role = role;
  }

  /** Whether it has nothing more to do: its one socket is gone and no other follows. */
  get isSpent(): boolean {
    return this.#socket === undefined && this.#role.pauseMs === undefined;
  }

  /** Opens the first socket. At the world's beginning it is one that began before, so it already has a past. */
  openFirst(world: SlotWorld): void {
    this.#open(world);
    if (world.nowMs > 0) return;
    if (this.#role.spawns === true || this.#role.busy === 0) return;
    const past = this.#role.lifeMs === undefined ? 3_600 : 20;
    this.#bytesSent = Math.floor(this.#between(world, this.#role.sendBytesPerSecond) * past * world.random());
    this.#bytesReceived = Math.floor(
      this.#between(world, this.#role.receiveBytesPerSecond) * past * world.random(),
    );
  }

  step(world: SlotWorld, tickMs: number): void {
    if (this.#socket === undefined) {
      if (this.#role.pauseMs !== undefined && world.nowMs >= this.#opensAtMs) this.#open(world);
      return;
    }
    if (world.nowMs >= this.#socket.endsAtMs) {
      this.#close(world, this.#socket);
      return;
    }
    if (this.#role.protocol === "udp") {
      this.#stepDatagrams(world, this.#socket, tickMs);
      return;
    }
    if (this.#role.busy > 0) this.#stepStream(world, this.#socket, tickMs);
  }

  collect(sockets: SocketSample[], holding: Set<ProcessKey>): void {
    if (this.#socket === undefined) return;
    this.#samples ??= this.#sampleAll(this.#socket);
    for (const sample of this.#samples) {
      sockets.push(sample);
      for (const owner of sample.owners) holding.add(owner);
    }
  }

  #stepDatagrams(world: SlotWorld, socket: LiveSocket, tickMs: number): void {
    if (this.#role.state !== "connected") return;
    const bytes = Math.floor((DATAGRAM_BYTES_PER_SECOND * tickMs * world.random()) / 1000);
    world.carry(socket.identity.localAddress, bytes >> 3, bytes);
  }

  #stepStream(world: SlotWorld, socket: LiveSocket, tickMs: number): void {
    if (world.nowMs >= this.#stretchEndsAtMs) {
      this.#isBusy = world.random() < this.#role.busy;
      this.#stretchEndsAtMs = world.nowMs + STRETCH_MS * (0.4 + 1.2 * world.random());
      this.#sentPerSecond = this.#between(world, this.#role.sendBytesPerSecond);
      this.#receivedPerSecond = this.#between(world, this.#role.receiveBytesPerSecond);
    }
    if (!this.#isBusy) return;
    const wobble = 0.8 + 0.4 * world.random();
    const sent = Math.floor((this.#sentPerSecond * wobble * tickMs) / 1000);
    const received = Math.floor((this.#receivedPerSecond * wobble * tickMs) / 1000);
    this.#bytesSent += sent;
    this.#bytesReceived += received;
    this.#samples = undefined;
    world.carry(socket.identity.localAddress, sent, received);
    if (socket.mirror !== undefined) world.carry(socket.mirror.identity.localAddress, received, sent);
    world.processes.work(socket.owners[0], sent + received);
  }

  #open(world: SlotWorld): void {
    const role = this.#role;
    const opener = role.processes[0] ?? "";
    const spawned = role.spawns === true ? world.processes.spawn(opener, world.nowMs) : undefined;
    const owners = spawned === undefined ? world.processes.keysOf(role.processes) : [spawned];
    const identity = this.#identity(world, world.processes.userIdOf(opener));
    const lifeMs = role.lifeMs === undefined ? Number.POSITIVE_INFINITY : this.#between(world, role.lifeMs);
    this.#socket = {
      identity,
      owners,
      attribution: owners.length > 0 ? "exact" : "not_visible",
      mirror: role.mirroredBy === undefined ? undefined : this.#mirror(world, identity, role.mirroredBy),
      endsAtMs: world.nowMs + lifeMs,
    };
    this.#bytesSent = 0;
    this.#bytesReceived = 0;
    this.#stretchEndsAtMs = 0;
    this.#samples = undefined;
    world.opened(this.#socket.mirror === undefined ? 1 : 2);
  }

  #close(world: SlotWorld, socket: LiveSocket): void {
    world.closed(this.#sampleAll(socket));
    if (this.#role.spawns === true) for (const owner of socket.owners) world.processes.exit(owner);
    this.#socket = undefined;
    this.#samples = undefined;
    this.#opensAtMs = world.nowMs + this.#between(world, this.#role.pauseMs ?? [0, 0]);
  }

  #identity(world: SlotWorld, userId: number | undefined): SocketIdentity {
    const { protocol, localAddress, localPort, peers, remotePort, state } = this.#role;
    const hasNoPeer = state === "listen" || state === "unconnected";
    // Only addresses of the local one's family: no socket talks across.
    const isIpv6 = localAddress.includes(":");
    const host = peers[Math.floor(world.random() * peers.length)];
    const addresses = (host === undefined ? [] : world.addressesOf(host)).filter(
      (address) => address.includes(":") === isIpv6,
    );
    const peer = addresses[Math.floor(world.random() * addresses.length)];
    const crowd = crowdAddress(world.nextClient());
    const remoteAddress = hasNoPeer ? (isIpv6 ? "::" : "0.0.0.0") : (peer ?? crowd);
    const isCrowdIpv6 = !hasNoPeer && peer === undefined && crowd.includes(":");
    return {
      id: world.nextSocketId(),
      protocol,
      localAddress: isCrowdIpv6 ? "2001:db8:1::10" : localAddress,
      localPort: localPort === 0 ? world.nextPort() : localPort,
      remoteAddress,
      remotePort: hasNoPeer || remotePort !== 0 ? remotePort : world.nextPort(),
      userId,
    };
  }

  #mirror(world: SlotWorld, identity: SocketIdentity, process: string): LiveSocket["mirror"] {
    const owners = world.processes.keysOf([process]);
    return {
      identity: {
        id: world.nextSocketId(),
        protocol: identity.protocol,
        localAddress: identity.remoteAddress,
        localPort: identity.remotePort,
        remoteAddress: identity.localAddress,
        remotePort: identity.localPort,
        userId: world.processes.userIdOf(process),
      },
      owners,
      attribution: owners.length > 0 ? "exact" : "not_visible",
    };
  }

  #sampleAll(socket: LiveSocket): readonly SocketSample[] {
    const { state } = this.#role;
    const { identity, owners, attribution, mirror } = socket;
    const sample: SocketSample = {
      identity,
      state,
      counters: this.#counters(this.#bytesSent, this.#bytesReceived),
      owners,
      attribution,
    };
    if (mirror === undefined) return [sample];
    return [sample, { ...mirror, state, counters: this.#counters(this.#bytesReceived, this.#bytesSent) }];
  }

  #counters(bytesSent: number, bytesReceived: number): SocketCounters {
    if (this.#role.protocol === "udp") return UNCOUNTED;
    return { bytesSent, bytesReceived, meaning: "payload", uncertaintyBytes: 0 };
  }

  #between(world: SlotWorld, range: readonly [number, number]): number {
    return range[0] + (range[1] - range[0]) * world.random();
  }
}
