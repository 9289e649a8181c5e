/** What agents are told when the store can't be written or read: to come back later, and not all at once. */
import { WbError } from "../../model/errors.ts";
import { FleetError } from "../http/errors.ts";

const STORAGE_RETRY_MS = 30_000;

/** From `ms` to 1.5 times that, evenly: a fleet that was refused together does not come back together. */
export function jittered(ms: number): number {
  return Math.round(ms * (1 + Math.random() / 2));
}

export function storageFull(): FleetError {
  return new FleetError("storage_full", "the parent can't store anything at the moment", {
    hint: "free some disk space at the parent; nothing is lost, agents keep what was not stored",
    retryAfterMs: jittered(STORAGE_RETRY_MS),
  });
}

export function isStorageTrouble(error: unknown): boolean {
  return error instanceof WbError && error.code === "storage";
}

/** The refusal that an error means, or the error itself where it means none. */
export function asRefusal(error: unknown): unknown {
  return isStorageTrouble(error) ? storageFull() : error;
}
