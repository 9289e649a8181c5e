/** The kernel's id of this boot: what makes process keys of two boots different. */
import { readFileSync } from "node:fs";

/** 32 hexadecimal digits without dashes; `unknown-boot` where the kernel doesn't tell. See man 5 proc, sys/kernel/random. */
export function readBootId(procRoot = "/proc"): string {
  try {
    const text = readFileSync(`${procRoot}/sys/kernel/random/boot_id`, "utf8").trim().replaceAll("-", "");
    return /^[0-9a-f]{32}$/.test(text) ? text : "unknown-boot";
  } catch {
    return "unknown-boot"; // a key of this run is still unique within this run
  }
}
