/** Making the directories that WireBound keeps its own files in. */
import { mkdirSync, statSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Makes a directory for this user alone (mode 0700) and what is missing above it, `most` directories at the most: 2 for
 * `~/.cache/wirebound`, 3 for `~/.local/state/wirebound`, so that a home that isn't there is never made. Does nothing
 * where it exists; throws the system's error where it can't be made, or where something else is in its place.
 */
export function makePrivateDirectory(path: string, most: number): void {
  try {
    mkdirSync(path, { mode: 0o700 });
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (code === "EEXIST") {
      if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === false)
        throw new Error("a file is in its place", { cause: error });
      return;
    }
    if (code !== "ENOENT" || most <= 1) throw error;
    makePrivateDirectory(dirname(path), most - 1);
    mkdirSync(path, { recursive: true, mode: 0o700 }); // another process may have made it meanwhile
  }
}
