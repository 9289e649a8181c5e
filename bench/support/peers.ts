/** Other programs that count the bytes of processes: started, waited for until they count, and ended. */
import { linesOf } from "./lines.ts";

/** Until one counts, or says why it can't. */
const START_MS_MAX = 20_000;
const END_MS_MAX = 5000;
/** Of what it says on standard output, for the reason why it can't. */
const SAID_LINES_MAX = 100;

export interface Peer {
  readonly name: string;
  readonly command: readonly string[];
  /** A line of its output that it writes once it counts. */
  readonly ready: RegExp;
  /** What it counts, beside this program's every byte of every process and connection. */
  readonly counts: string;
}

/** The same two tracepoints as the kernel programs' first method, through perf where these are raw. */
const TRACEPOINT_PROGRAM = `
tracepoint:sock:sock_send_length /args->family == 2 || args->family == 10/ { @sent[pid, comm] = sum(args->ret); }
tracepoint:sock:sock_recv_length /args->family == 2 || args->family == 10/ { @received[pid, comm] = sum(args->ret); }
interval:s:1 { print(@sent); print(@received); clear(@sent); clear(@received); printf("counted\\n"); }`;

export const PEERS: readonly Peer[] = [
  {
    name: "nethogs",
    command: ["nethogs", "-a", "-t", "-d", "1"],
    ready: /^Refreshing/,
    counts: "packets of every device, by process",
  },
  {
    name: "bpftrace",
    command: ["bpftrace", "-e", TRACEPOINT_PROGRAM],
    ready: /^counted/,
    counts: "what calls returned, by process alone, peeks twice",
  },
  {
    name: "tcptop-bpfcc",
    command: ["tcptop-bpfcc", "-C", "1"],
    ready: /\bPID\b/,
    counts: "TCP alone, by process and connection",
  },
];

export interface RunningPeer extends AsyncDisposable {
  readonly pid: number;
}

/** Undefined where it is not installed, or why it can't work here, in its own words. */
export async function startPeer({ command, ready }: Peer): Promise<RunningPeer | string | undefined> {
  const [program = ""] = command;
  if (Bun.which(program) === null) return undefined;
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const state = Promise.withResolvers<"ready" | "late" | "ended">();
  const said: string[] = [];
  const read = async (): Promise<void> => {
    for await (const line of linesOf(child.stdout)) {
      if (ready.test(line)) state.resolve("ready");
      if (said.length < SAID_LINES_MAX) said.push(line);
    }
    state.resolve("ended");
  };
  const reading = read();
  const words = child.stderr.text();
  const timer = setTimeout(() => state.resolve("late"), START_MS_MAX);
  const end = async (): Promise<void> => {
    child.kill("SIGINT");
    const killer = setTimeout(() => child.kill("SIGKILL"), END_MS_MAX);
    await child.exited;
    clearTimeout(killer);
    await reading;
  };
  const reached = await state.promise;
  clearTimeout(timer);
  if (reached === "ready") return { pid: child.pid, [Symbol.asyncDispose]: end };
  await end();
  if (reached === "late") return `it counted nothing within ${START_MS_MAX / 1000} s`;
  return reasonOf([...said, ...(await words).split("\n")]);
}

/** Its first complaint, which is what led to all others. */
function reasonOf(said: readonly string[]): string {
  const lines = said.map((line) => line.trim()).filter((line) => line !== "");
  const complaint = lines.find((line) => /unable|cannot|can't|failed|error/i.test(line));
  return complaint ?? lines.at(-1) ?? "it ended without a word";
}
