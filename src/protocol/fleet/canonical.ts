/**
 * What is hashed and signed: one field after the other, each with its length before it (32 bits, network order), so that no
 * two different lists of fields give the same bytes. Numbers are written as decimal text, absence as a length of 0xffffffff.
 */
export type Field = string | Uint8Array | number | null;

const LENGTH_BYTES = 4;
const ABSENT = 0xffff_ffff;
/** UTF-8 takes at most so many bytes for each unit of a string. */
const BYTES_PER_UNIT = 3;
/** Shorter ones are written here if they are ASCII: that is quicker than to call out. */
const SHORT_UNITS = 64;
/** Is written to and read again before anybody else has a turn. What needs more than this has a buffer of its own. */
const SCRATCH = Buffer.allocUnsafe(64 * 1024);

/** `domain` tells what it is, so that a signature over one thing is worth nothing for another. */
export function canonicalBytes(domain: string, fields: readonly Field[]): Uint8Array {
  const buffer = roomFor(domain, fields);
  return new Uint8Array(buffer.subarray(0, write(buffer, 0, domain, fields)));
}

/** SHA-256 of one byte and the canonical bytes after it, in base64url: each event of a fleet is hashed by this. */
export function canonicalHash(first: number, domain: string, fields: readonly Field[]): string {
  const buffer = roomFor(domain, fields);
  buffer[0] = first;
  return toBase64Url(sha256(buffer.subarray(0, write(buffer, 1, domain, fields))));
}

function roomFor(domain: string, fields: readonly Field[]): Buffer {
  let bytes = 1 + LENGTH_BYTES + domain.length * BYTES_PER_UNIT;
  for (const field of fields) bytes += LENGTH_BYTES + bytesMaxOf(field);
  return bytes <= SCRATCH.byteLength ? SCRATCH : Buffer.allocUnsafe(bytes);
}

function bytesMaxOf(field: Field): number {
  if (field instanceof Uint8Array) return field.byteLength;
  if (typeof field === "string") return field.length * BYTES_PER_UNIT;
  return SHORT_UNITS; // more than any number has
}

/** Where it ended. */
function write(buffer: Buffer, at: number, domain: string, fields: readonly Field[]): number {
  let end = writeText(buffer, at, domain);
  for (const field of fields) {
    if (field === null) end = buffer.writeUInt32BE(ABSENT, end);
    else if (field instanceof Uint8Array) {
      end = buffer.writeUInt32BE(field.byteLength, end);
      buffer.set(field, end);
      end += field.byteLength;
    } else end = writeText(buffer, end, String(field));
  }
  return end;
}

function writeText(buffer: Buffer, at: number, text: string): number {
  const start = at + LENGTH_BYTES;
  let bytes = text.length <= SHORT_UNITS ? writeAscii(buffer, start, text) : undefined;
  bytes ??= buffer.write(text, start, "utf8");
  buffer.writeUInt32BE(bytes, at);
  return start + bytes;
}

/** Undefined where it is no ASCII. */
function writeAscii(buffer: Buffer, at: number, text: string): number | undefined {
  for (let index = 0; index < text.length; index += 1) {
    const unit = text.charCodeAt(index);
    if (unit > 0x7f) return undefined;
    buffer[at + index] = unit;
  }
  return text.length;
}

/** 32 bytes. */
export function sha256(...parts: readonly (Uint8Array | string)[]): Uint8Array {
  const [only] = parts;
  if (parts.length === 1 && only !== undefined) return Bun.CryptoHasher.hash("sha256", only);
  const hasher = new Bun.CryptoHasher("sha256");
  for (const part of parts) hasher.update(part);
  return hasher.digest();
}

export function toBase64Url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64url");
}

/** Never throws: what is no base64url gives fewer bytes, which no length check lets through. */
export function fromBase64Url(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, "base64url"));
}
