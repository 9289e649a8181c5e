/** The network namespace that this process is in. */
import { readlinkSync } from "node:fs";

export function namespaceInode(): number {
  const digits = /^net:\[(\d+)\]$/.exec(readlinkSync("/proc/self/ns/net"))?.[1];
  if (digits === undefined) throw new Error("this process is in no network namespace");
  return Number(digits);
}
