/**
 * Whether a parent serves others while it is attacked, by its own time: how much it works before it answers somebody else. What
 * other programs of the machine take meanwhile is not in it.
 */
import { readFileSync } from "node:fs";

/** Clock ticks of /proc, proc(5): USER_HZ is 100 on every architecture that there is. */
const TICK_MS = 10;
/** Half of what a stranger may ask in a minute. */
const BETWEEN_LOOKS_MS = 100;

/** Milliseconds that all threads of a process have worked. */
function workedMs(pid: number): number {
  const [, rest = ""] = /^.*\) (.*)$/s.exec(readFileSync(`/proc/${pid}/stat`, "utf8")) ?? [];
  const fields = rest.split(" ");
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS; // utime and stime
}

/** How long the process works for one answer, in milliseconds. */
export async function workedFor(pid: number, ask: () => Promise<Response>): Promise<number> {
  const beganMs = workedMs(pid);
  const answer = await ask();
  await answer.body?.cancel();
  if (!answer.ok) throw new Error(`it was answered ${answer.status}`);
  return workedMs(pid) - beganMs;
}

/** The same, again and again while something else goes on: the slowest of a hundred, or of so many as there were. */
export async function workedMeanwhile(
  pid: number,
  ask: () => Promise<Response>,
  work: () => Promise<unknown>,
): Promise<number> {
  const over = new AbortController();
  const times: number[] = [];
  const watching = (async () => {
    while (!over.signal.aborted) {
      times.push(await workedFor(pid, ask));
      await Bun.sleep(BETWEEN_LOOKS_MS); // the pause between two looks
    }
  })();
  watching.catch(() => undefined); // it is told below
  try {
    await work();
  } finally {
    over.abort();
    await watching;
  }
  times.sort((left, right) => left - right);
  return times[Math.ceil(times.length * 0.99) - 1] ?? 0;
}
