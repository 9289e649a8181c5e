/** Where a parent can be reached: what join tokens and the certificate name. */
import { hostname, networkInterfaces } from "node:os";
import { isUnspecified } from "../lib/ip.ts";

/** A join token has room for so many. */
const ADDRESSES_MAX = 8;

/** `host:port`, an IPv6 address in brackets (RFC 3986, section 3.2.2). */
export function withPort(host: string, port: number): string {
  return host.includes(":") && !host.startsWith("[") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Splits `host`, `host:port`, `[v6]`, `[v6]:port` or a bare v6; undefined where it is none of them. */
export function splitAddress(text: string): { host: string; port: number | undefined } | undefined {
  const bracketed = /^\[([0-9a-fA-F:.]+)\](?::(\d{1,5}))?$/.exec(text);
  const plain = /^([^[\]:\s/@]+)(?::(\d{1,5}))?$/.exec(text);
  const [, host, portText] = bracketed ?? plain ?? [];
  if (host === undefined)
    return /^[0-9a-fA-F:.]+$/.test(text) && text.includes("::") ? { host: text, port: undefined } : undefined;
  const port = portText === undefined ? undefined : Number(portText);
  return port !== undefined && port > 65_535 ? undefined : { host, port };
}

/** Of this machine's interfaces: IPv4 first, without loopback and link-local ones. */
export function ownAddresses(): string[] {
  const all = Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .filter(({ internal, address }) => !internal && !/^(?:fe80|169\.254\.)/i.test(address));
  const of = (family: string): string[] =>
    all.filter((each) => each.family === family).map(({ address }) => address);
  return [...new Set([...of("IPv4"), ...of("IPv6")])];
}

/** The best first: what a person said, else the address it listens on, else those of the interfaces and the host's name. */
export function reachableAt(given: readonly string[], listenHost: string, port: number): string[] {
  if (given.length > 0) {
    return given.slice(0, ADDRESSES_MAX).map((each) => {
      const parts = splitAddress(each);
      return parts === undefined ? each : withPort(parts.host, parts.port ?? port);
    });
  }
  if (!isUnspecified(listenHost)) return [withPort(listenHost, port)];
  const found = ownAddresses();
  const name = hostname();
  const hosts = found.length === 0 ? [name, "127.0.0.1"] : [...found.slice(0, ADDRESSES_MAX - 1), name];
  return hosts.filter((host) => host !== "").map((host) => withPort(host, port));
}
