/**
 * Opening native libraries: nothing is loaded before its first use, each library is loaded once, and a test can put
 * another file in its place.
 */
import { dlopen, type FFIFunction, type Library } from "bun:ffi";

/** One native library and the table of what is called in it. */
export class LazyLibrary<Symbols extends Record<string, FFIFunction>> {
  readonly #symbols: Symbols;
  #paths: readonly string[];
  #opened: Library<Symbols>["symbols"] | undefined;

  /** `paths` are tried in turn: sonames that the loader resolves, or absolute paths. */
  constructor(paths: readonly string[], symbols: Symbols) {
    this.#paths = paths;
    this.#symbols = symbols;
  }

  /** The functions; opens the library at the first call. Throws LibraryError where no path can be opened. */
  get symbols(): Library<Symbols>["symbols"] {
    this.#opened ??= this.#open();
    return this.#opened;
  }

  /** Whether the library can be opened; opens it. */
  get available(): boolean {
    try {
      return this.symbols !== undefined;
    } catch (error) {
      if (error instanceof LibraryError) return false; // absence is what the caller asked about
      throw error;
    }
  }

  /** Uses other files from now on: for tests, before or after the first use. */
  usePaths(paths: readonly string[]): void {
    this.#paths = paths;
    this.#opened = undefined;
  }

  #open(): Library<Symbols>["symbols"] {
    const causes: unknown[] = [];
    for (const path of this.#paths) {
      try {
        return dlopen(path, this.#symbols).symbols;
      } catch (cause) {
        causes.push(cause); // told below, all together, if no path works
      }
    }
    throw new LibraryError(this.#paths, causes);
  }
}

/** No file of the list could be opened, or a function is missing in it. */
export class LibraryError extends Error {
  readonly paths: readonly string[];

  constructor(paths: readonly string[], causes: readonly unknown[]) {
    const reasons = causes.map((cause) => (cause instanceof Error ? cause.message : String(cause)));
    super(`${paths.join(", ")} can't be opened: ${reasons.join("; ")}`, {
      cause: new AggregateError(causes),
    });
    this.name = "LibraryError";
    this.paths = paths;
  }
}
