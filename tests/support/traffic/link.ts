/**
 * Two network namespaces and a link between them, so that each end of a connection is on another machine as far as the
 * kernel can tell. `await using link = await makeLink({ kind: "prompt" })`; needs root and `ip`.
 */
import { join } from "node:path";
import type { Family } from "./scenarios.ts";
import { LineProcess } from "./traffic.ts";

export type LinkKind = "prompt" | "slow" | "loses-last-acks" | "loses-some";

/** One end of the link: what to put in front of a command that is to run there. */
export type Side = readonly string[];

export class Link implements AsyncDisposable {
  readonly client: Side;
  readonly server: Side;
  /** Where the client finds the server. */
  readonly addresses: Readonly<Record<Family, string>>;
  readonly #names: readonly string[];
  readonly #relay: LineProcess | undefined;

  constructor(names: readonly [string, string], relay: LineProcess | undefined) {
    this.#names = names;
    this.#relay = relay;
    this.client = ["ip", "netns", "exec", names[0]];
    this.server = ["ip", "netns", "exec", names[1]];
    this.addresses = { ipv4: "10.77.0.2", ipv6: "fd77::2", "v4-mapped": "::ffff:10.77.0.2" };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#relay?.end();
    // One that could not be made can't be deleted either; the other one must be.
    await Promise.allSettled(this.#names.map((name) => ip("netns", "del", name)));
  }
}

let count = 0;

/** `prompt` is a veth pair. The others go through relay.ts: 5 ms each way, with or without lost packets. */
export async function makeLink(kind: LinkKind): Promise<Link> {
  count += 1;
  const unique = `${process.pid}n${count}`;
  const names = [`wb-c-${unique}`, `wb-s-${unique}`] as const;
  const devices = [`wbc${unique}`, `wbs${unique}`] as const;
  let relay: LineProcess | undefined;
  if (kind !== "prompt") {
    const loses = { slow: "none", "loses-last-acks": "last-acks", "loses-some": "some" }[kind];
    relay = new LineProcess([process.execPath, join(import.meta.dir, "relay.ts"), ...devices, "5", loses]);
    await relay.next();
  }
  const link = new Link(names, relay);
  try {
    await build(names, devices, kind);
    return link;
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}

async function build(
  names: readonly [string, string],
  devices: readonly [string, string],
  kind: LinkKind,
): Promise<void> {
  for (const name of names) await ip("netns", "add", name);
  if (kind === "prompt") {
    await ip("link", "add", devices[0], "type", "veth", "peer", "name", devices[1]);
  }
  for (const [index, name] of names.entries()) {
    const device = devices[index] ?? "";
    await ip("link", "set", device, "netns", name);
    await ip("-n", name, "addr", "add", `10.77.0.${index + 1}/24`, "dev", device);
    await ip("-n", name, "-6", "addr", "add", `fd77::${index + 1}/64`, "dev", device, "nodad");
    await ip("-n", name, "link", "set", "lo", "up");
    await ip("-n", name, "link", "set", device, "up");
  }
  // The server's port is none that the client's machine would choose, as with any real service.
  const range = "echo 10000 20000 >/proc/sys/net/ipv4/ip_local_port_range";
  await run("ip", "netns", "exec", names[1], "sh", "-c", range);
}

function ip(...words: readonly string[]): Promise<void> {
  return run("ip", ...words);
}

async function run(...words: readonly string[]): Promise<void> {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const stderr = await new Response(child.stderr).text();
  if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}
