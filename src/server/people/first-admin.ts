/** The first user of a new parent: an admin, without whom nobody could let anybody in. */
import { randomBytes, randomUUID } from "node:crypto";
import type { FleetStore } from "../../store/fleet/contract.ts";
import { hashSecret } from "./passwords.ts";

const ACTOR = { name: "system", address: null } as const;

/** Whether nobody has been made yet. */
export async function needsFirstAdmin(store: FleetStore): Promise<boolean> {
  return (await store.people.users()).length === 0;
}

/** 144 random bits, as text without ambiguous signs at its ends. */
export function randomPassword(): string {
  return randomBytes(18).toString("base64url").replaceAll(/[-_]/g, "x");
}

/** False where there is a user of this name. The password is of PASSWORD_LENGTH_MIN characters at the least. */
export async function createFirstAdmin(
  store: FleetStore,
  admin: { readonly name: string; readonly password: string },
  nowMs: number,
): Promise<boolean> {
  const passwordHash = await hashSecret(admin.password);
  const user = { id: randomUUID(), name: admin.name, role: "admin", passwordHash } as const;
  return await store.people.createUser(user, ACTOR, nowMs);
}
