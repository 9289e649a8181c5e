/** Runs the compiled binary as a person would, without a terminal, in a home of its own. */
import { BINARY_PATH } from "./needs.ts";

export interface Run {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number;
}

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly home?: string;
  /** Command that the binary is run by, such as `setpriv …`. */
  readonly by?: readonly string[];
}

/** What the binary sees of the environment: nothing of whoever runs the tests. */
export function wbEnvironment({ env = {}, home = "/nonexistent" }: RunOptions = {}): Record<string, string> {
  return { PATH: process.env["PATH"] ?? "", HOME: home, LC_ALL: "C.UTF-8", TZ: "UTC", ...env };
}

export async function runWb(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  const child = Bun.spawn([...(options.by ?? []), BINARY_PATH, ...args], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment(options),
  });
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  return { stdout, stderr, code };
}
