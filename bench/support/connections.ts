/** Many TCP sockets over loopback, held by a few processes (holder.c), until disposed of. */
import { linesOf } from "./lines.ts";
import { benchProgram } from "./programs.ts";

/** A process may have 20,000 descriptors nearly everywhere where it is root. */
const PER_PROCESS = 10_000;

interface Holder {
  readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly lines: AsyncGenerator<string, undefined>;
}

export class Connections implements AsyncDisposable {
  readonly #holders: readonly Holder[];

  private constructor(holders: readonly Holder[]) {
    this.#holders = holders;
  }

  /** Resolves when all are connected and have carried something. `at`: what to put in front of a command, to be elsewhere. */
  static async open(sockets: number, at: readonly string[] = []): Promise<Connections> {
    const program = await benchProgram("holder");
    const holders: Holder[] = [];
    for (let rest = sockets; rest > 0; rest -= PER_PROCESS) {
      const words = [String(Math.min(rest, PER_PROCESS)), String(holders.length + 1)];
      const child = Bun.spawn([...at, program, ...words], {
        stdin: "pipe",
        stdout: "pipe",
        stderr: "inherit",
      });
      holders.push({ child, lines: linesOf(child.stdout) });
    }
    const connections = new Connections(holders);
    await connections.#all("ready");
    return connections;
  }

  /** Every socket sends and receives once more. */
  async move(): Promise<void> {
    for (const { child } of this.#holders) {
      void child.stdin.write("move\n");
      void child.stdin.flush();
    }
    await this.#all("moved");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { child } of this.#holders) await child.stdin.end();
    for (const { child } of this.#holders) await child.exited;
  }

  async #all(word: string): Promise<void> {
    for (const { lines } of this.#holders) {
      const line = await lines.next();
      if (line.value !== word) throw new Error(`a holder of connections said ${line.value ?? "nothing"}`);
    }
  }
}
