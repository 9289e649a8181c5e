/**
 * The file that a name leads to, as /proc/PID/exe would tell it: `/usr/bin/python3` is `/usr/bin/python3.11`. So a process
 * that is gone already has the same name as one that lives. Looked up once per name; what can't be followed stays as it is.
 */
import { realpathSync } from "node:fs";

const NAMES_MAX = 1000;

export class ExecutablePaths {
  readonly #paths = new Map<string, string>();

  /** `name` is absolute. */
  resolve(name: string): string {
    let path = this.#paths.get(name);
    if (path === undefined) {
      path = follow(name);
      if (this.#paths.size >= NAMES_MAX) this.#paths.clear();
      this.#paths.set(name, path);
    }
    return path;
  }
}

function follow(name: string): string {
  try {
    return realpathSync(name);
  } catch {
    return name; // gone, not to be seen, or of another mount namespace: then this is the best that is known
  }
}
