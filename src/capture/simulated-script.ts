/** What a script of the simulated world is made of: users, processes, hosts, interfaces, and the roles that they play. */
import type { Protocol, SocketState } from "../model/flow.ts";
import type { InterfaceKind } from "../model/interface.ts";

export interface ScriptedProcess {
  readonly name: string;
  readonly pid: number;
  readonly parentPid: number;
  readonly path: string | undefined;
  readonly commandLine: readonly string[];
  readonly userId: number;
  /** Of another user, so that it can't be looked at. */
  readonly hidden?: true;
  /** Milliseconds before the capture was opened. */
  readonly ageMs: number;
  readonly memoryBytes: number;
}

export interface ScriptedHost {
  readonly name: string;
  readonly addresses: readonly string[];
}

/** What one process does with the network: `count` slots, each holding one socket after another. */
export interface ScriptedRole {
  /** A process's name; several: the first one opened the socket and the others hold it too. */
  readonly processes: readonly string[];
  readonly protocol: Protocol;
  /** `listen` and `unconnected` have no peer and stay for ever; a `syn_sent` one is never answered. */
  readonly state: SocketState;
  readonly localAddress: string;
  /** 0: an ephemeral port per socket. */
  readonly localPort: number;
  /** Names of hosts, taken by chance; empty where there is no peer. */
  readonly peers: readonly string[];
  /** 0: the peer's port is ephemeral, because it is the peer who connected. */
  readonly remotePort: number;
  readonly count: number;
  /** How long a socket lives, from and to; undefined: for ever. */
  readonly lifeMs?: readonly [number, number];
  /** Between two sockets of one slot. */
  readonly pauseMs?: readonly [number, number];
  /** While busy, from and to. */
  readonly sendBytesPerSecond: readonly [number, number];
  readonly receiveBytesPerSecond: readonly [number, number];
  /** Share of the time in which it is busy, 0 to 1. */
  readonly busy: number;
  /** Each socket belongs to a process of its own that comes and goes with it. */
  readonly spawns?: true;
  /** The process at the other end, where that is on this machine too: its socket is shown as well. */
  readonly mirroredBy?: string;
}

export interface ScriptedInterface {
  readonly name: string;
  readonly index: number;
  readonly kind: InterfaceKind;
  readonly addresses: readonly string[];
  readonly counted: boolean;
  readonly reason: string | undefined;
  readonly up: boolean;
}

export interface WorldScript {
  readonly users: Readonly<Record<number, string>>;
  readonly hosts: readonly ScriptedHost[];
  readonly interfaces: readonly ScriptedInterface[];
  readonly processes: readonly ScriptedProcess[];
  readonly roles: readonly ScriptedRole[];
}

export const LOCAL_IPV4 = "192.0.2.10";
export const LOCAL_IPV6 = "2001:db8:1::10";
export const TUNNEL_IPV4 = "203.0.113.130";
