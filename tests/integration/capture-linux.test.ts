/** The Linux captures where things go wrong or are missing: notices dropped, sock_diag refused, sockets that linger. */
import { join } from "node:path";
import { expect, test } from "bun:test";
import { SockDiagCapture } from "../../src/capture/linux/sock-diag-capture.ts";
import { openCapture } from "../../src/capture/open.ts";
import { systemClock } from "../../src/lib/clock.ts";
import type { CaptureStatus } from "../../src/model/capture-status.ts";
import { Collector, lines } from "../support/traffic/collector.ts";
import { Traffic } from "../support/traffic/traffic.ts";
import { waitFor } from "../support/wait-for.ts";

test("notices that the kernel dropped are a loss, and what vanished meanwhile is told as a lower bound", async () => {
  await using traffic = await Traffic.start();
  await using capture = new SockDiagCapture({
    clock: systemClock,
    procRoot: "/proc",
    noticeBufferBytes: 4096,
    drainBetweenSamples: false,
  });
  const collector = new Collector();
  collector.add(await capture.sample());
  const opened = await traffic.run("long-lived:open", "ipv4");
  const accepted = await traffic.serverCounts(5);
  collector.add(await capture.sample());
  expect(lines(collector.connections(traffic.port))).toEqual(lines([...opened, ...accepted]));
  const live = new Set(collector.connections(traffic.port).map((row) => row.id));
  await traffic.run("sequential-500", "ipv4"); // fills the queue
  await traffic.run("long-lived:close", "ipv4");
  await traffic.serverCounts(0);
  const rows = await waitFor("the ten to be gone", async () => {
    collector.add(await capture.sample());
    const known = collector.connections(traffic.port).filter((row) => live.has(row.id));
    return known.every((row) => row.closed || row.state === "time_wait") && known;
  });
  expect(lines(rows)).toEqual(lines([...opened, ...accepted])); // what was last seen
  expect(rows.map((row) => row.uncertaintyBytes)).toEqual(Array.from({ length: 10 }, () => undefined));
  expect(collector.losses.get("netlink_overflow")).toBeGreaterThanOrEqual(1);
  expect(collector.losses.get("final_counters_missing")).toBeGreaterThanOrEqual(10);
}, 300_000);

test("between two samples more closings fit than the queue holds, because it is emptied on a timer", async () => {
  // Other programs' closings share the queue, so a machine that is busy with them gets ten chances. Without the timer
  // none of them succeeds.
  for (let attempt = 1; ; attempt += 1) {
    const { collector, expected, port } = await nineHundredClosings();
    if (collector.losses.get("netlink_overflow") !== undefined && attempt < 10) continue;
    expect(collector.losses.get("netlink_overflow")).toBeUndefined();
    expect(lines(collector.connections(port))).toEqual(expected);
    return;
  }
}, 300_000);

/** With the queue that a default kernel grants an ordinary user: room for 332 notices; a few come in each millisecond. */
async function nineHundredClosings(): Promise<{ collector: Collector; expected: string[]; port: number }> {
  await using traffic = await Traffic.start();
  await using capture = new SockDiagCapture({
    clock: systemClock,
    procRoot: "/proc",
    noticeBufferBytes: 212_992,
  });
  const collector = new Collector();
  collector.add(await capture.sample());
  const client = [];
  for (let run = 0; run < 150; run += 1) {
    client.push(...(await traffic.run("short-client-closes", "ipv4")));
    await traffic.serverReport(); // a breath between two bursts
  }
  const expected = lines([...client, ...(await traffic.serverCounts(0))]);
  await waitFor("all closings, or a loss", async () => {
    collector.add(await capture.sample());
    return collector.connections(traffic.port).length >= 900 || collector.losses.has("netlink_overflow");
  });
  return { collector, expected, port: traffic.port };
}

test("the processes of a connection that lives and dies between two samples are known", async () => {
  using server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data() {} } });
  await using capture = await openCapture({ method: "sock_diag" });
  await capture.sample();
  // A busy machine may need more than one connection's life to get to it.
  const owners = await waitFor("the processes of a short connection", async () => {
    const closed = Promise.withResolvers<void>();
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: server.port,
      socket: { data() {}, close: () => closed.resolve() },
    });
    const { localPort } = client;
    await Bun.sleep(200); // its life, of which no sample sees anything
    client.end();
    await closed.promise;
    const ends = await waitFor("its end", async () => {
      const batch = await capture.sample();
      const rows = batch.closed.filter((row) => row.identity.localPort === localPort);
      return rows.length > 0 && rows;
    });
    const [end] = ends;
    return end?.attribution === "exact" && end.owners;
  });
  expect(owners.map((key) => Number(key.split(":")[1]))).toEqual([process.pid]);
}, 300_000);

test("/proc/net: the connections and their processes, no bytes, and a closed one is told once", async () => {
  await using traffic = await Traffic.start();
  await using capture = await openCapture({ method: "procfs" });
  expect(capture.status().degradations[0]?.code).toBe("procfs_forced");
  await capture.sample();
  const opened = await traffic.run("long-lived:open", "v4-mapped");
  const accepted = await traffic.serverCounts(5);
  const { sockets } = await capture.sample();
  const ours = sockets.filter(
    ({ identity, state }) =>
      state === "established" &&
      (identity.localPort === traffic.port || identity.remotePort === traffic.port),
  );
  expect(
    ours
      .map(({ identity }) => `${identity.localAddress}|${identity.localPort}`)
      .sort((a, b) => a.localeCompare(b)),
  ).toEqual([...opened, ...accepted].map(({ local }) => local).sort((a, b) => a.localeCompare(b)));
  expect(new Set(ours.map(({ counters }) => counters.bytesSent))).toEqual(new Set([undefined]));
  expect(new Set(ours.flatMap(({ owners }) => owners.map((key) => Number(key.split(":")[1]))))).toEqual(
    new Set([traffic.clientPid, traffic.serverPid]),
  );
  expect(new Set(ours.map(({ attribution }) => attribution))).toEqual(new Set(["exact"]));
  await traffic.run("long-lived:close", "v4-mapped");
  await traffic.serverCounts(0);
  const ids = new Set(ours.map(({ identity }) => identity.id));
  const { closed } = await capture.sample();
  expect(closed.filter(({ identity }) => ids.has(identity.id))).toHaveLength(10);
  expect((await capture.sample()).closed.filter(({ identity }) => ids.has(identity.id))).toEqual([]);
});

test("where netlink is refused, /proc/net is used, and the status says so with a remedy", async () => {
  const child = Bun.spawn([process.execPath, join(import.meta.dir, "../support/without-netlink.ts")], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, exitCode] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  expect(stderr).toBe("");
  expect(exitCode).toBe(0);
  const { status, sockets, loopbackCounted } = JSON.parse(stdout) as {
    status: CaptureStatus;
    sockets: number;
    loopbackCounted: boolean;
  };
  expect(status.method).toBe("procfs");
  expect(status.capabilities.bytes).toBe("none");
  expect(status.degradations[0]?.code).toBe("no_sock_diag");
  expect(status.degradations[0]?.remedy).toContain("modprobe");
  expect(sockets).toBeGreaterThanOrEqual(0);
  expect(loopbackCounted).toBe(false);
});
