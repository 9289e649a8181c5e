/** A parent that tells the local network of itself is found by mDNS, where this machine has a network to ask. */
import { expect } from "bun:test";
import { networkInterfaces } from "node:os";
import { discoverParents, type FoundParent } from "../../../src/agent/discover.ts";
import { advertise } from "../../../src/server/mdns.ts";
import { testUnless } from "../../support/needs.ts";
import { waitFor } from "../../support/wait-for.ts";

const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
const hasNetwork = addresses.some(({ internal, family }) => !internal && family === "IPv4");

testUnless(
  hasNetwork ? [] : ["no network to ask"],
  "found with its name, id, port and pin; gone, it is not found",
  async () => {
    const problems: string[] = [];
    const log = {
      info: () => undefined,
      warn: (message: string) => void problems.push(message),
      error: () => undefined,
    };
    const id = "ab".repeat(16);
    const pin = "p".repeat(43);
    const end = await advertise({ id, name: "Anna's parent", pin, port: 17_999 }, log);
    const look = async (): Promise<FoundParent | undefined> =>
      (await discoverParents(1500, new AbortController().signal)).find(({ parentId }) => parentId === id);
    // An answer may come when nobody listens any more: then it is asked again, as a person would.
    const ours = await waitFor("it to be found", look);
    await end();
    expect(problems).toEqual([]);
    expect(ours).toMatchObject({ name: "Anna's parent", parentId: id, pin });
    expect(ours?.addresses.every((address) => address.endsWith(":17999"))).toBe(true);
    expect(ours?.addresses.length).toBeGreaterThan(0);
    expect(await look()).toBeUndefined();
  },
);
