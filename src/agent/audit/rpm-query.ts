/**
 * Which RPM package a file belongs to: by asking `rpm` itself, one question at a time, each a child process that may take five
 * seconds and say four kilobytes. Its database has had three formats; the program knows its own.
 */
import { accessSync, constants } from "node:fs";
import { parseRpmAnswer, RPM_FORMAT } from "../../decode/rpm.ts";
import type { FileOwner } from "./dpkg-index.ts";

const PROGRAMS = ["/usr/bin/rpm", "/bin/rpm"];
const ANSWER_MS_MAX = 5000;
const ANSWER_BYTES_MAX = 4096;

export class RpmQuery {
  readonly #program: string;
  #last: Promise<unknown> = Promise.resolve();

  constructor(program: string) {
    this.#program = program;
  }

  /** Undefined where there is no rpm on this machine. */
  static find(): RpmQuery | undefined {
    const program = PROGRAMS.find(isExecutable);
    return program === undefined ? undefined : new RpmQuery(program);
  }

  /** Undefined where no package has this file, or rpm doesn't say. */
  owner(path: string): Promise<FileOwner | undefined> {
    const answer = this.#last.then(() => this.#ask(path));
    this.#last = answer;
    return answer;
  }

  async #ask(path: string): Promise<FileOwner | undefined> {
    try {
      await using child = Bun.spawn([this.#program, "-qf", "--queryformat", RPM_FORMAT, "--", path], {
        stdin: "ignore",
        stdout: "pipe",
        stderr: "ignore",
        timeout: ANSWER_MS_MAX,
        killSignal: "SIGKILL",
        env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LC_ALL: "C" },
        cwd: "/",
      });
      const text = await beginningOf(child.stdout);
      return (await child.exited) === 0 ? parseRpmAnswer(text) : undefined;
    } catch {
      return undefined; // it can't be started: then nobody knows
    }
  }
}

/** The rest is read too, so that the child can end, and thrown away. */
async function beginningOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    if (text.length < ANSWER_BYTES_MAX) text += decoder.decode(chunk, { stream: true });
  }
  return text.slice(0, ANSWER_BYTES_MAX);
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false; // absent, or not to be run by this user
  }
}
