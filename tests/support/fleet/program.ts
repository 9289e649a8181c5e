/** A command of the compiled binary somewhere on the network of a test: run to its end, or kept running and read line by line. */
import type { Subprocess } from "bun";
import { BINARY_PATH } from "../needs.ts";
import { wbEnvironment, type Run } from "../run-wb.ts";
import { waitFor } from "../wait-for.ts";

export interface Place {
  /** What to put in front of the command. */
  readonly at: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

const RUN_MS = 120_000;

export async function runThere({ at, env }: Place, words: readonly string[], input?: string): Promise<Run> {
  const child = Bun.spawn([...at, BINARY_PATH, ...words], {
    stdin: input === undefined ? "ignore" : new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment({ env }),
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), RUN_MS);
  const [stdout, stderr, code] = await Promise.all([child.stdout.text(), child.stderr.text(), child.exited]);
  clearTimeout(timer);
  return { stdout, stderr, code };
}

export class Program implements AsyncDisposable {
  readonly child: Subprocess<"ignore", "pipe", "pipe">;
  readonly output: string[] = [];
  readonly errors: string[] = [];
  readonly #read: Promise<unknown>;

  constructor({ at, env }: Place, words: readonly string[]) {
    this.child = Bun.spawn([...at, BINARY_PATH, ...words], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: wbEnvironment({ env }),
    });
    this.#read = Promise.all([keep(this.child.stdout, this.output), keep(this.child.stderr, this.errors)]);
  }

  get pid(): number {
    return this.child.pid;
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** The first line, of either output, that matches. */
  async says(pattern: RegExp, deadlineMs = 90_000): Promise<RegExpExecArray> {
    const found = (): RegExpExecArray | undefined => {
      for (const line of [...this.output, ...this.errors]) {
        const match = pattern.exec(line);
        if (match !== null) return match;
      }
      return undefined;
    };
    try {
      return await waitFor(String(pattern), () => found() ?? (this.hasEnded && null), deadlineMs).then(
        (match) => {
          const last = match ?? found();
          if (last === undefined) throw new Error(`it ended with ${this.child.exitCode} before ${pattern}`);
          return last;
        },
      );
    } catch (error) {
      const said = [...this.output, ...this.errors].join("\n");
      throw new Error(`${error instanceof Error ? error.message : String(error)}; it said:\n${said}`, {
        cause: error,
      });
    }
  }

  /** The exit code; null where a signal ended it. */
  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
    this.child.kill(signal);
    await this.child.exited;
    await this.#read;
    return this.child.exitCode;
  }

  async ended(): Promise<number | null> {
    await this.child.exited;
    await this.#read;
    return this.child.exitCode;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 8000);
    await this.end();
    clearTimeout(timer);
  }
}

async function keep(stream: ReadableStream<Uint8Array>, lines: string[]): Promise<void> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of stream) {
    const parts = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = parts.pop() ?? "";
    lines.push(...parts);
  }
  if (rest !== "") lines.push(rest);
}
