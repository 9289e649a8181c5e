/**
 * The traffic program (traffic/*.c): made by the system's C compiler when its sources have changed, kept in .toolchain/,
 * and run phase by phase. `await using traffic = startTraffic(await trafficProgram(), ["all"])`.
 */
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { Account, type Line } from "./truth.ts";

const SOURCES = join(import.meta.dir, "traffic");
const BUILDS = join(import.meta.dir, "../../../.toolchain/wb-traffic");

/** Static: it starts in a millisecond, and runs in guests that have no C library. */
const FLAGS = ["-std=gnu17", "-O1", "-static", "-pthread"];

/**
 * The path of the program, compiled if no build of these sources is there.
 * @throws Error with the compiler's words
 */
export async function trafficProgram(): Promise<string> {
  const names = readdirSync(SOURCES).sort();
  const hash = new Bun.CryptoHasher("sha256").update(FLAGS.join(" "));
  for (const name of names) hash.update(`\n${name}\n`).update(readFileSync(join(SOURCES, name)));
  const directory = join(BUILDS, hash.digest("hex").slice(0, 16));
  const path = join(directory, "wb-traffic");
  if (existsSync(path)) return path;
  mkdirSync(directory, { recursive: true });
  const unfinished = join(directory, `${randomUUID()}.tmp`);
  const sources = names.filter((name) => name.endsWith(".c")).map((name) => join(SOURCES, name));
  const compiler = Bun.spawn(["cc", ...FLAGS, "-o", unfinished, ...sources], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const words = await new Response(compiler.stderr).text();
  if ((await compiler.exited) !== 0) throw new Error(`cc could not make the traffic program:\n${words}`);
  // Several tests may build it at once: whoever is last replaces a file by an equal one.
  renameSync(unfinished, path);
  return path;
}

/** A run of the program with `--go`: it waits to be told to go on. */
export class TrafficRun implements AsyncDisposable {
  readonly account = new Account();
  readonly #process: Bun.Subprocess<"pipe", "pipe", "inherit">;
  readonly #reading: Promise<void>;
  readonly #phases = new Map<string, PromiseWithResolvers<void>>();

  constructor(command: readonly string[]) {
    this.#process = Bun.spawn([...command], { stdin: "pipe", stdout: "pipe", stderr: "inherit" });
    this.#reading = this.#read();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** The connections that are to be older than the capture are there. */
  prepared(): Promise<void> {
    return this.#reached("prepared");
  }

  /** Everything has happened but the end of the connections that are to outlive the capture. */
  ran(): Promise<void> {
    return this.#reached("ran");
  }

  /** Goes on after `prepared` or `ran`. */
  goOn(): void {
    void this.#process.stdin.write("go\n");
    void this.#process.stdin.flush();
  }

  /** @throws Error where it ended before it was done */
  async ended(): Promise<Account> {
    const code = await this.#process.exited;
    await this.#reading;
    if (code !== 0 || !this.account.done) throw new Error(`wb-traffic ended with ${code}, not done`);
    return this.account;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Its children die with it.
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#reading;
  }

  #phase(name: string): PromiseWithResolvers<void> {
    const known = this.#phases.get(name) ?? Promise.withResolvers<void>();
    this.#phases.set(name, known);
    return known;
  }

  async #reached(name: string): Promise<void> {
    await Promise.race([this.#phase(name).promise, this.#reading]);
    if (!this.account.phases.has(name)) throw new Error(`wb-traffic ended before it had ${name}`);
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#take(line);
    }
    if (rest !== "") this.#take(rest);
  }

  #take(text: string): void {
    const line = JSON.parse(text) as Line;
    this.account.add(line);
    if (line.phase !== undefined) this.#phase(line.phase).resolve();
  }
}

/** Names of scenarios, or `all`, and options as in traffic/main.c. */
export function startTraffic(program: string, words: readonly string[]): TrafficRun {
  return new TrafficRun([program, ...words, "--go"]);
}
