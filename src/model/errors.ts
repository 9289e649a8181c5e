/** The one error type that reaches a person: a closed set of codes, a message, and a hint that says what to do. */

/** Every way in which WireBound refuses or fails. A new code needs a line in `EXIT_CODES`. */
export type ErrorCode =
  | "usage" // a wrong flag, argument or filter
  | "config" // a configuration file or variable that can't be used
  | "unsupported" // this build or this system has no code for it
  | "permission" // a privilege is missing
  | "unavailable" // a kernel interface, library or file that isn't there
  | "protocol" // bytes that don't mean what their format promises
  | "storage" // a database or file that can't be read or written
  | "terminal" // no terminal, or one that is too small
  | "internal"; // a defect of ours

/** The process exit code that each error ends with: 1 failed, 2 usage, 4 a privilege is missing. */
export const EXIT_CODES: Readonly<Record<ErrorCode, number>> = {
  usage: 2,
  config: 2,
  unsupported: 1,
  permission: 4,
  unavailable: 1,
  protocol: 1,
  storage: 1,
  terminal: 1,
  internal: 1,
};

/** Thrown for everything that a person can do something about. Absence is a value instead, and loss is counted. */
export class WbError extends Error {
  readonly code: ErrorCode;
  /** What to do about it, one sentence; always set where there is something to do. */
  readonly hint: string | undefined;

  constructor(code: ErrorCode, message: string, options: { hint?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = "WbError";
    this.code = code;
    this.hint = options.hint;
  }

  get exitCode(): number {
    return EXIT_CODES[this.code];
  }
}

/** Both in one line, where there is no room for two. */
export function withHint({
  message,
  hint,
}: Pick<WbError, "message"> & { readonly hint?: string | undefined }): string {
  return hint === undefined ? message : `${message} (${hint})`;
}
