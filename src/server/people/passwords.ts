/**
 * Passwords and key secrets as argon2id hashes (RFC 9106; m = 19 MiB, t = 2, p = 1, as OWASP recommends at the least). Each
 * hash takes that much memory, so only so many are computed at once, and only so many wait.
 */
import { randomBytes } from "node:crypto";
import { FleetError } from "../http/errors.ts";

const MEMORY_KIB = 19_456;
const PASSES = 2;
const RUNNING_MAX = 2;
const WAITING_MAX = 64;
const RETRY_MS = 2000;
/** A password of this length or more, in characters: length is what matters (NIST SP 800-63B). */
export const PASSWORD_LENGTH_MIN = 12;
export const PASSWORD_LENGTH_MAX = 1024;

const waiting: (() => void)[] = [];
let running = 0;

/** @throws FleetError("overloaded") where too many wait already. */
async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= RUNNING_MAX) {
    if (waiting.length >= WAITING_MAX) {
      throw new FleetError("overloaded", "too many log in at once", { retryAfterMs: RETRY_MS });
    }
    await new Promise<void>((resolve) => waiting.push(resolve));
  } else running += 1;
  try {
    return await work();
  } finally {
    const next = waiting.shift();
    if (next === undefined) running -= 1;
    else next(); // the turn goes on to it
  }
}

export function hashSecret(secret: string): Promise<string> {
  return inTurn(() =>
    Bun.password.hash(secret, { algorithm: "argon2id", memoryCost: MEMORY_KIB, timeCost: PASSES }),
  );
}

/** False also where the hash is none. */
export function isSecret(secret: string, hash: string): Promise<boolean> {
  return inTurn(async () => {
    if (secret === "") return false;
    try {
      return await Bun.password.verify(secret, hash, "argon2id");
    } catch {
      return false; // a hash that can't be read opens nothing
    }
  });
}

/** A hash of no secret that anybody knows: made up and not computed, so that its first use takes no longer than the others. */
const NOBODYS = `$argon2id$v=19$m=${MEMORY_KIB},t=${PASSES},p=1$${unpadded(32)}$${unpadded(32)}`;

/** So many random bytes in base64 without its padding, as such hashes have them. */
function unpadded(bytes: number): string {
  return randomBytes(bytes).toString("base64").replace(/=+$/, "");
}

/** Takes as long as `isSecret` and is always false: so that nobody learns by the time which names there are. */
export async function isNobodysSecret(secret: string): Promise<false> {
  await isSecret(secret, NOBODYS);
  return false;
}
