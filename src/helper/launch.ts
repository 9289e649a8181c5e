/**
 * The launched mode's other end: the monitor that started the helper hands it one line on standard input, gets one line on
 * standard output, and keeps standard input open as long as it lives.
 */
import { WbError } from "../model/errors.ts";
import { parseSecret } from "../platform/secret-file.ts";

const LINE_BYTES_MAX = 4096;
/** It is written at once: whoever takes longer is no monitor. */
const LINE_MS_MAX = 10_000;
const NUMBER_MAX = 2 ** 32 - 2;

/** What the monitor says of itself. */
export interface LaunchOrder {
  readonly secret: Uint8Array;
  readonly clientPid: number;
  readonly userId: number;
}

/** The order of its line. Throws WbError("protocol") for anything else. */
export function parseLaunchOrder(line: string): LaunchOrder {
  let order: unknown;
  try {
    order = JSON.parse(line);
  } catch {
    order = undefined; // told below, without what the line held: it may be a secret
  }
  const { secret: text, clientPid, userId } = (order ?? {}) as Record<string, unknown>;
  const secret = typeof text === "string" ? parseSecret(text) : undefined;
  if (secret === undefined || !isCount(clientPid) || !isCount(userId) || clientPid === 0) {
    throw new WbError("protocol", "what came on standard input is no order of a monitor", {
      hint: "--launched is for `wb monitor --elevate`; by hand leave it out: sudo wb helper --elevated",
    });
  }
  return { secret, clientPid, userId };
}

function isCount(value: unknown): value is number {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= NUMBER_MAX;
}

export interface LineOfLife {
  /** The first line. Rejects with WbError where there is none in time, or it is too long. */
  readonly line: Promise<string>;
  /** Resolves when standard input ends: whoever started the helper is gone, or wants it to go. */
  readonly ended: Promise<void>;
}

function noOrder(why: string): WbError {
  return new WbError("protocol", `no order came on standard input: ${why}`, {
    hint: "--launched is for `wb monitor --elevate`; by hand leave it out: sudo wb helper --elevated",
  });
}

/** Reads a stream to its end; what comes after the first line is forgotten. */
export function lineOfLife(input: AsyncIterable<Uint8Array>): LineOfLife {
  const line = Promise.withResolvers<string>();
  const ended = Promise.withResolvers<void>();
  const timer = setTimeout(() => line.reject(noOrder("waited in vain")), LINE_MS_MAX);
  const read = async (): Promise<void> => {
    let text = "";
    let isFound = false;
    const decoder = new TextDecoder();
    for await (const chunk of input) {
      if (isFound) continue;
      text += decoder.decode(chunk, { stream: true });
      const end = text.indexOf("\n");
      if (end < 0 && text.length <= LINE_BYTES_MAX) continue;
      isFound = true;
      clearTimeout(timer);
      if (end < 0) line.reject(noOrder("its line has no end"));
      else line.resolve(text.slice(0, end));
      text = "";
    }
  };
  const finish = (): void => {
    clearTimeout(timer);
    line.reject(noOrder("it is closed")); // without effect where there was a line
    ended.resolve();
  };
  read().then(finish, finish); // a broken pipe is an end, too
  return { line: line.promise, ended: ended.promise };
}

/** What the monitor is answered. */
export function launchAnswer(socketPath: string): string {
  return `${JSON.stringify({ socket: socketPath, pid: process.pid })}\n`;
}

/** The same for a helper that can't work; `code` is one of model/errors.ts. */
export function launchRefusal(error: unknown): string {
  const { message, hint, code } =
    error instanceof WbError
      ? error
      : {
          message: error instanceof Error ? error.message : String(error),
          hint: undefined,
          code: "internal",
        };
  return `${JSON.stringify({ error: message, hint, code })}\n`;
}
