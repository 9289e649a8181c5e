/**
 * The names that the hosts file gives to addresses. Read again when the file changes, looked at no more than once a
 * second, so that it can be asked for every row of every frame. A file that is absent or unreadable has no names.
 */
import { closeSync, fstatSync, openSync, readSync, statSync } from "node:fs";

import type { Clock } from "../lib/clock.ts";
import { hostName } from "../lib/host-name.ts";
import { canonicalIp } from "../lib/ip.ts";
import type { HostName } from "../model/snapshot.ts";

/** Block lists in hosts files reach some megabytes; beyond this, the rest is left out. */
const FILE_BYTES_MAX = 8 * 1024 * 1024;
/** Addresses, not lines: a block list gives a hundred thousand names to one address. */
const ADDRESSES_MAX = 20_000;
const CHECK_INTERVAL_MS = 1000;

export interface HostsFileOptions {
  readonly clock: Clock;
  readonly path?: string;
}

export class HostsFile {
  readonly #clock: Clock;
  readonly #path: string;
  #names: ReadonlyMap<string, HostName> = new Map();
  #checkedAtMs = Number.NEGATIVE_INFINITY;
  /** What the file was when it was read; undefined: there is none. */
  #version: string | undefined;

  constructor(options: HostsFileOptions) {
    this.#clock = options.clock;
    this.#path = options.path ?? hostsPath();
  }

  /** The first name that the file gives to the address (canonical text). */
  nameOf(address: string): HostName | undefined {
    const nowMs = this.#clock.monotonicMs();
    if (nowMs - this.#checkedAtMs >= CHECK_INTERVAL_MS) {
      this.#checkedAtMs = nowMs;
      this.#refresh();
    }
    return this.#names.get(address);
  }

  #refresh(): void {
    const version = versionOf(this.#path);
    if (version === this.#version) return;
    this.#version = version;
    this.#names = version === undefined ? new Map() : parseHosts(readHead(this.#path) ?? "");
  }
}

/** hosts(5) on Unix; on Windows the same format under the system directory. */
function hostsPath(): string {
  if (process.platform !== "win32") return "/etc/hosts";
  return `${process.env["SystemRoot"] ?? "C:\\Windows"}\\System32\\drivers\\etc\\hosts`;
}

/**
 * hosts(5): an address, its name, its aliases, by spaces or tabs; `#` begins a comment. The first name of an address
 * counts, as in gethostbyaddr(3). Lines that mean nothing are passed over.
 */
export function parseHosts(text: string): Map<string, HostName> {
  const names = new Map<string, HostName>();
  for (const line of text.split("\n")) {
    const [first = "", second = ""] = line.replace(/#.*$/s, "").trim().split(/\s+/, 2);
    const address = canonicalIp(first.replace(/%.*$/s, "")); // a link-local address may have its zone behind it
    const name = hostName(second);
    if (address === undefined || name === undefined || names.has(address)) continue;
    if (names.size >= ADDRESSES_MAX) break;
    names.set(address, { name, source: "hosts" });
  }
  return names;
}

function versionOf(path: string): string | undefined {
  try {
    const status = statSync(path, { bigint: true });
    return status.isFile() ? `${status.ino}:${status.size}:${status.mtimeNs}` : undefined;
  } catch {
    return undefined; // no such file, or one that may not be seen: it has no names
  }
}

function readHead(path: string): string | undefined {
  try {
    const descriptor = openSync(path, "r");
    try {
      const bytes = new Uint8Array(Math.min(fstatSync(descriptor).size, FILE_BYTES_MAX));
      let filled = 0;
      while (filled < bytes.length) {
        const count = readSync(descriptor, bytes, filled, bytes.length - filled, filled);
        if (count === 0) break;
        filled += count;
      }
      return new TextDecoder().decode(bytes.subarray(0, filled));
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return undefined; // gone or forbidden since it was looked at: it has no names
  }
}
