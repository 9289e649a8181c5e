/**
 * A real helper for a benchmark: that of dist/wb, launched as `wb monitor --elevate` does, with a session of the product's
 * own client, which may sample each second as a monitor does.
 *
 * A helper speaks only to its own executable. So a benchmark runs itself anew by dist/wb, which runs any program as Bun
 * does where it is told to by BUN_BE_BUN; in a network namespace of its own, where nobody else's connections are.
 */
import { existsSync } from "node:fs";
import { HelperSession } from "../../src/capture/helper/session.ts";
import { systemClock } from "../../src/lib/clock.ts";
import { launchHelper } from "../../src/platform/launched-helper.ts";
import { unixTransport } from "../../src/platform/unix-transport.ts";
import { BINARY_PATH } from "../../tests/support/needs.ts";

const INSIDE = "inside";
const ANSWER_MS_MAX = 30_000;
const SAMPLE_MS = 1000;

/** Runs `main` as dist/wb in a namespace of its own, and exits with what it returns. `path`: of the benchmark's file. */
export async function runInside(name: string, path: string, main: () => Promise<number>): Promise<never> {
  if (process.argv[2] === INSIDE) process.exit(await main());
  const missing = [
    process.getuid?.() === 0 ? undefined : "root",
    existsSync(BINARY_PATH) ? undefined : "dist/wb",
    ...["cc", "unshare", "ip"].map((program) => (Bun.which(program) === null ? program : undefined)),
  ].filter((each) => each !== undefined);
  if (missing.length > 0) {
    console.log(`${name}: needs ${missing.join(", ")}`);
    process.exit(1);
  }
  const script = 'ip link set lo up && exec "$0" "$@"';
  const child = Bun.spawn(["unshare", "--net", "sh", "-c", script, BINARY_PATH, path, INSIDE], {
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    env: { ...process.env, BUN_BE_BUN: "1" },
  });
  process.exit(await child.exited);
}

export interface BenchHelper extends AsyncDisposable {
  readonly pid: number;
  readonly method: string;
  readonly session: HelperSession;
  /** Begins to ask each second for what has changed, like a monitor. */
  watch(): void;
  /** Resolves when as many samples more have been answered; rejects where one was not. */
  samples(count: number): Promise<void>;
}

export async function startHelper(words: readonly string[] = []): Promise<BenchHelper> {
  // The very file that runs this, also where dist/wb has been built anew meanwhile.
  const helper = await launchHelper({ own: [`/proc/${process.pid}/exe`], words });
  const session = await HelperSession.open({
    transport: unixTransport,
    address: helper,
    clock: systemClock,
    answerMsMax: ANSWER_MS_MAX,
    onEvents: () => undefined,
    onClosed: (reason) => console.error(`the helper is gone: ${reason.message}`),
  });
  let sinceNs = 0;
  const stop = new AbortController();
  let next = Promise.withResolvers<void>();
  let watching = Promise.resolve();
  const watch = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      const began = performance.now();
      sinceNs = (await session.collect(sinceNs)).timeNs;
      next.resolve();
      next = Promise.withResolvers<void>();
      await Bun.sleep(Math.max(0, SAMPLE_MS - (performance.now() - began)));
    }
  };
  return {
    pid: helper.pid,
    method: session.status.method,
    session,
    watch: () => {
      watching = watch().catch((error: unknown) => next.reject(error));
    },
    samples: async (count) => {
      for (let sampled = 0; sampled < count; sampled += 1) await next.promise;
    },
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await watching;
      session[Symbol.dispose]();
      await helper[Symbol.asyncDispose]();
    },
  };
}

/** How many programs of the same kind others have in the kernel now: they cost what is measured here, too. */
export function othersCounting(): number {
  const list = Bun.spawnSync(["bpftool", "prog", "show"], { stdout: "pipe", stderr: "ignore" });
  return list.exitCode === 0 ? (list.stdout.toString().match(/\bname tp_send\b/g) ?? []).length : 0;
}
