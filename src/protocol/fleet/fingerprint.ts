/** The seed's fingerprint hash: who tells of a program under a hash that is not its own is not believed. */
import { createHash } from "node:crypto";

export interface FingerprintParts {
  readonly name: string;
  /** Sanitized, so that one program in two homes is the same. */
  readonly path: string | null;
  readonly fileHash: string | null;
  readonly publisher: string | null;
}

/** SHA-256 of name, path, hash of the file and publisher: name and path in lower case, what is absent as nothing. */
export function fingerprintHashOf({ name, path, fileHash, publisher }: FingerprintParts): string {
  const parts = [name.toLowerCase(), (path ?? "").toLowerCase(), fileHash ?? "", publisher ?? ""];
  return createHash("sha256").update(parts.join("|")).digest("hex");
}
