/**
 * How client and helper prove to each other that they know the secret, without telling it: an HMAC-SHA256 (RFC 2104) over
 * a transcript of everything that both have said. Each role has its own transcript, so that no proof can be sent back as
 * the other's, and no two different sets of facts have the same one. Pure, but for the random bytes.
 */
import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { WbError } from "../../model/errors.ts";

/** What both sign, so that a proof for anything else that uses the same secret is worth nothing here. */
const DOMAIN = "wirebound-helper-v1";
/** The secret is as long as the hash at least. */
export const SECRET_BYTES_MIN = 32;
const LENGTH_BYTES = 4;
const NUMBER_BYTES = 8;

/** What has been said up to the client's proof. */
export interface HandshakeFacts {
  readonly version: number;
  /** Of the helper's challenge. */
  readonly helperNonce: Uint8Array;
  readonly instance: Uint8Array;
  readonly helperPid: number;
  /** Of the client's request. */
  readonly clientNonce: Uint8Array;
  readonly clientPid: number;
  /** Unix milliseconds. */
  readonly timestampMs: number;
  /** Compared as UTF-8, in which it was sent. */
  readonly executable: string;
}

/** What the helper grants with its proof. */
export interface Grant {
  readonly token: Uint8Array;
  /** Unix milliseconds. */
  readonly expiresAtMs: number;
}

/** The client's proof: 32 bytes. Throws where the secret is too short to be one. */
export function clientMac(secret: Uint8Array, facts: HandshakeFacts): Uint8Array {
  return macOf(secret, transcriptOf("client", facts, []));
}

/** The helper's proof, which also covers what it grants: 32 bytes. Throws where the secret is too short to be one. */
export function helperMac(secret: Uint8Array, facts: HandshakeFacts, grant: Grant): Uint8Array {
  return macOf(secret, transcriptOf("helper", facts, [grant.token, numberBytes(grant.expiresAtMs)]));
}

/** Whether both are the same, in a time that does not tell where they differ. Their lengths are no secret. */
export function equalInConstantTime(one: Uint8Array, other: Uint8Array): boolean {
  return one.byteLength === other.byteLength && timingSafeEqual(one, other);
}

/** Bytes that nobody can guess: for nonces, instances, tokens and secrets. */
export function makeRandomBytes(lengthBytes: number): Uint8Array {
  return new Uint8Array(randomBytes(lengthBytes));
}

/**
 * What is signed: one field after the other, each with its length before it (32 bits, network order), so that nothing
 * can be moved from one field into the next. Numbers have 8 bytes in network order, texts are UTF-8.
 */
function transcriptOf(
  role: "client" | "helper",
  facts: HandshakeFacts,
  granted: readonly Uint8Array[],
): Uint8Array {
  const text = new TextEncoder();
  const fields = [
    text.encode(DOMAIN),
    text.encode(role),
    numberBytes(facts.version),
    facts.helperNonce,
    facts.instance,
    numberBytes(facts.helperPid),
    facts.clientNonce,
    numberBytes(facts.clientPid),
    numberBytes(facts.timestampMs),
    text.encode(facts.executable),
    ...granted,
  ];
  const size = fields.reduce((sum, field) => sum + LENGTH_BYTES + field.byteLength, 0);
  const transcript = new Uint8Array(size);
  const view = new DataView(transcript.buffer);
  let position = 0;
  for (const field of fields) {
    view.setUint32(position, field.byteLength);
    transcript.set(field, position + LENGTH_BYTES);
    position += LENGTH_BYTES + field.byteLength;
  }
  return transcript;
}

function numberBytes(value: number): Uint8Array {
  // A number that is cut or rounded would share its transcript with another one.
  if (!Number.isSafeInteger(value) || value < 0)
    throw new WbError("internal", `${value} can't be part of a handshake`);
  const bytes = new Uint8Array(NUMBER_BYTES);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value));
  return bytes;
}

function macOf(secret: Uint8Array, transcript: Uint8Array): Uint8Array {
  if (secret.byteLength < SECRET_BYTES_MIN) {
    throw new WbError("internal", `a secret of ${secret.byteLength} bytes is none`, {
      hint: "restart the helper: it makes a new secret at each start",
    });
  }
  return new Uint8Array(createHmac("sha256", secret).update(transcript).digest());
}
