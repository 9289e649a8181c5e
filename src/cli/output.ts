/**
 * Standard output that loses nothing: every byte is handed to the kernel before `write` resolves, a slow reader slows
 * the writer down, and a reader that went away is an orderly end (`ClosedOutputError`, exit code 0), not a failure.
 *
 * It writes by fs.write (a thread waits, not the program). `process.stdout` costs 6 ms to open, so it is used only
 * where standard output is a non-blocking pipe, which fs.write can't wait for. Bun.write is not used because it leaves
 * holes in files that are opened for appending (seen with Bun 1.4.4).
 */
import { write as writeDescriptor, writeSync } from "node:fs";
import { printable } from "../lib/format.ts";
import { WbError } from "../model/errors.ts";

/** The reader of standard output went away (EPIPE): the program ends silently, with exit code 0. */
export class ClosedOutputError extends Error {
  constructor() {
    super("the reader of standard output went away");
    this.name = "ClosedOutputError";
  }
}

export interface Output {
  /** Resolves when all of it is written. Rejects with ClosedOutputError, or with WbError("storage") where it can't be. */
  write(text: string): Promise<void>;
}

const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/** Collects small texts and hands them on in large ones: fewer system calls, bounded memory. */
export class BufferedOutput implements Output {
  readonly #target: Output;
  readonly #sizeLimit: number;
  #pending = "";

  constructor(target: Output, sizeLimit = 256 * 1024) {
    this.#target = target;
    this.#sizeLimit = sizeLimit;
  }

  async write(text: string): Promise<void> {
    this.#pending += text;
    if (this.#pending.length >= this.#sizeLimit) await this.flush();
  }

  async flush(): Promise<void> {
    const text = this.#pending;
    this.#pending = "";
    if (text !== "") await this.#target.write(text);
  }
}

function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error ? String(error.code) : undefined;
}

function asOutputError(error: unknown): Error {
  const code = errorCode(error);
  if (code === "EPIPE" || code === "ERR_STREAM_DESTROYED") return new ClosedOutputError();
  const reason = code === "ENOSPC" ? "no space left on the device" : String(code ?? error);
  return new WbError("storage", `cannot write to standard output: ${reason}`, {
    cause: error,
    hint:
      code === "ENOSPC"
        ? "free some space, or write somewhere else"
        : "look at where the output is redirected to",
  });
}

/** Set once standard output has turned out to be non-blocking. */
let throughStream = false;

function writeToStream(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(asOutputError(error)) : resolve()));
  });
}

/** Writes a part and gives its length; undefined where it can't be waited for (EAGAIN). */
function writePart(bytes: Uint8Array): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    writeDescriptor(STANDARD_OUTPUT, bytes, 0, bytes.length, null, (error, written) => {
      if (error === null) resolve(written);
      else if (errorCode(error) === "EAGAIN") resolve(undefined);
      else reject(asOutputError(error));
    });
  });
}

async function writeBytes(bytes: Uint8Array): Promise<void> {
  let rest = bytes;
  while (rest.length > 0) {
    if (throughStream) return await writeToStream(rest);
    const written = await writePart(rest);
    if (written === undefined) {
      throughStream = true;
      process.stdout.on("error", () => {
        // The same error reaches the callback of the write; without this listener it would end the process.
      });
    } else rest = rest.subarray(written);
  }
}

/** This process's standard output. */
export const standardOutput: Output = {
  write: (text) => writeBytes(Buffer.from(text, "utf8")),
};

/**
 * Lines on standard error as they are: the caller made them safe for a terminal. Not console.error, which colours what
 * it writes to a terminal.
 */
export function sayLines(lines: readonly string[]): void {
  if (lines.length === 0) return;
  try {
    writeSync(STANDARD_ERROR, `${lines.join("\n")}\n`);
  } catch {
    // Nobody reads standard error (closed, or full): there is nowhere left to say so.
  }
}

/** Words for a person, on standard error; control characters can't steer the terminal. */
export function say(text: string): void {
  sayLines(text.split("\n").map(printable));
}

/** `wb: warning: …` on standard error. */
export function warn(text: string): void {
  say(`wb: warning: ${text}`);
}
