/** `wb monitor` as the watcher of a run of traffic: begun before it, ended by a signal after it, its stream of lines read. */
import { BINARY_PATH } from "../../support/needs.ts";
import { wbEnvironment } from "../../support/run-wb.ts";
import { ToldStream, type Told } from "./rows.ts";

export interface WatcherOptions {
  /** WB_CAPTURE_METHOD; undefined: the best that works here. */
  readonly method?: string;
  /** Whether the elevated helper is started. */
  readonly elevate: boolean;
  /** A helper that is there already: it is used in place of one of its own. */
  readonly helper?: { readonly socketPath: string; readonly secretPath: string };
  /** Further variables, such as limits of the kernel maps. */
  readonly env?: Readonly<Record<string, string>>;
  readonly binary?: string;
}

export class Watcher implements AsyncDisposable {
  readonly #process: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #stream = new ToldStream();
  readonly #watching = Promise.withResolvers<void>();
  readonly #reading: Promise<void>;
  readonly #words: Promise<string>;

  constructor(options: WatcherOptions) {
    const { method, elevate, helper, env = {}, binary = BINARY_PATH } = options;
    const forced: Record<string, string> = method === undefined ? {} : { WB_CAPTURE_METHOD: method };
    const places: Record<string, string> =
      helper === undefined
        ? {}
        : { WB_HELPER_SOCKET: helper.socketPath, WB_HELPER_SECRET_FILE: helper.secretPath };
    const flags = elevate ? ["--elevate"] : helper === undefined ? ["--no-helper"] : [];
    const output = ["--jsonl", "--interval", "500ms", "--no-history", "--no-dns"];
    this.#process = Bun.spawn([binary, "monitor", ...flags, ...output], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
      env: wbEnvironment({ env: { ...env, ...places, ...forced } }),
    });
    this.#words = new Response(this.#process.stderr).text();
    this.#reading = this.#read();
  }

  get pid(): number {
    return this.#process.pid;
  }

  /** Resolves after the first sample: from then on everything is seen. */
  async watching(): Promise<void> {
    await Promise.race([this.#watching.promise, this.#reading]);
    if (this.#stream.samples === 0) throw new Error(`wb monitor told nothing: ${await this.#words}`);
  }

  /** Ends it in order; everything that it told. */
  async stop(): Promise<Told> {
    this.#process.kill("SIGINT");
    const code = await this.#process.exited;
    await this.#reading;
    const words = await this.#words;
    if (code !== 0 || !this.#stream.ended) throw new Error(`wb monitor ended with ${code}: ${words}`);
    return this.#stream.told();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#process.exited;
    await this.#reading;
  }

  async #read(): Promise<void> {
    const decoder = new TextDecoder();
    let rest = "";
    for await (const bytes of this.#process.stdout) {
      const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) this.#stream.add(line);
      if (this.#stream.samples > 0) this.#watching.resolve();
    }
  }
}
