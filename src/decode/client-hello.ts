/**
 * Reads the server name that a TLS client asks for out of the first bytes that it sends (ClientHello, RFC 8446 section
 * 4.1.2; server_name, RFC 6066 section 3). Pure and total: no input makes it throw or read outside, and the work is bounded
 * by the input. What it returns as a name has passed lib/host-name.ts, so it is never an address.
 *
 * With Encrypted Client Hello (RFC 9849) only the outer name is visible: that of the provider who can decrypt the inner
 * one. A client that has no key for the server sends a meaningless extension of the same form, so that nobody on the way
 * can tell which of the two it is, and neither can this.
 */
import { hostName } from "../lib/host-name.ts";

/** Content type of a record, and type of a handshake message (RFC 8446, B.3 and B.1). */
const RECORD_HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER_LENGTH = 5;
const MESSAGE_HEADER_LENGTH = 4;
/** RFC 8446 section 5.1: a record holds at most 2^14 bytes. */
const RECORD_BYTES_MAX = 16_384;
/** https://www.iana.org/assignments/tls-extensiontype-values: server_name; of its names only type 0 was ever defined. */
const EXTENSION_SERVER_NAME = 0;
const NAME_TYPE_HOST = 0;

export type ServerName =
  | { readonly kind: "name"; readonly name: string }
  /** The client names no server, or none that is a host name. */
  | { readonly kind: "absent" }
  /** The name may be in the part that was not captured. */
  | { readonly kind: "cut" }
  | { readonly kind: "malformed" };

const ABSENT: ServerName = { kind: "absent" };
const CUT: ServerName = { kind: "cut" };
const MALFORMED: ServerName = { kind: "malformed" };

/** `bytes`: what a client sent first on its connection, as far as it was captured. */
export function serverNameOf(bytes: Uint8Array): ServerName {
  const message = handshakeBytes(bytes);
  if (message === undefined) return MALFORMED;
  if (message.length < MESSAGE_HEADER_LENGTH) return CUT;
  if (message[0] !== CLIENT_HELLO) return MALFORMED;
  const length = ((message[1] ?? 0) << 16) | ((message[2] ?? 0) << 8) | (message[3] ?? 0);
  const body = message.subarray(MESSAGE_HEADER_LENGTH, MESSAGE_HEADER_LENGTH + length);
  return nameInHello(new Cursor(body, body.length < length));
}

/**
 * What the handshake records hold, put together: a message may go on in the next record. Undefined if the first of them
 * is none. A record of another type ends it: nothing may come between the parts of a message (RFC 8446 section 5.1).
 */
function handshakeBytes(bytes: Uint8Array): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  let at = 0;
  while (at + RECORD_HEADER_LENGTH <= bytes.length) {
    const length = ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0);
    const isHandshake = bytes[at] === RECORD_HANDSHAKE && bytes[at + 1] === 3;
    if (!isHandshake || length === 0 || length > RECORD_BYTES_MAX) break;
    parts.push(bytes.subarray(at + RECORD_HEADER_LENGTH, at + RECORD_HEADER_LENGTH + length));
    at += RECORD_HEADER_LENGTH + length;
  }
  const [first] = parts;
  if (first === undefined) return isBeginning(bytes) ? new Uint8Array(0) : undefined;
  if (parts.length === 1) return first;
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** Whether so few bytes could still become a handshake record. */
function isBeginning(bytes: Uint8Array): boolean {
  if (bytes.length >= RECORD_HEADER_LENGTH) return false;
  return (bytes.length < 1 || bytes[0] === RECORD_HANDSHAKE) && (bytes.length < 2 || bytes[1] === 3);
}

function nameInHello(hello: Cursor): ServerName {
  hello.skip(2 + 32); // legacy_version, random
  hello.skip(hello.u8()); // legacy_session_id
  hello.skip(hello.u16()); // cipher_suites
  hello.skip(hello.u8()); // legacy_compression_methods
  if (hello.isAtEnd()) return hello.failure ?? ABSENT; // before TLS 1.3 the extensions may be left out altogether
  const extensions = hello.vector(hello.u16());
  while (!extensions.isAtEnd()) {
    const type = extensions.u16();
    const data = extensions.vector(extensions.u16());
    if (extensions.failure !== undefined) break;
    if (type === EXTENSION_SERVER_NAME) return nameInExtension(data);
  }
  return extensions.failure ?? ABSENT;
}

function nameInExtension(data: Cursor): ServerName {
  const names = data.vector(data.u16());
  const type = names.u8();
  const name = names.vector(names.u16());
  const text = name.text();
  if (name.failure !== undefined) return name.failure;
  return type === NAME_TYPE_HOST ? nameFrom(text) : ABSENT;
}

function nameFrom(text: string): ServerName {
  const name = hostName(text);
  return name === undefined ? ABSENT : { kind: "name", name };
}

/**
 * Reads on within one vector. What lies beyond it is a failure that sticks: `cut` where the vector's end was not captured,
 * else `malformed`. After a failure every read gives 0 or nothing.
 */
class Cursor {
  readonly #bytes: Uint8Array;
  readonly #isCut: boolean;
  #at = 0;
  failure: ServerName | undefined;

  constructor(bytes: Uint8Array, isCut: boolean, failure?: ServerName) {
    this.#bytes = bytes;
    this.#isCut = isCut;
    this.failure = failure;
  }

  /** Whether all was read, which is never known of a vector that is cut. */
  isAtEnd(): boolean {
    if (this.failure !== undefined) return true;
    if (this.#at < this.#bytes.length) return false;
    if (this.#isCut) this.failure = CUT;
    return true;
  }

  u8(): number {
    return this.#has(1) ? (this.#bytes[this.#at++] ?? 0) : 0;
  }

  u16(): number {
    if (!this.#has(2)) return 0;
    this.#at += 2;
    return ((this.#bytes[this.#at - 2] ?? 0) << 8) | (this.#bytes[this.#at - 1] ?? 0);
  }

  skip(length: number): void {
    if (this.#has(length)) this.#at += length;
  }

  /** What follows, as far as it was captured; it inherits the failure. */
  vector(length: number): Cursor {
    if (this.failure !== undefined) return new Cursor(NOTHING, false, this.failure);
    const part = this.#bytes.subarray(this.#at, this.#at + length);
    if (part.length < length && !this.#isCut) {
      this.failure = MALFORMED;
      return new Cursor(NOTHING, false, this.failure);
    }
    this.#at += part.length;
    return new Cursor(part, part.length < length);
  }

  /** The whole as Latin-1; a name that is cut is no name. */
  text(): string {
    if (this.#isCut) this.failure ??= CUT;
    return this.failure === undefined ? String.fromCharCode(...this.#bytes.subarray(0, NAME_BYTES_MAX)) : "";
  }

  #has(length: number): boolean {
    if (this.failure !== undefined) return false;
    if (this.#at + length <= this.#bytes.length) return true;
    this.failure = this.#isCut ? CUT : MALFORMED;
    return false;
  }
}

const NOTHING = new Uint8Array(0);
/** More than a host name can have: lib/host-name.ts refuses what is longer. */
const NAME_BYTES_MAX = 256;
