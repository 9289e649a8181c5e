/** Names of users by /etc/passwd, read again when the file changes. A user who is not in it has no name here. */
import { readFileSync, statSync } from "node:fs";
import { parsePasswd } from "../../decode/passwd.ts";

export class Users {
  readonly #path: string;
  #names = new Map<number, string>();
  #version = "";

  constructor(path = "/etc/passwd") {
    this.#path = path;
  }

  /** Looks whether the file changed; called once per sample, not once per user. */
  refresh(): void {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs}:${size}:${ino}`;
      if (version === this.#version) return;
      this.#names = parsePasswd(readFileSync(this.#path, "utf8"));
      this.#version = version;
    } catch {
      this.#names = new Map(); // a system without the file has no names to tell
      this.#version = "";
    }
  }

  name(userId: number | undefined): string | undefined {
    return userId === undefined ? undefined : this.#names.get(userId);
  }
}
