/** Where the helper's service listens and keeps its secret, and whether this user may use it. Connects to nothing. */
import { lstatSync } from "node:fs";
import { WbError } from "../model/errors.ts";
import { readSecretFile } from "./secret-file.ts";

export const SERVICE_SOCKET = "/run/wirebound/helper.sock";
export const SERVICE_SECRET = "/run/wirebound/secret";

export interface ServicePlaces {
  readonly socketPath?: string | undefined;
  readonly secretPath?: string | undefined;
}

export interface HelperService {
  readonly socketPath: string;
  readonly secret: Uint8Array;
}

export type ServiceSearch =
  | { readonly state: "absent"; readonly socketPath: string }
  /** It is there, and not for this user; or its secret can't be believed. */
  | { readonly state: "unusable"; readonly socketPath: string; readonly error: WbError }
  | ({ readonly state: "found" } & HelperService);

/** Looks for the service; reads its secret anew each time, because each start of it makes a new one. Never throws. */
export function findService(places: ServicePlaces = {}): ServiceSearch {
  const { socketPath = SERVICE_SOCKET, secretPath = SERVICE_SECRET } = places;
  try {
    const stat = lstatSync(socketPath, { throwIfNoEntry: false });
    if (stat === undefined) return { state: "absent", socketPath };
    if (!stat.isSocket()) {
      const error = new WbError("unavailable", `${socketPath} is no socket`, {
        hint: "Remove it, and start the helper again",
      });
      return { state: "unusable", socketPath, error };
    }
    return { state: "found", socketPath, secret: readSecretFile(secretPath) };
  } catch (cause) {
    return { state: "unusable", socketPath, error: asWbError(socketPath, cause) };
  }
}

function asWbError(socketPath: string, cause: unknown): WbError {
  if (cause instanceof WbError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new WbError("unavailable", `the helper's socket ${socketPath} can't be looked at: ${reason}`, {
    cause,
  });
}
