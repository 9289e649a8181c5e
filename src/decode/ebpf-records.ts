/**
 * The records of the kernel programs, as ebpf/records.h declares them: a test compares every offset with the compiler's own.
 * Reading is in place; nothing here allocates per row.
 */
import { defineLayout } from "../../ffi/layout.ts";

const TWO_TO_32 = 0x1_0000_0000;

export const SOCKET_KEY = defineLayout("wb_socket_key", 16, {
  cookie: [0, "u64"],
  netns: [8, "u32"],
});

export const SOCKET = defineLayout("wb_socket", 128, {
  baseSent: [0, "u64"],
  baseReceived: [8, "u64"],
  taken: [16, "u64"],
  written: [24, "u64"],
  createdNs: [32, "u64"],
  closedNs: [40, "u64"],
  changedNs: [48, "u64"],
  openerStartNs: [56, "u64"],
  openerTgid: [64, "u32"],
  uid: [68, "u32"],
  inode: [72, "u32"],
  peers: [76, "u32"],
  family: [80, "u16"],
  protocol: [82, "u16"],
  localPort: [84, "u16"],
  remotePort: [86, "u16"],
  state: [88, "u8"],
  flags: [89, "u8"],
  type: [90, "u16"],
  calls: [92, "u32"],
  local: [96, "u8", 16],
  remote: [112, "u8", 16],
});

/** enum wb_socket_flags. */
export const SOCKET_FLAGS = { existed: 1, late: 2, tls: 4, returns: 8, accepted: 16 } as const;

export const BYTES_KEY = defineLayout("wb_bytes_key", 48, {
  cookie: [0, "u64"],
  netns: [8, "u32"],
  tgid: [12, "u32"],
  startNs: [16, "u64"],
  peer: [24, "u8", 16],
  peerPort: [40, "u16"],
});

export const BYTES = defineLayout("wb_bytes", 48, {
  sent: [0, "u64"],
  received: [8, "u64"],
  changedNs: [16, "u64"],
  parentTgid: [24, "u32"],
  uid: [28, "u32"],
  comm: [32, "u8", 16],
});

export const LOSS = defineLayout("wb_loss", 64, {
  socketsFull: [0, "u64"],
  bytesFull: [8, "u64"],
  lostSent: [16, "u64"],
  lostReceived: [24, "u64"],
  eventsFull: [32, "u64"],
  namesFull: [40, "u64"],
  peersMerged: [48, "u64"],
  returnsLost: [56, "u64"],
});

/** enum wb_event_type. */
export const EVENT_TYPES = { exec: 1, fork: 2, exit: 3, state: 4 } as const;

export const EVENT = defineLayout("wb_event", 40, {
  type: [0, "u16"],
  size: [2, "u16"],
  tgid: [4, "u32"],
  timeNs: [8, "u64"],
  startNs: [16, "u64"],
  parentTgid: [24, "u32"],
  uid: [28, "u32"],
  parentStartNs: [32, "u64"],
});

export const EXEC = defineLayout("wb_exec", 64, {
  event: [0, "u8", 40],
  argumentsLength: [40, "u32"],
  filenameSize: [44, "u16"],
  argumentsSize: [46, "u16"],
  comm: [48, "u8", 16],
});

export const EXIT = defineLayout("wb_exit", 48, {
  event: [0, "u8", 40],
  code: [40, "u32"],
});

export const STATE = defineLayout("wb_state", 96, {
  event: [0, "u8", 40],
  cookie: [40, "u64"],
  netns: [48, "u32"],
  family: [52, "u16"],
  protocol: [54, "u16"],
  localPort: [56, "u16"],
  remotePort: [58, "u16"],
  oldState: [60, "u8"],
  newState: [61, "u8"],
  local: [64, "u8", 16],
  remote: [80, "u8", 16],
});

/** enum wb_name_type. */
export const NAME_TYPES = { dnsUdp: 1, dnsTcp: 2, clientHello: 3 } as const;

export const NAME = defineLayout("wb_name", 48, {
  type: [0, "u16"],
  size: [2, "u16"],
  payloadLength: [4, "u32"],
  timeNs: [8, "u64"],
  cookie: [16, "u64"],
  netns: [24, "u32"],
  remotePort: [28, "u16"],
  remote: [32, "u8", 16],
});

/**
 * A cookie's two words as one exact number, to look it up by: those that the kernel counts up, those that it counts down
 * from 2^64, and the ones of ebpf/socket.h that an inode stands in for, are all far from 2^53 as signed numbers.
 */
export function cookieNumber(low: number, high: number): number {
  return (high | 0) * TWO_TO_32 + low;
}

/** A time as whole clock ticks, exact for all 64 bits that can occur, where a double is not. `nsPerTick`: at most 2^32. */
export function wholeTicks(low: number, high: number, nsPerTick: number): number {
  const perWord = Math.floor(TWO_TO_32 / nsPerTick);
  const rest = TWO_TO_32 - perWord * nsPerTick;
  return high * perWord + Math.floor((high * rest + low) / nsPerTick);
}

export const SOCKET_ROW_BYTES = SOCKET_KEY.size + SOCKET.size;
export const BYTES_ROW_BYTES = BYTES_KEY.size + BYTES.size;
