/** Which name servers the machine uses and how patient it wants its programs to be: resolv.conf(5). */
import { readFileSync } from "node:fs";

import { parseIp } from "../lib/ip.ts";

export interface NameServer {
  /** IPv4 or IPv6 text, with its zone where it has one (`fe80::1%eth0`). */
  readonly address: string;
  readonly port: number;
}

export interface ResolverSettings {
  readonly servers: readonly NameServer[];
  /** Per question and server. */
  readonly timeoutMs: number;
  /** How often the list of servers is gone through. */
  readonly attempts: number;
  readonly rotate: boolean;
}

export const RESOLV_CONF_PATH = "/etc/resolv.conf";
/** MAXNS, RES_TIMEOUT, RES_DFLRETRY, RES_MAXRETRANS and RES_MAXRETRY of glibc's resolv.h. */
const SERVERS_MAX = 3;
const TIMEOUT_SECONDS = 5;
const TIMEOUT_SECONDS_MAX = 30;
const ATTEMPTS = 2;
const ATTEMPTS_MAX = 5;
const DNS_PORT = 53;

/** Without a usable `nameserver` line the name server is the machine itself, as resolv.conf(5) says. Never throws. */
export function parseResolvConf(text: string): ResolverSettings {
  const servers: NameServer[] = [];
  let timeoutSeconds = TIMEOUT_SECONDS;
  let attempts = ATTEMPTS;
  let rotate = false;
  for (const line of text.split("\n")) {
    // A comment begins in the first column only; glibc takes no comment after a value.
    if (line.startsWith("#") || line.startsWith(";")) continue;
    const [keyword, ...values] = line.trim().split(/\s+/);
    if (keyword === "nameserver") {
      const address = values[0] ?? "";
      if (servers.length < SERVERS_MAX && parseIp(address.replace(/%.*$/s, "")))
        servers.push({ address, port: DNS_PORT });
    }
    if (keyword !== "options") continue;
    for (const value of values) {
      if (value === "rotate") rotate = true;
      timeoutSeconds = numberOption(value, "timeout:", TIMEOUT_SECONDS_MAX) ?? timeoutSeconds;
      attempts = numberOption(value, "attempts:", ATTEMPTS_MAX) ?? attempts;
    }
  }
  if (servers.length === 0) servers.push({ address: "127.0.0.1", port: DNS_PORT });
  return { servers, timeoutMs: timeoutSeconds * 1000, attempts, rotate };
}

/** The machine's settings now; those of an empty file where there is none. */
export function readResolvConf(path = RESOLV_CONF_PATH): ResolverSettings {
  let text = "";
  try {
    text = readFileSync(path, "utf8");
  } catch {
    // An absent or unreadable file means the same as an empty one: resolv.conf(5).
  }
  return parseResolvConf(text);
}

/** The number behind the prefix, between 1 and most. */
function numberOption(value: string, prefix: string, most: number): number | undefined {
  if (!value.startsWith(prefix)) return undefined;
  const digits = value.slice(prefix.length);
  return /^\d{1,9}$/.test(digits) ? Math.min(Math.max(Number(digits), 1), most) : undefined;
}
