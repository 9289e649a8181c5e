/** Parents on the local network, by mDNS (DNS-SD, RFC 6763). What is found proves nothing: trust still needs a token or an approval. */
import type { EventEmitter } from "node:events";
import { WbError } from "../model/errors.ts";
import { MDNS_TYPE } from "../protocol/fleet/paths.ts";
import { formatAddress } from "./address.ts";
import { pause } from "./wait.ts";

export interface FoundParent {
  readonly name: string;
  readonly host: string;
  /** `address:port`, IPv4 first. */
  readonly addresses: readonly string[];
  readonly parentId: string | null;
  /** As it says; to be compared with what `wb serve` shows. */
  readonly pin: string | null;
}

/** What the library tells of a service; only what is used here, and none of it is believed. */
interface Announced {
  readonly name?: unknown;
  readonly host?: unknown;
  readonly port?: unknown;
  readonly addresses?: unknown;
  readonly txt?: unknown;
}

const FOUND_MAX = 200;
const ADDRESSES_MAX = 8;

function text(value: unknown, max: number): string | null {
  return typeof value === "string" && value !== "" ? value.slice(0, max) : null;
}

/** Undefined where it is no parent's announcement. */
export function foundParent(announced: Announced): FoundParent | undefined {
  const { port } = announced;
  const host = text(announced.host, 255);
  if (typeof port !== "number" || !Number.isInteger(port) || port < 1 || port > 65_535 || host === null)
    return undefined;
  const txt = (typeof announced.txt === "object" && announced.txt !== null ? announced.txt : {}) as Record<
    string,
    unknown
  >;
  const given = Array.isArray(announced.addresses) ? announced.addresses : [];
  const addresses = given
    .filter((each): each is string => typeof each === "string" && /^[\da-f.:]{2,45}$/i.test(each))
    // A link-local address is of no use without the name of the interface.
    .filter((each) => !/^fe80:/i.test(each))
    .sort((left, right) => Number(left.includes(":")) - Number(right.includes(":")))
    .slice(0, ADDRESSES_MAX)
    .map((each) => formatAddress({ host: each, port }));
  return {
    name: text(txt["name"], 255) ?? text(announced.name, 255) ?? host,
    host,
    addresses,
    parentId: text(txt["id"], 64),
    pin: text(txt["pin"], 64),
  };
}

/** @throws WbError("unavailable") where the local network can't be asked. */
export async function discoverParents(forMs: number, signal: AbortSignal): Promise<FoundParent[]> {
  const { Bonjour } = await import("bonjour-service");
  let problem: string | undefined;
  const failed = (error: unknown): void => {
    problem ??= error instanceof Error ? error.message : String(error);
  };
  const bonjour = new Bonjour({}, failed);
  // The library listens to its socket's errors only in part: one without a listener would end the process.
  const { server } = bonjour as unknown as { server: { mdns: EventEmitter } };
  server.mdns.on("error", failed);
  const found = new Map<string, FoundParent>();
  try {
    bonjour.find({ type: MDNS_TYPE }, (service: Announced) => {
      const parent = foundParent(service);
      if (parent !== undefined && found.size < FOUND_MAX)
        found.set(`${parent.parentId} ${parent.host}`, parent);
    });
    await pause(forMs, signal);
  } finally {
    bonjour.destroy();
  }
  if (found.size === 0 && problem !== undefined) {
    throw new WbError("unavailable", `the local network can't be asked: ${problem}`, {
      hint: "name the parent: wb agent --parent HOST",
    });
  }
  return [...found.values()].sort((left, right) => left.name.localeCompare(right.name));
}
