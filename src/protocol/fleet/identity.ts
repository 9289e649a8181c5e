/**
 * Who an agent or a parent is: an Ed25519 key (RFC 8032). Its id is the key's fingerprint, so that nobody can take another's.
 * Keys travel as the 32 raw bytes in base64url.
 */
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  sign,
  verify,
  type KeyObject,
} from "node:crypto";
import { fromBase64Url, sha256, toBase64Url } from "./canonical.ts";

const RAW_KEY_BYTES = 32;
const ID_BYTES = 16;

export interface Signer {
  readonly id: string;
  readonly publicKey: string;
  /** 64 bytes. */
  sign(bytes: Uint8Array): Uint8Array;
}

/** The first 128 bits of the SHA-256 of the raw public key, 32 hexadecimal digits. */
export function idOf(publicKey: string): string {
  return Buffer.from(sha256(fromBase64Url(publicKey)).subarray(0, ID_BYTES)).toString("hex");
}

export class Identity implements Signer {
  readonly id: string;
  readonly publicKey: string;
  readonly #privateKey: KeyObject;

  private constructor(privateKey: KeyObject) {
    this.#privateKey = privateKey;
    const { x } = createPublicKey(privateKey).export({ format: "jwk" });
    if (x === undefined) throw new TypeError("not an Ed25519 key");
    this.publicKey = x;
    this.id = idOf(x);
  }

  static generate(): Identity {
    return new Identity(generateKeyPairSync("ed25519").privateKey);
  }

  /** From `toPem()`. Throws where it is no Ed25519 key in PKCS #8. */
  static fromPem(pem: string): Identity {
    const key = createPrivateKey(pem);
    if (key.asymmetricKeyType !== "ed25519") throw new TypeError("not an Ed25519 key");
    return new Identity(key);
  }

  toPem(): string {
    return this.#privateKey.export({ type: "pkcs8", format: "pem" });
  }

  sign(bytes: Uint8Array): Uint8Array {
    return sign(null, bytes, this.#privateKey);
  }
}

/** The key as node:crypto wants it; undefined where it is none. */
export function importPublicKey(publicKey: string): KeyObject | undefined {
  const raw = fromBase64Url(publicKey);
  if (raw.byteLength !== RAW_KEY_BYTES || toBase64Url(raw) !== publicKey) return undefined;
  try {
    return createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: publicKey }, format: "jwk" });
  } catch {
    return undefined; // not a point of the curve
  }
}

/** False also for a key or signature that is none. */
export function isSignedBy(publicKey: string | KeyObject, bytes: Uint8Array, signature: string): boolean {
  const key = typeof publicKey === "string" ? importPublicKey(publicKey) : publicKey;
  const raw = fromBase64Url(signature);
  if (key === undefined || raw.byteLength !== 64) return false;
  try {
    return verify(null, bytes, key, raw);
  } catch {
    return false;
  }
}
