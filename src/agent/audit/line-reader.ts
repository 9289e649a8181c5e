/** Files of lines, read through one buffer that is used again: a megabyte of text leaves no garbage. */
import { closeSync, openSync, readSync } from "node:fs";

const BUFFER_BYTES = 64 * 1024;
const NEW_LINE = 10;

export class LineReader {
  readonly #buffer = Buffer.alloc(BUFFER_BYTES);

  /**
   * Visits the lines, without their ends; the bytes are valid during the visit. A line that is longer than the buffer is left
   * out. A file that can't be read has no lines.
   */
  read(path: string, visit: (bytes: Buffer, start: number, end: number) => void): void {
    let descriptor: number;
    try {
      descriptor = openSync(path, "r");
    } catch {
      return; // removed meanwhile, or not for us
    }
    try {
      this.#readLines(descriptor, visit);
    } catch {
      return; // a disk that fails in the middle: what there was has been told
    } finally {
      closeSync(descriptor);
    }
  }

  #readLines(descriptor: number, visit: (bytes: Buffer, start: number, end: number) => void): void {
    const buffer = this.#buffer;
    let kept = 0;
    let isTooLong = false;
    for (;;) {
      const length = readSync(descriptor, buffer, kept, buffer.length - kept, null);
      const end = kept + length;
      let start = 0;
      for (
        let at = buffer.indexOf(NEW_LINE, kept);
        at >= 0 && at < end;
        at = buffer.indexOf(NEW_LINE, start)
      ) {
        if (!isTooLong) visit(buffer, start, at);
        isTooLong = false;
        start = at + 1;
      }
      if (length === 0) {
        if (kept > 0 && !isTooLong) visit(buffer, 0, kept);
        return;
      }
      kept = end - start;
      buffer.copyWithin(0, start, end);
      if (kept < buffer.length) continue;
      isTooLong = true;
      kept = 0;
    }
  }
}
