/**
 * Exactness of the compiled program: `wb monitor --duration --json` over real traffic gives, for each connection that
 * lived meanwhile, exactly the payload that the two programs counted; as root, and as nobody who watches root's traffic.
 */
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { nobodysPlace } from "../support/as-nobody.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { lines } from "../support/traffic/collector.ts";
import { FAMILIES, SCENARIOS } from "../support/traffic/scenarios.ts";
import type { Counted } from "../support/traffic/sockets.ts";
import { Traffic } from "../support/traffic/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

interface Row {
  readonly pid: number | null;
  readonly processName: string | null;
  readonly user: string | null;
  readonly protocol: string;
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly state: string;
  readonly bytesSent: number | null;
  readonly bytesReceived: number | null;
  readonly bytesMeaning: string;
  readonly uncertaintyBytes: number | null;
  readonly attribution: string;
  readonly closed: boolean;
}

interface Document {
  readonly version: number;
  readonly capture: { readonly method: string; readonly degradations: readonly { readonly code: string }[] };
  readonly loss: readonly { readonly cause: string }[];
  readonly rows: readonly Row[];
}

const OPTIONS = ["--json", "--no-history", "--no-dns", "--interval", "500ms"];

/** A running `wb monitor`, which has begun to listen to the kernel. */
async function startMonitor(command: string[]): Promise<Bun.Subprocess<"ignore", "pipe", "pipe">> {
  const monitor = Bun.spawn(command, { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  await waitFor("the monitor to join the destroy groups", () => joinedGroups(monitor.pid));
  return monitor;
}

/** Whether the process has a sock_diag socket (protocol 4) in groups 1 to 4; its first one has the pid for an address. */
function joinedGroups(pid: number): boolean {
  return readFileSync("/proc/net/netlink", "utf8")
    .split("\n")
    .map((line) => line.split(/\s+/))
    .some(([, protocol, port, groups]) => protocol === "4" && Number(port) === pid && groups === "0000000f");
}

async function documentOf(monitor: Bun.Subprocess<"ignore", "pipe", "pipe">): Promise<Document> {
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(monitor.stdout).text(),
    new Response(monitor.stderr).text(),
    monitor.exited,
  ]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  return JSON.parse(stdout) as Document;
}

/** The connections of the traffic; TIME_WAITs of earlier tests on the same port have no bytes. */
function connections(document: Document, port: number): Row[] {
  return document.rows.filter(
    (row) =>
      row.protocol === "tcp" &&
      row.remotePort !== 0 &&
      (row.localPort === port || row.remotePort === port) &&
      row.bytesMeaning !== "none",
  );
}

function linesOf(rows: readonly Row[]): string[] {
  return lines(
    rows.map((row) => ({
      local: `${row.localAddress}|${row.localPort}`,
      remote: `${row.remoteAddress}|${row.remotePort}`,
      sent: row.bytesSent ?? undefined,
      received: row.bytesReceived ?? undefined,
    })),
  );
}

testWith(
  ["binary"],
  "--duration ends by itself, with closed connections exact",
  async () => {
    await using traffic = await Traffic.start();
    const monitor = await startMonitor([BINARY_PATH, "monitor", "--duration", "4s", ...OPTIONS]);
    const client = [
      ...(await traffic.run("sequential-500", "ipv4")),
      ...(await traffic.run("half-closed-by-client", "ipv6")),
    ];
    const server = await traffic.serverCounts(0);
    const document = await documentOf(monitor);
    const rows = connections(document, traffic.port);
    expect(linesOf(rows)).toEqual(lines([...client, ...server]));
    expect(rows.filter((row) => !row.closed || row.uncertaintyBytes !== 0)).toEqual([]);
    expect(document.version).toBe(1);
  },
  30_000,
);

testWith(
  ["binary", "root", "program:setpriv"],
  "every scenario, watched by root and by nobody at once",
  async () => {
    await using traffic = await Traffic.start();
    await using place = await nobodysPlace();
    const copy = await place.install(BINARY_PATH, "wb");
    const client: Counted[] = [];
    for (const family of FAMILIES) await traffic.run("long-lived:open", family);
    const duration = ["monitor", "--duration", "10m", ...OPTIONS];
    const monitors = await Promise.all([
      startMonitor([BINARY_PATH, ...duration]),
      startMonitor(place.command(copy, ...duration)),
    ]);
    for (const family of FAMILIES) {
      for (const scenario of SCENARIOS) client.push(...(await traffic.run(scenario, family)));
      client.push(...(await traffic.run("long-lived:more", family)));
    }
    const server = await waitFor("the server to have read all", async () => {
      const counted = await traffic.serverCounts(15);
      return balanced(client, counted) && counted;
    });
    for (const monitor of monitors) monitor.kill("SIGINT");
    const [root, nobody] = await Promise.all(monitors.map(documentOf));
    for (const document of [root, nobody]) {
      if (document === undefined) throw new Error("a monitor told nothing");
      const rows = connections(document, traffic.port);
      expect(linesOf(rows)).toEqual(lines([...client, ...server]));
      expect(rows.filter((row) => !row.closed)).toHaveLength(30);
      expect(rows.filter((row) => row.uncertaintyBytes === null || row.uncertaintyBytes > 2)).toEqual([]);
      expect(
        document.loss.map(({ cause }) => cause).filter((cause) => cause !== "process_unreadable"),
      ).toEqual([]);
    }
    const rootLive = connections(root as Document, traffic.port).filter((row) => !row.closed);
    expect(new Set(rootLive.map((row) => row.pid))).toEqual(new Set([traffic.clientPid, traffic.serverPid]));
    expect(new Set(rootLive.map((row) => row.attribution))).toEqual(new Set(["exact"]));
    const nobodyRows = connections(nobody as Document, traffic.port);
    expect(nobodyRows.filter((row) => row.pid !== null || row.processName !== null)).toEqual([]);
    const nobodyLive = nobodyRows.filter((row) => !row.closed);
    expect(new Set(nobodyLive.map((row) => [row.attribution, row.user].join()))).toEqual(
      new Set(["not_visible,root"]),
    );
    expect(nobody?.capture.degradations.map(({ code }) => code)).toEqual([
      "other_users_processes",
      "udp_bytes",
    ]);
  },
  120_000,
);

/** Whether the server has received what the client sent, but for what a reset or a closed end swallowed. */
function balanced(client: readonly Counted[], server: readonly Counted[]): boolean {
  const received = new Map(server.map((row) => [`${row.remote} ${row.local}`, row.received]));
  const open = client.slice(-5);
  return open.every((row) => received.get(`${row.local} ${row.remote}`) === row.sent);
}
