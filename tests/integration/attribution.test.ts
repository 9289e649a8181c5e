/** The right process for every connection, no row twice and none missing: against `ss -tunap` on a busy machine. */
import { expect } from "bun:test";
import { join } from "node:path";
import { openCapture } from "../../src/capture/open.ts";
import { canonicalIp } from "../../src/lib/ip.ts";
import type { SocketSample } from "../../src/model/flow.ts";
import { testWith } from "../support/needs.ts";
import { LineProcess, Traffic } from "../support/traffic/traffic.ts";

/** `tcp 127.0.0.1|80 127.0.0.1|4000 12,34`: one line per socket, its holders by pid. */
function ofCapture(socket: SocketSample): string {
  const { protocol, localAddress, localPort, remoteAddress, remotePort } = socket.identity;
  const pids = socket.owners.map((key) => Number(key.split(":")[1])).sort((a, b) => a - b);
  return `${protocol} ${localAddress}|${localPort} ${remoteAddress}|${remotePort} ${pids.join(",")}`;
}

function ofSs(line: string): string | undefined {
  const [protocol = "", , , , local = "", remote = "", ...rest] = line.split(/\s+/);
  if (protocol !== "tcp" && protocol !== "udp") return undefined;
  const pids = [...rest.join(" ").matchAll(/pid=(\d+)/g)].map((match) => Number(match[1]));
  const unique = [...new Set(pids)].sort((a, b) => a - b);
  return `${protocol} ${endOf(local, remote)} ${endOf(remote, local)} ${unique.join(",")}`;
}

/** `[::ffff:127.0.0.1]:80`, `127.0.0.1%lo:53`, `*:*` (a dual-stack wildcard) as address and port. */
function endOf(text: string, _other: string): string {
  const colon = text.lastIndexOf(":");
  const address = text
    .slice(0, colon)
    .replace(/^\[|\]$/g, "")
    .replace(/%.*$/, "");
  const port = text.slice(colon + 1);
  return `${address === "*" ? "::" : (canonicalIp(address) ?? address)}|${port === "*" ? 0 : port}`;
}

function holdersOf(line: string): number[] {
  return (line.split(" ").at(-1) ?? "").split(",").filter(Boolean).map(Number);
}

function countsOf(lines: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const line of lines) counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

function ss(): string[] {
  const { stdout, exitCode } = Bun.spawnSync(["ss", "-H", "-tunap"]);
  expect(exitCode).toBe(0);
  return stdout
    .toString()
    .split("\n")
    .map(ofSs)
    .filter((line) => line !== undefined)
    .sort();
}

testWith(
  ["root", "program:ss"],
  "every socket of the machine is told once, with the processes that ss names",
  async () => {
    const holder = join(import.meta.dir, "../support/traffic/holder.ts");
    const holders = Array.from({ length: 3 }, () => new LineProcess([process.execPath, holder, "150"]));
    await Promise.all(holders.map((one) => one.next()));
    await using traffic = await Traffic.start();
    await traffic.run("long-lived:open", "v4-mapped");
    await traffic.run("short-client-closes", "ipv6");
    await using udp = await udpSockets();
    const before = ss();
    // Only now: what closes while it watches it tells as closed, and ss shows that for another minute.
    await using capture = await openCapture({ method: "sock_diag" });
    const { sockets } = await capture.sample();
    const after = ss();
    const told = sockets.map(ofCapture).sort();
    const pids = [...holders.map(({ pid }) => pid), traffic.clientPid, traffic.serverPid, process.pid];
    const ours = (line: string): boolean => holdersOf(line).some((pid) => pids.includes(pid));
    expect(told.filter(ours)).toEqual(after.filter(ours));
    // Those of others may come and go meanwhile: what stayed is told, as often as it was there.
    const counts = [before, after, told].map(countsOf);
    const missing = [...(counts[0]?.entries() ?? [])].filter(
      ([line, count]) => Math.min(count, counts[1]?.get(line) ?? 0) > (counts[2]?.get(line) ?? 0),
    );
    expect(missing).toEqual([]);
    expect(new Set(sockets.map(({ identity }) => identity.id)).size).toBe(sockets.length);
    expect(told.length).toBeGreaterThanOrEqual(3 * 301 + 11 + udp.count);
    expect(told.filter((line) => line.endsWith(` ${holders[0]?.pid}`))).toHaveLength(301);
    await Promise.all(holders.map((one) => one.end()));
  },
);

testWith(["program:sh"], "a socket that a child inherited has both holders, the opener first", async () => {
  const child = join(import.meta.dir, "../support/traffic/inherited.ts");
  await using family = new LineProcessScope([process.execPath, child]);
  const { parent, child: childPid, port } = await family.process.next<Record<string, number>>();
  await using capture = await openCapture({ method: "sock_diag" });
  const { sockets } = await capture.sample();
  const listener = sockets.find((socket) => socket.identity.localPort === port && socket.state === "listen");
  expect(listener?.owners.map((key) => Number(key.split(":")[1]))).toEqual([parent, childPid] as number[]);
  expect(listener?.attribution).toBe("exact");
});

class LineProcessScope implements AsyncDisposable {
  readonly process: LineProcess;

  constructor(command: string[]) {
    this.process = new LineProcess(command);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.process.end();
  }
}

async function udpSockets(): Promise<AsyncDisposable & { readonly count: number }> {
  const bound = await Bun.udpSocket({ hostname: "127.0.0.1" });
  const connected = await Bun.udpSocket({
    hostname: "127.0.0.1",
    connect: { hostname: "127.0.0.1", port: bound.port },
  });
  return {
    count: 2,
    [Symbol.asyncDispose]: async () => {
      connected.close();
      bound.close();
    },
  };
}
