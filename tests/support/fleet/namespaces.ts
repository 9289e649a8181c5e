/**
 * Machines on one local network, as far as the kernel's network can tell them apart: a network namespace each, joined by a bridge
 * in the parent's over veth pairs, and one that only a proxy's namespace leads to. Needs root and `ip`. Names are this process's
 * own; disposing removes all of them, also those of a start that failed half-way.
 *
 *     lan:     parent 10.78.0.1   one .11   two .12   proxy .20   (bridge in the parent's)
 *     behind:  proxy 10.78.9.1    three .13                       (no way but through the proxy)
 */

export const MACHINES = ["parent", "one", "two", "proxy", "three"] as const;
export type Machine = (typeof MACHINES)[number];

export const ADDRESSES = {
  parent: "10.78.0.1",
  one: "10.78.0.11",
  two: "10.78.0.12",
  proxy: "10.78.0.20",
  three: "10.78.9.13",
  proxyBehind: "10.78.9.1",
} as const;

const MULTICAST = "224.0.0.0/4";
let count = 0;

export class Network implements AsyncDisposable {
  readonly #unique: string;

  private constructor(unique: string) {
    this.#unique = unique;
  }

  static async make(): Promise<Network> {
    count += 1;
    const network = new Network(`${process.pid.toString(36)}${count}`);
    try {
      await network.#build();
      return network;
    } catch (error) {
      await network[Symbol.asyncDispose]();
      throw error;
    }
  }

  name(machine: Machine): string {
    return `wbf-${this.#unique}-${machine}`;
  }

  /** What to put in front of a command that is to run there. */
  at(machine: Machine): readonly string[] {
    return ["ip", "netns", "exec", this.name(machine)];
  }

  /** Pulls the plug: nothing comes in or goes out, and no end is told. */
  async cut(machine: "one" | "two"): Promise<void> {
    await this.#ip("parent", "link", "set", this.#device(machine), "down");
  }

  async mend(machine: "one" | "two"): Promise<void> {
    await this.#ip("parent", "link", "set", this.#device(machine), "up");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // One that could not be made can't be deleted either; the others must be.
    await Promise.allSettled(MACHINES.map((machine) => run("ip", "netns", "del", this.name(machine))));
  }

  /** The other end of a machine's link; at most 15 bytes. */
  #device(machine: Machine): string {
    return `v${this.#unique}${machine.slice(0, 3)}`;
  }

  async #build(): Promise<void> {
    for (const machine of MACHINES) {
      await run("ip", "netns", "add", this.name(machine));
      await this.#ip(machine, "link", "set", "lo", "up");
    }
    // Without snooping it passes multicast on to everybody at once.
    await this.#ip("parent", "link", "add", "lan", "type", "bridge", "mcast_snooping", "0");
    await this.#ip("parent", "addr", "add", `${ADDRESSES.parent}/24`, "dev", "lan");
    await this.#ip("parent", "link", "set", "lan", "up");
    await this.#ip("parent", "route", "add", MULTICAST, "dev", "lan");
    for (const machine of ["one", "two", "proxy"] as const) {
      await this.#link("parent", machine, "eth0", ADDRESSES[machine]);
      await this.#ip("parent", "link", "set", this.#device(machine), "master", "lan");
      await this.#ip(machine, "route", "add", MULTICAST, "dev", "eth0");
    }
    await this.#link("proxy", "three", "eth0", ADDRESSES.three);
    await this.#ip("proxy", "addr", "add", `${ADDRESSES.proxyBehind}/24`, "dev", this.#device("three"));
  }

  async #link(from: Machine, to: Machine, device: string, address: string): Promise<void> {
    const end = this.#device(to);
    const peer = ["peer", "name", device, "netns", this.name(to)];
    await this.#ip(from, "link", "add", end, "type", "veth", ...peer);
    await this.#ip(from, "link", "set", end, "up");
    await this.#ip(to, "addr", "add", `${address}/24`, "dev", device);
    await this.#ip(to, "link", "set", device, "up");
  }

  async #ip(machine: Machine, ...words: readonly string[]): Promise<void> {
    await run("ip", "-n", this.name(machine), ...words);
  }
}

async function run(...words: readonly string[]): Promise<void> {
  const child = Bun.spawn([...words], { stdin: "ignore", stdout: "ignore", stderr: "pipe" });
  const stderr = await child.stderr.text();
  if ((await child.exited) !== 0) throw new Error(`${words.join(" ")}: ${stderr}`);
}
