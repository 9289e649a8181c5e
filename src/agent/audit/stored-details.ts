/**
 * What the registry keeps of a process beside its columns: as text that shows whether it still is what was written. A database
 * notices when its pages are damaged, not when the words on them are others.
 */
import { sha256, toBase64Url } from "../../protocol/fleet/canonical.ts";
import type { KnownProcess } from "./running.ts";

export interface StoredDetails {
  readonly told: KnownProcess["told"];
  readonly startNs: number | null;
  readonly startTicks: number;
}

const SEAL_LENGTH = 16;

function sealOf(json: string): string {
  return toBase64Url(sha256(Buffer.from(json))).slice(0, SEAL_LENGTH);
}

export function writeDetails(details: StoredDetails): string {
  const json = JSON.stringify(details);
  return sealOf(json) + json;
}

/** Undefined where it is not what was written. */
export function readDetails(text: string): StoredDetails | undefined {
  const json = text.slice(SEAL_LENGTH);
  return text === sealOf(json) + json ? (JSON.parse(json) as StoredDetails) : undefined;
}
