/**
 * Netlink's framing: messages in a buffer, attributes in a message (RFC 3549; linux/netlink.h). Pure, allocating
 * nothing per message. Whatever the bytes are, a reader stays within what it was given, always ends, and tells what
 * was malformed.
 */
import { defineLayout } from "../../ffi/layout.ts";

export const nlmsghdr = defineLayout("nlmsghdr", 16, {
  /** Header included. */
  length: [0, "u32"],
  type: [4, "u16"],
  flags: [6, "u16"],
  sequence: [8, "u32"],
  portId: [12, "u32"],
});

export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_MULTI = 0x2;
/** The table changed while it was dumped: entries may be missing or doubled. */
export const NLM_F_DUMP_INTR = 0x10;
/** NLM_F_ROOT | NLM_F_MATCH. */
export const NLM_F_DUMP = 0x300;
/** NLA_F_NESTED and NLA_F_NET_BYTEORDER are flags in an attribute's type. */
const NLA_TYPE_MASK = 0x3fff;

/** A cursor over the messages of one received datagram. */
export class NetlinkReader {
  readonly view: DataView;
  type = 0;
  flags = 0;
  sequence = 0;
  /** Where the message's payload begins and ends in the view. */
  bodyStart = 0;
  bodyEnd = 0;
  /** Whether the datagram ended in something that is no message; no message follows then. */
  malformed = false;
  #position = 0;
  #end = 0;

  constructor(buffer: Uint8Array) {
    this.view = new DataView(buffer.buffer, buffer.byteOffset, buffer.byteLength);
  }

  /** Begins anew, with the first `length` bytes of the buffer. */
  reset(length: number): void {
    this.#position = 0;
    this.#end = Math.min(length, this.view.byteLength);
    this.malformed = false;
  }

  /** Moves to the next message; false at the end, or where what follows is malformed. */
  next(): boolean {
    const start = this.#position;
    if (start >= this.#end) return false;
    if (start + 16 > this.#end) return this.#giveUp();
    const length = this.view.getUint32(start, true);
    if (length < 16 || start + length > this.#end) return this.#giveUp();
    this.type = this.view.getUint16(start + 4, true);
    this.flags = this.view.getUint16(start + 6, true);
    this.sequence = this.view.getUint32(start + 8, true);
    this.bodyStart = start + 16;
    this.bodyEnd = start + length;
    this.#position = start + align4(length);
    return true;
  }

  /**
   * Of an NLMSG_ERROR or NLMSG_DONE message: the error number (positive), 0 for success. A message too short to hold
   * one says 0.
   */
  errorNumber(): number {
    return this.bodyStart + 4 <= this.bodyEnd ? 0 - this.view.getInt32(this.bodyStart, true) : 0;
  }

  #giveUp(): boolean {
    this.malformed = true;
    this.#position = this.#end;
    return false;
  }
}

/** A cursor over attributes (struct nlattr, rtattr: u16 length with header, u16 type, payload, padding to four). */
export class AttributeReader {
  readonly view: DataView;
  type = 0;
  start = 0;
  end = 0;
  malformed = false;
  #position: number;
  readonly #limit: number;

  /** Reads the attributes between `start` and `end` of the view. */
  constructor(view: DataView, start: number, end: number) {
    this.view = view;
    this.#position = start;
    this.#limit = Math.min(end, view.byteLength);
  }

  next(): boolean {
    const position = this.#position;
    if (position + 4 > this.#limit) {
      if (position < this.#limit) this.malformed = true;
      return false;
    }
    const length = this.view.getUint16(position, true);
    if (length < 4 || position + length > this.#limit) {
      this.malformed = true;
      this.#position = this.#limit;
      return false;
    }
    this.type = this.view.getUint16(position + 2, true) & NLA_TYPE_MASK;
    this.start = position + 4;
    this.end = position + length;
    this.#position = position + align4(length);
    return true;
  }

  /** The attribute's first u32; undefined where it is shorter. */
  u32(): number | undefined {
    return this.start + 4 <= this.end ? this.view.getUint32(this.start, true) : undefined;
  }

  /** The attribute as text up to its first NUL. */
  text(): string {
    const bytes = new Uint8Array(this.view.buffer, this.view.byteOffset + this.start, this.end - this.start);
    const zero = bytes.indexOf(0);
    return new TextDecoder().decode(zero < 0 ? bytes : bytes.subarray(0, zero));
  }
}

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** A request: header and body, ready to send. */
export function netlinkRequest(type: number, flags: number, sequence: number, body: Uint8Array): Uint8Array {
  const message = new Uint8Array(nlmsghdr.size + align4(body.length));
  const view = new DataView(message.buffer);
  nlmsghdr.set.length(view, 0, nlmsghdr.size + body.length);
  nlmsghdr.set.type(view, 0, type);
  nlmsghdr.set.flags(view, 0, flags | NLM_F_REQUEST);
  nlmsghdr.set.sequence(view, 0, sequence);
  message.set(body, nlmsghdr.size);
  return message;
}
