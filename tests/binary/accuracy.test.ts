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

const TRIES_MAX = 5;
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

/** Traffic while a monitor watches for so long. `isWhole`: it was over before the monitor's time. */
async function watched(
  seconds: number,
): Promise<{ isWhole: boolean; document: Document; port: number; truth: Counted[] }> {
  await using traffic = await Traffic.start();
  const beganMs = performance.now();
  const monitor = await startMonitor([BINARY_PATH, "monitor", "--duration", `${seconds}s`, ...OPTIONS]);
  const client = [
    ...(await traffic.run("sequential-500", "ipv4")),
    ...(await traffic.run("half-closed-by-client", "ipv6")),
  ];
  const truth = [...client, ...(await traffic.serverCounts(0))];
  const isWhole = performance.now() - beganMs < seconds * 1000;
  return { isWhole, document: await documentOf(monitor), port: traffic.port, truth };
}

testWith(
  ["binary"],
  "--duration ends by itself, with closed connections exact",
  async () => {
    let seen = await watched(4);
    // A busy machine needs longer for the traffic.
    for (let seconds = 16; !seen.isWhole && seconds < 100; seconds *= 2) seen = await watched(seconds);
    const rows = connections(seen.document, seen.port);
    expect(linesOf(rows)).toEqual(lines(seen.truth));
    expect(rows.filter((row) => !row.closed || row.uncertaintyBytes !== 0)).toEqual([]);
    expect(seen.document.version).toBe(1);
  },
  400_000,
);

interface SeenByBoth {
  readonly root: Document;
  readonly nobody: Document;
  readonly truth: readonly Counted[];
  readonly port: number;
  readonly pids: readonly number[];
}

async function watchedByBoth(): Promise<SeenByBoth> {
  await using stack = new AsyncDisposableStack();
  const traffic = stack.use(await Traffic.start());
  const place = stack.use(await nobodysPlace());
  const copy = await place.install(BINARY_PATH, "wb");
  const client: Counted[] = [];
  for (const family of FAMILIES) await traffic.run("long-lived:open", family);
  const duration = ["monitor", "--duration", "10m", ...OPTIONS];
  const start = async (command: string[]): ReturnType<typeof startMonitor> => {
    const monitor = await startMonitor(command);
    stack.defer(() => monitor.kill("SIGKILL"));
    return monitor;
  };
  const monitors = [
    await start([BINARY_PATH, ...duration]),
    await start(place.command(copy, ...duration)),
  ] as const;
  for (const family of FAMILIES) {
    for (const scenario of SCENARIOS) client.push(...(await traffic.run(scenario, family)));
    client.push(...(await traffic.run("long-lived:more", family)));
  }
  const server = await waitFor("the server to have read all", async () => {
    const counted = await traffic.serverCounts(15);
    return balanced(client, counted) && counted;
  });
  for (const monitor of monitors) monitor.kill("SIGINT");
  const [root, nobody] = await Promise.all([documentOf(monitors[0]), documentOf(monitors[1])]);
  const pids = [traffic.clientPid, traffic.serverPid];
  return { root, nobody, truth: [...client, ...server], port: traffic.port, pids };
}

/** What the kernel had no room for, because the monitor came too late for it. */
function overflowed({ root, nobody }: SeenByBoth): boolean {
  return [root, nobody].some(({ loss }) => loss.some(({ cause }) => cause === "netlink_overflow"));
}

testWith(
  ["binary", "root", "program:setpriv"],
  "every scenario, watched by root and by nobody at once",
  async () => {
    let seen = await watchedByBoth();
    // An ordinary user's queue is short: on a busy machine it is tried again, and said where that is no use either.
    for (let tries = 1; overflowed(seen) && tries < TRIES_MAX; tries += 1) seen = await watchedByBoth();
    const { root, nobody, truth, port, pids } = seen;
    for (const document of [root, nobody]) {
      const rows = connections(document, port);
      expect(linesOf(rows)).toEqual(lines(truth));
      expect(rows.filter((row) => !row.closed)).toHaveLength(30);
      expect(rows.filter((row) => row.uncertaintyBytes === null || row.uncertaintyBytes > 2)).toEqual([]);
      expect(
        document.loss.map(({ cause }) => cause).filter((cause) => cause !== "process_unreadable"),
      ).toEqual([]);
    }
    const rootLive = connections(root, port).filter((row) => !row.closed);
    expect(new Set(rootLive.map((row) => row.pid))).toEqual(new Set(pids));
    expect(new Set(rootLive.map((row) => row.attribution))).toEqual(new Set(["exact"]));
    const nobodyRows = connections(nobody, port);
    expect(nobodyRows.filter((row) => row.pid !== null || row.processName !== null)).toEqual([]);
    const nobodyLive = nobodyRows.filter((row) => !row.closed);
    expect(new Set(nobodyLive.map((row) => [row.attribution, row.user].join()))).toEqual(
      new Set(["not_visible,root"]),
    );
    expect(nobody.capture.degradations.map(({ code }) => code)).toEqual([
      "other_users_processes",
      "udp_bytes",
    ]);
  },
  600_000,
);

/** Whether the server has received what the client sent, but for what a reset or a closed end swallowed. */
function balanced(client: readonly Counted[], server: readonly Counted[]): boolean {
  const received = new Map(server.map((row) => [`${row.remote} ${row.local}`, row.received]));
  const open = client.slice(-5);
  return open.every((row) => received.get(`${row.local} ${row.remote}`) === row.sent);
}
