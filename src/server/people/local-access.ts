/**
 * The key by which the command line of this machine's own user asks the parent: an admin's API key in a file of that user
 * alone, with the address and the pin. Made at the first start, and again where the file or the key is lost.
 */
import { z } from "zod";
import { readPrivateFile, writePrivateFile } from "../../store/private-file.ts";
import type { ServerContext } from "../context.ts";
import { newApiKey, parseApiKey } from "./keys.ts";
import { isSecret } from "./passwords.ts";

const NAME = "local";
const ACTOR = { name: "system", address: null } as const;

const LocalFile = z.object({ url: z.string(), pin: z.string(), key: z.string() });

function keyIn(text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  try {
    return LocalFile.parse(JSON.parse(text)).key;
  } catch {
    return undefined; // torn: a new one is made in its place
  }
}

async function isUsable(context: ServerContext, text: string): Promise<boolean> {
  const key = parseApiKey(text);
  const stored = key === undefined ? undefined : await context.store.people.key(key.id);
  if (key === undefined || stored === undefined || stored.revoked || stored.role !== "admin") return false;
  return await isSecret(key.secret, stored.secretHash);
}

/** Keys of files that were lost open nothing any more. */
async function revokeOlder(context: ServerContext): Promise<void> {
  const { people } = context.store;
  const older = (await people.keys()).filter(
    ({ name, createdBy, revoked }) => name === NAME && createdBy === ACTOR.name && !revoked,
  );
  for (const { id } of older) await people.revokeKey(id, ACTOR, context.clock.now());
}

/** @throws WbError("storage") or WbError("permission") where the file can't be written, or others may read it. */
export async function provideLocalAccess(context: ServerContext, path: string, url: string): Promise<void> {
  const stored = readPrivateFile(path);
  const known = keyIn(stored);
  let key = known !== undefined && (await isUsable(context, known)) ? known : undefined;
  if (key === undefined) {
    await revokeOlder(context);
    const made = await newApiKey();
    const { id, secretHash } = made;
    const record = { id, name: NAME, role: "admin", secretHash, expiresAtMs: null } as const;
    await context.store.people.createKey(record, ACTOR, context.clock.now());
    key = made.text;
  }
  const text = `${JSON.stringify({ url, pin: context.pin, key })}\n`;
  // Where nothing has changed nothing is written: a parent starts also while its disk is full.
  if (text !== stored) writePrivateFile(path, text);
}
