/** Requests over connections that are kept: what becomes of them when the way is gone and nobody has told. */
import { expect, test } from "bun:test";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { ParentTransport } from "../../../src/agent/client.ts";
import { failureOf } from "../../support/failure.ts";
import { pinnedServer } from "../../support/fleet/pinned-server.ts";

const NOTHING = new Uint8Array(0);

/** Takes connections and says nothing, as a program that hangs or a port that something filters. */
async function silent(): Promise<{ address: string } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createServer((socket) => {
    open.add(socket);
    socket.on("error", () => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function transportTo(address: string, pin: string, connectMs: number): ParentTransport {
  return new ParentTransport({ addresses: [address], pin, proxy: "none", env: {}, connectMs });
}

test("a request that is given up, or has had its time, ends at once also while its connection is being made", async () => {
  await using host = await silent();
  const transport = transportTo(host.address, "x".repeat(43), 20_000);
  const stop = new AbortController();
  const given = transport.send("GET", "/x", {}, NOTHING, { signal: stop.signal });
  const late = transport.send("GET", "/x", {}, NOTHING, { timeoutMs: 100 });
  stop.abort();
  expect(await failureOf(given)).toContain("it was given up");
  expect(await failureOf(late)).toContain("the parent did not answer in time");
  transport.close();
});

test("a host that takes the connection and says nothing did not answer in time", async () => {
  await using host = await silent();
  const transport = transportTo(host.address, "x".repeat(43), 100);
  const asked = transport.send("GET", "/x", {}, NOTHING);
  expect(await failureOf(asked)).toContain(`${host.address} did not answer in time`);
  transport.close();
});

/** Between an agent and its parent, as a router is: it can forget the connections that there are, and tells neither end. */
async function router(port: number): Promise<{ address: string; forget: () => void } & AsyncDisposable> {
  const forgotten = new WeakSet<Socket>();
  const open = new Set<Socket>();
  const server = createServer((near) => {
    const far = connect(port, "127.0.0.1");
    open.add(near).add(far);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("data", (bytes) => {
        if (!forgotten.has(near)) to.write(bytes);
      });
      from.on("error", () => undefined);
      from.on("close", () => {
        open.delete(from);
        if (!forgotten.has(near)) to.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    forget: () => {
      for (const socket of open) forgotten.add(socket);
    },
    [Symbol.asyncDispose]: async () => {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

test("connections that were forgotten on the way (a suspended machine, a router) cost one request its time, not one each", async () => {
  let together = 0;
  const { promise: allThere, resolve: go } = Promise.withResolvers<void>();
  await using server = await pinnedServer(async () => {
    together += 1;
    if (together === 4) go();
    await allThere;
    return new Response("{}");
  });
  await using way = await router(server.port);
  const transport = transportTo(way.address, server.pin, 5000);
  const ask = async (timeoutMs: number): Promise<number> =>
    (await transport.send("GET", "/x", {}, NOTHING, { timeoutMs })).status;
  try {
    expect(await Promise.all([1, 2, 3, 4].map(() => ask(20_000)))).toEqual([200, 200, 200, 200]);
    way.forget();
    expect(await failureOf(ask(300))).toContain("the parent did not answer in time");
    expect(await ask(3000)).toBe(200);
    expect(together).toBe(5);
  } finally {
    transport.close();
  }
});
