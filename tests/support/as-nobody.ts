/**
 * Running a program as the user nobody, from a directory that nobody may read: the checkout may be in a home directory
 * that it may not.
 */
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { tmpdir, type TemporaryDirectory } from "./tmpdir.ts";

export const NOBODY_ID = 65_534;

export interface NobodysPlace extends AsyncDisposable {
  readonly path: string;
  /** The command that runs `program` (a path in there) with these arguments as nobody. */
  command(program: string, ...args: string[]): string[];
  /** Copies an executable into it; returns the copy's path. */
  install(path: string, name: string): Promise<string>;
}

export async function nobodysPlace(): Promise<NobodysPlace> {
  const directory: TemporaryDirectory = await tmpdir();
  await chmod(directory.path, 0o777);
  return {
    path: directory.path,
    command: (program, ...args) => [
      "setpriv",
      `--reuid=${NOBODY_ID}`,
      `--regid=${NOBODY_ID}`,
      "--clear-groups",
      "--no-new-privs",
      "--inh-caps=-all",
      "env",
      `HOME=${directory.path}`,
      program,
      ...args,
    ],
    install: async (path, name) => {
      const copy = join(directory.path, name);
      await copyFile(path, copy);
      await chmod(copy, 0o755);
      return copy;
    },
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}
