/** Keeps an agent small: an engine without what a program that mostly waits does not need, and pages given back that only a moment needed. */
import { readFileSync } from "node:fs";
import { keepTouchedPagesOnly, releaseCleanPages, releaseSpareBuffers } from "../platform/resident-memory.ts";
import { nameProcess, restart } from "../platform/restart.ts";

/**
 * No optimizing compilers (see helper/run.ts), and garbage collected as on a machine with 32 MiB: otherwise the engine lets it
 * grow to twice of what is used. Both must be said before the engine begins.
 */
const FRUGAL = { BUN_JSC_useDFGJIT: "0", BUN_JSC_forceRAMSize: String(32 * 1024 * 1024) } as const;
const PROCESS_NAME = "wb agent";
/** After the start, and once what follows it (first scan, first answers) is over. */
const FIRST_MS = [1500, 4000];
const RELEASE_MS = 10_000;
/** Grown by so much since garbage was collected: the engine alone would wait until there is a multiple of it. */
const GROWTH_BYTES = 6 * 1024 * 1024;
const COLLECT_MS = 60_000;

/** Starts this process once more in its place, without the optimizing compilers. Nothing may have been read or opened yet. */
export function becomeFrugal(): void {
  if (Object.entries(FRUGAL).some(([name, value]) => process.env[name] !== value)) {
    const variables = Object.entries(process.env).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, value] as const],
    );
    restart({ ...Object.fromEntries(variables), ...FRUGAL }); // where it fails, it is only larger
  }
  try {
    nameProcess(PROCESS_NAME);
  } catch {
    // No /proc that may be written: it is called otherwise in lists, and works as well.
  }
  try {
    keepTouchedPagesOnly();
  } catch {
    // No /proc/self/smaps here (some sandboxes): it is larger, and works as well.
  }
}

/** Private memory in bytes, without pages of files; 0 where the system does not tell (proc_pid_status(5)). */
function anonymousBytes(): number {
  try {
    const kibibytes = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0; // no /proc here
  }
}

/** Some 30 ms of work for an ordinary agent. */
class Collecting {
  #bytes = 0;
  #sinceMs = 0;

  look(): void {
    const nowMs = performance.now();
    if (anonymousBytes() - this.#bytes < GROWTH_BYTES && nowMs - this.#sinceMs < COLLECT_MS) return;
    Bun.gc(true);
    this.#bytes = anonymousBytes();
    this.#sinceMs = nowMs;
  }
}

function release(): void {
  releaseSpareBuffers();
  try {
    releaseCleanPages();
  } catch {
    // No /proc/self/smaps here (some sandboxes): it is larger, and works as well.
  }
}

/** Disposing ends it. */
export function releasingMemory(): Disposable {
  const first = FIRST_MS.map((milliseconds) => setTimeout(release, milliseconds));
  const collecting = new Collecting();
  const releasing = setInterval(() => {
    collecting.look();
    release();
  }, RELEASE_MS);
  return {
    [Symbol.dispose]: () => {
      for (const timer of first) clearTimeout(timer);
      clearInterval(releasing);
    },
  };
}
