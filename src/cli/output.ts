/**
 * Standard output that loses nothing: every byte is handed to the kernel before `write` resolves, a slow reader slows
 * the writer down, and a reader that went away is an orderly end (`ClosedOutputError`, exit code 0), not a failure.
 *
 * It writes by fs.write (a thread waits, not the program). `process.stdout` costs 6 ms to open, so it is used only
 * where standard output is a non-blocking pipe, which fs.write can't wait for. Bun.write is not used because it leaves
 * holes in files that are opened for appending (seen with Bun 1.4.4).
 */
import { write as writeDescriptor } from "node:fs";
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

let throughStream = false;

function writeToStream(bytes: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(bytes, (error) => (error ? reject(asOutputError(error)) : resolve()));
  });
}

function writeBytes(bytes: Uint8Array): Promise<void> {
  if (throughStream) return writeToStream(bytes);
  return new Promise((resolve, reject) => {
    let offset = 0;
    const step = (): void => {
      writeDescriptor(STANDARD_OUTPUT, bytes, offset, bytes.length - offset, null, (error, written) => {
        if (error) {
          if (errorCode(error) !== "EAGAIN") return reject(asOutputError(error));
          throughStream = true;
          process.stdout.on("error", () => {
            // The same error reaches the callback of the write; without this listener it would end the process.
          });
          return writeToStream(bytes.subarray(offset)).then(resolve, reject);
        }
        offset += written;
        return offset < bytes.length ? step() : resolve();
      });
    };
    step();
  });
}

/** This process's standard output. */
export const standardOutput: Output = {
  write: (text) => (text === "" ? Promise.resolve() : writeBytes(Buffer.from(text, "utf8"))),
};

/** Words for a person, on standard error; control characters can't steer the terminal. */
export function say(text: string): void {
  console.error(text.split("\n").map(printable).join("\n"));
}

/** `wb: warning: …` on standard error. */
export function warn(text: string): void {
  say(`wb: warning: ${text}`);
}
