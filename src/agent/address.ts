/** Where a parent is, as people write it: `host`, `host:port`, `192.0.2.7`, `[2001:db8::7]:7443`, `https://host:port/`. */
import { hostName } from "../lib/host-name.ts";
import { canonicalIp } from "../lib/ip.ts";
import { WbError } from "../model/errors.ts";
import { DEFAULT_PORT } from "../protocol/fleet/paths.ts";

export interface HostAndPort {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

/** @throws WbError("usage") where it is no address. */
export function parseAddress(given: string, defaultPort: number = DEFAULT_PORT): HostAndPort {
  const text = given
    .trim()
    .replace(/^https:\/\//i, "")
    .replace(/\/$/, "");
  const bracketed = /^\[([^\]]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([^:]+)(?::(\d{1,5}))?$/.exec(text);
  const bare = canonicalIp(text) === undefined ? undefined : text;
  const host = bare ?? bracketed?.[1] ?? plain?.[1];
  const portText = bare === undefined ? (bracketed?.[2] ?? plain?.[2]) : undefined;
  const port = portText === undefined ? defaultPort : Number(portText);
  const known = host === undefined ? undefined : (canonicalIp(host) ?? hostName(host));
  if (known === undefined || port < 1 || port > 65_535) {
    throw new WbError("usage", `${JSON.stringify(given)} is not the address of a parent`, {
      hint: `write it as HOST or HOST:PORT; without a port it is ${defaultPort}`,
    });
  }
  return { host: known, port };
}

/** `host:port`, with brackets around an IPv6 address. */
export function formatAddress({ host, port }: HostAndPort): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
