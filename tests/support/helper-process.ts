/** A real helper for tests: started as root, in a directory of its own, its log read line by line, ended with its scope. */
import { join } from "node:path";
import { readSecretFile } from "../../src/platform/secret-file.ts";
import { HelperClient } from "./helper-client.ts";
import { tmpdir, type TemporaryDirectory } from "./tmpdir.ts";
import { waitFor } from "./wait-for.ts";

const MAIN = new URL("../../src/main.ts", import.meta.url).pathname;

export interface HelperStart {
  /** Further words of the command line. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Another program than the source run by this Bun. */
  readonly program?: readonly string[];
  /** Of the socket and the secret, made before: else a fresh one. */
  readonly directory?: string;
}

export const FROM_SOURCE = [process.execPath, MAIN];

export class HelperProcess implements AsyncDisposable {
  readonly child: Bun.Subprocess<"pipe", "pipe", "pipe">;
  readonly log: string[] = [];
  readonly #directory: TemporaryDirectory | undefined;
  readonly socketPath: string;
  readonly secretPath: string;

  constructor(words: readonly string[], path: string, directory?: TemporaryDirectory, env = {}) {
    this.#directory = directory;
    this.socketPath = join(path, "helper.sock");
    this.secretPath = join(path, "secret");
    this.child = Bun.spawn([...words], {
      stdin: "pipe",
      stdout: "pipe",
      stderr: "pipe",
      cwd: "/",
      env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", ...env },
    });
    void this.#read();
  }

  /** Resolves when it is ready, or has ended without becoming so. */
  static async start(start: HelperStart = {}): Promise<HelperProcess> {
    const directory = start.directory === undefined ? await tmpdir() : undefined;
    const path = start.directory ?? directory?.path ?? "";
    const places = ["--socket", join(path, "helper.sock"), "--secret-file", join(path, "secret")];
    const words = [
      ...(start.program ?? FROM_SOURCE),
      "helper",
      "--elevated",
      ...places,
      ...(start.args ?? []),
    ];
    const helper = new HelperProcess(words, path, directory, start.env);
    await waitFor(
      "the helper to start or to end",
      () => helper.isReady || helper.child.exitCode !== null,
      120_000,
    );
    return helper;
  }

  get pid(): number {
    return this.child.pid;
  }

  get isReady(): boolean {
    return this.log.some(
      (line) => line.startsWith("wb helper: started") || line.includes('"event":"started"'),
    );
  }

  get secret(): Uint8Array {
    return readSecretFile(this.secretPath);
  }

  /** The first line of the log that has all of these words. */
  says(...words: readonly string[]): Promise<string> {
    return waitFor(`the log to say ${words.join(", ")}; it said:\n${this.log.join("\n")}`, () =>
      this.log.find((line) => words.every((word) => line.includes(word))),
    );
  }

  count(...words: readonly string[]): number {
    return this.log.filter((line) => words.every((word) => line.includes(word))).length;
  }

  connect(): Promise<HelperClient> {
    return HelperClient.connect(this.socketPath);
  }

  /** A client with a session. */
  async session(): Promise<HelperClient> {
    const client = await this.connect();
    await client.authenticate(this.secret);
    return client;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let text = "";
    for await (const chunk of this.child.stderr) {
      text += decoder.decode(chunk, { stream: true });
      const lines = text.split("\n");
      text = lines.pop() ?? "";
      this.log.push(...lines);
    }
    if (text !== "") this.log.push(text);
  }

  async end(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.child.kill(signal);
    return await this.child.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.end();
    await this.#directory?.[Symbol.asyncDispose]();
  }
}
