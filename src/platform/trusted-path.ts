/** Whether nobody but root and this user can put something else in the place of a path. */
import { lstatSync, realpathSync } from "node:fs";
import { dirname } from "node:path";

const WRITABLE_BY_OTHERS = 0o022;
const STICKY = 0o1000;

/**
 * The directory as it is without links, and why it can't be trusted, if so: it and all above it must be root's or this
 * user's, and writable by nobody else, but for sticky ones as /tmp, in which nobody can touch another's entries.
 */
export interface DirectoryTrust {
  readonly path: string;
  /** What is wrong, naming the directory; undefined where all is well. */
  readonly problem: string | undefined;
}

/** Throws the system's error where there is no such directory. */
export function directoryTrust(directory: string, userId = process.geteuid?.() ?? 0): DirectoryTrust {
  const path = realpathSync(directory);
  for (let place = path; ; place = dirname(place)) {
    const { mode, uid } = lstatSync(place);
    if (uid !== 0 && uid !== userId) {
      return { path, problem: `${place} belongs to another user (${uid})` };
    }
    const isSharedSafely = (mode & STICKY) !== 0 && place !== path;
    if ((mode & WRITABLE_BY_OTHERS) !== 0 && !isSharedSafely) {
      return { path, problem: `${place} can be written by others` };
    }
    if (place === dirname(place)) return { path, problem: undefined };
  }
}
