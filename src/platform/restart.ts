/** Starting this very program again in its own place: the same process, words and files, with other variables. */
import { readFileSync, writeFileSync } from "node:fs";
import { ptr } from "bun:ffi";
import { cString, libc } from "../../ffi/linux/libc.ts";

/** Texts as execve(2) takes them: an array of pointers, ended by a null pointer. The texts live as long as this does. */
class TextArray {
  readonly #texts: readonly Uint8Array[];
  readonly pointers: BigUint64Array;

  constructor(texts: readonly Uint8Array[]) {
    this.#texts = texts;
    this.pointers = new BigUint64Array(texts.length + 1);
    this.#texts.forEach((text, index) => {
      this.pointers[index] = BigInt(ptr(text));
    });
  }
}

/** The words of this process's command line as the kernel has them, each with its NUL. */
function ownWords(): Uint8Array[] {
  const bytes = new Uint8Array(readFileSync("/proc/self/cmdline"));
  const words: Uint8Array[] = [];
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(0, start);
    if (end < 0) break;
    words.push(bytes.slice(start, end + 1));
    start = end + 1;
  }
  return words;
}

/**
 * Replaces this process with a fresh run of its executable. Does not return where that works; where it doesn't, nothing has
 * happened. What was read from standard input by now is lost, so nothing may have been.
 */
export function restart(environment: Readonly<Record<string, string>>): void {
  const words = new TextArray(ownWords());
  const variables = new TextArray(
    Object.entries(environment).map(([name, value]) => cString(`${name}=${value}`)),
  );
  libc().execve(cString("/proc/self/exe"), words.pointers, variables.pointers);
}

/**
 * What lists of processes call this one, 15 bytes at most: proc_pid_comm(5). After a restart it would be `exe`, by the link
 * that was started.
 */
export function nameProcess(name: string): void {
  writeFileSync("/proc/self/comm", name);
}
