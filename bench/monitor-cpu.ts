/**
 * What the monitor costs: its screen at 200×50 on 1,000 real connections that all carry bytes, refreshed every second,
 * sampling included, against `top -d1` in a terminal beside it, at the same time. User and system time of all threads of
 * both from /proc/PID/stat, the compiled binary in tmux; the median of three windows of ten seconds, so that one moment
 * of a busy machine decides nothing. Fails above 2 % of a core, and where there are fewer connections than it promises.
 * In a network namespace of its own where that is allowed, so that the machine's other connections are not measured too.
 * Takes less than a minute.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { BINARY_PATH } from "../tests/support/needs.ts";
import { wbEnvironment } from "../tests/support/run-wb.ts";
import { TmuxTerminal } from "../tests/support/tmux.ts";

/** Half of them are the connecting sockets, half the accepted ones: both are connections of this machine. */
const CONNECTIONS = 1_000;
const WINDOWS = 3;
const WINDOW_SECONDS = 10;
/** Until most of the program is compiled to machine code; what that takes is printed too, and is not part of the budget. */
const WARM_UP_SECONDS = 20;
const BUDGET = 0.02;
/** USER_HZ, the unit of times in /proc/PID/stat (proc(5)): 100 on every Linux of today. */
const TICKS_PER_SECOND = 100;

type Wire = Awaited<ReturnType<typeof Bun.connect<undefined>>>;

/** Connections to ourselves that carry a few bytes each, every second, until disposed of. */
async function traffic(pairs: number): Promise<AsyncDisposable> {
  const server = Bun.listen({ hostname: "127.0.0.1", port: 0, socket: { data: () => undefined } });
  const clients: Wire[] = [];
  for (let index = 0; index < pairs; index += 1) {
    clients.push(
      await Bun.connect({ hostname: "127.0.0.1", port: server.port, socket: { data: () => undefined } }),
    );
  }
  const payload = Buffer.alloc(1_000);
  const timer = setInterval(() => {
    for (const client of clients) client.write(payload.subarray(0, 100 + Math.floor(Math.random() * 900)));
  }, 500);
  return {
    [Symbol.asyncDispose]: () => {
      clearInterval(timer);
      for (const client of clients) client.end();
      server.stop(true);
      return Promise.resolve();
    },
  };
}

/** User and system time of a process and its threads, in seconds. */
function cpuSeconds(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  // After the name, which may hold anything: utime and stime are fields 14 and 15 of all, 12 and 13 of these.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[values.length >> 1] ?? Number.NaN;
}

/** A program in a terminal of its own. */
async function inTerminal(
  commandLine: string,
  sign: string,
): Promise<{ pid: number; terminal: TmuxTerminal }> {
  const env = { ...wbEnvironment(), TERM: "xterm-256color" };
  const terminal = await TmuxTerminal.open({ width: 200, height: 50, env });
  await terminal.type(commandLine);
  await terminal.keys("Enter");
  await terminal.waitForText(sign);
  return { pid: await terminal.childPid(), terminal };
}

async function main(): Promise<number> {
  if (!existsSync(BINARY_PATH) || Bun.which("tmux") === null || Bun.which("top") === null) {
    console.log("monitor-cpu: needs dist/wb, tmux and top");
    return 1;
  }
  await using _traffic = await traffic(CONNECTIONS / 2);
  const wb = await inTerminal(`${join(BINARY_PATH)} monitor --no-history --no-dns`, "? help");
  await using _wb = wb.terminal;
  const top = await inTerminal("top -d1", "PID USER");
  await using _top = top.terminal;
  await Bun.sleep(WARM_UP_SECONDS * 1000); // a measurement's length, not a wait for something
  const start = cpuSeconds(wb.pid);
  const shares: number[] = [];
  const peers: number[] = [];
  for (let window = 0; window < WINDOWS; window += 1) {
    const began = performance.now();
    const before = [cpuSeconds(wb.pid), cpuSeconds(top.pid)] as const;
    await Bun.sleep(WINDOW_SECONDS * 1000);
    const elapsed = (performance.now() - began) / 1000;
    shares.push((cpuSeconds(wb.pid) - before[0]) / elapsed);
    peers.push((cpuSeconds(top.pid) - before[1]) / elapsed);
  }
  const share = median(shares);
  const peer = median(peers);
  const header = (await wb.terminal.screen())[0]?.trim() ?? "";
  const shown = Number(/([\d,]+) connections/.exec(header)?.[1]?.replaceAll(",", "") ?? "0");
  const percent = (value: number): string => `${(value * 100).toFixed(2)} %`;
  console.log(`screen: ${header}`);
  console.log(`start and first ${WARM_UP_SECONDS} s: ${start.toFixed(2)} s of processor time`);
  console.log(
    `wb monitor, 200×50, 1 s: ${shares.map(percent).join(", ")} of a core in windows of ${WINDOW_SECONDS} s; top -d1: ${peers.map(percent).join(", ")}`,
  );
  if (shown < CONNECTIONS) {
    console.log(`monitor-cpu: ${shown} connections on the screen, not ${CONNECTIONS}: over`);
    return 1;
  }
  const verdict = share <= BUDGET ? "ok" : "over";
  console.log(
    `monitor-cpu: ratio ${(share / BUDGET).toFixed(2)} of the budget, ${percent(share)} of a core, budget ${percent(BUDGET)} ${verdict} (${(share / peer).toFixed(1)} times top)`,
  );
  return share <= BUDGET ? 0 : 1;
}

/** Runs this file again where nobody else's connections are; undefined where that is not allowed. */
async function mainInNamespace(): Promise<number | undefined> {
  const unshare = ["unshare", "--net", ...(process.getuid?.() === 0 ? [] : ["--map-root-user"])];
  if (Bun.spawnSync([...unshare, "true"], { stdout: "ignore", stderr: "ignore" }).exitCode !== 0)
    return undefined;
  const script = 'ip link set lo up && exec "$0" "$1" inside';
  const child = Bun.spawn([...unshare, "sh", "-c", script, process.execPath, import.meta.path], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  return await child.exited;
}

process.exitCode =
  process.argv[2] === "inside" ? await main() : ((await mainInNamespace()) ?? (await main()));
