/** Which package a file came with, by what this machine has: dpkg, rpm, or neither. */
import { existsSync } from "node:fs";
import { sanitizeName } from "../../lib/sanitize.ts";
import { DpkgIndex, type FileOwner } from "./dpkg-index.ts";
import { RpmQuery } from "./rpm-query.ts";

const DPKG = "/var/lib/dpkg";
/** No package has files there. */
const NO_PACKAGE = /^\/(?:home|root|tmp|run|dev|proc|sys|mnt|media|var\/tmp|usr\/local|nix)\//;

export class FileOwners {
  readonly #dpkg: DpkgIndex | undefined;
  readonly #rpm: RpmQuery | undefined;

  constructor(dpkgDirectory = DPKG) {
    this.#dpkg = existsSync(`${dpkgDirectory}/status`) ? new DpkgIndex(dpkgDirectory) : undefined;
    this.#rpm = this.#dpkg === undefined ? RpmQuery.find() : undefined;
  }

  async owner(path: string): Promise<FileOwner | undefined> {
    if (NO_PACKAGE.test(path)) return undefined;
    const found = await (this.#dpkg?.owner(path) ?? this.#rpm?.owner(path));
    if (found === undefined) return undefined;
    const { publisher, version } = found;
    return { publisher: publisher === null ? null : sanitizeName(publisher), version };
  }

  close(): void {
    this.#dpkg?.close();
  }
}
