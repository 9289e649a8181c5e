/** What this machine is, as told to the parent: attributes only. What can't be read is absent or empty, never guessed. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { arch, hostname, platform, release } from "node:os";
import { VERSION } from "../model/version.ts";
import type { MachineFacts } from "../protocol/fleet/messages.ts";

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined; // this system keeps no such file
  }
}

/** os-release(5). */
function distribution(text: string | undefined): string | undefined {
  const value = /^PRETTY_NAME=(.*)$/m.exec(text ?? "")?.[1]?.trim();
  return value === undefined ? undefined : value.replace(/^(["'])(.*)\1$/, "$2").replaceAll(/\\(.)/g, "$1");
}

/** machine-id(5) asks that the id itself is never told: it is hashed, with our name. */
function hashedMachineId(text: string | undefined): string | null {
  const id = text?.trim() ?? "";
  return /^[0-9a-f]{32}$/.test(id) ? createHash("sha256").update(`wirebound ${id}`).digest("hex") : null;
}

export function machineFacts(root = ""): MachineFacts {
  const name = distribution(readText(`${root}/etc/os-release`) ?? readText(`${root}/usr/lib/os-release`));
  const system = `${platform()}-${arch()}`;
  return {
    hostname: hostname().slice(0, 255),
    platform: (name === undefined ? system : `${system} ${name}`).slice(0, 128),
    kernel: release().slice(0, 128),
    version: VERSION.slice(0, 32),
    machineId: hashedMachineId(readText(`${root}/etc/machine-id`)),
  };
}
