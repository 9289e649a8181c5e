/**
 * Where the helper listens and keeps its secret in the file system. Every place is one in which nobody but root can put
 * anything, what is found there is never followed and never taken over from somebody else, and all of it is removed at the
 * end.
 */
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  unlinkSync,
  type Stats,
} from "node:fs";
import { dirname, isAbsolute, join } from "node:path";
import type { ProcessRows } from "../capture/linux/process-rows.ts";
import { WbError } from "../model/errors.ts";
import { writeSecretFile } from "../platform/secret-file.ts";
import { directoryTrust } from "../platform/trusted-path.ts";

export const RUN_DIRECTORY = "/run/wirebound";
const SOCKET_NAME = "helper.sock";
/** `launched-<pid>-<start>-<random>`: of a helper that a monitor started, and by which process, to tell a dead one. */
const LAUNCHED_NAME = /^launched-(\d{1,10})-(\d{1,20})-[0-9a-f]{16}$/;
const ATTEMPTS_MAX = 5;

export interface HelperPlace {
  readonly socketPath: string;
  /** Undefined where the secret is in nobody's file. */
  readonly secretPath: string | undefined;
  /** Gives the socket, which listens by now, to those who may connect, and tells them the secret. */
  open(secret: Uint8Array): void;
  /** Removes what was made, but for the socket. Never throws. */
  remove(): void;
}

/** Throws WbError("unavailable") where others could put something there. */
function checkTrust(directory: string): void {
  let problem: string | undefined;
  try {
    if (lstatSync(directory).isSymbolicLink()) problem = `${directory} is a symbolic link`;
    else problem = directoryTrust(directory).problem;
  } catch (cause) {
    throw new WbError("unavailable", `the directory ${directory} can't be used: ${String(cause)}`, {
      cause,
      hint: `make it as root: install -d -m 0755 ${directory}`,
    });
  }
  if (problem === undefined) return;
  throw new WbError("unavailable", `the helper refuses ${directory}: ${problem}`, {
    hint: "give a directory that only root can write to, such as /run/wirebound, and remove what is not root's",
  });
}

function codeOf(error: unknown): unknown {
  return (error as { code?: unknown } | null)?.code;
}

/** What a person is told where the file system lets nothing be made. */
function notMade(path: string, cause: unknown): WbError {
  const code = codeOf(cause);
  const isFull = code === "ENOSPC" || code === "EDQUOT";
  const reason = isFull
    ? "its file system is full"
    : code === "EROFS"
      ? "its file system is read-only"
      : code;
  const remedy = isFull ? "free some space in" : "let root write to";
  return new WbError("unavailable", `the helper can't make ${path}: ${String(reason)}`, {
    cause,
    hint: `${remedy} ${dirname(path)}; by hand it can be elsewhere: --socket and --secret-file`,
  });
}

/** Makes the common directory, for root alone to write to, unless it is there. */
function makeRunDirectory(directory: string): void {
  try {
    mkdirSync(directory, { mode: 0o755 });
    chmodSync(directory, 0o755); // whatever the umask is
  } catch (error) {
    if (codeOf(error) !== "EEXIST") throw notMade(directory, error);
  }
  checkTrust(directory);
}

/** A fresh directory that everybody may pass through and only root may write to, in the common one. */
function makeLaunchedDirectory(run: string, name: string): string {
  const directory = join(run, name);
  for (let attempt = 1; ; attempt += 1) {
    makeRunDirectory(run);
    try {
      mkdirSync(directory, { mode: 0o711 });
      chmodSync(directory, 0o711);
      return directory;
    } catch (error) {
      // Another helper's end may have removed the common directory in between.
      if (attempt >= ATTEMPTS_MAX || codeOf(error) !== "ENOENT") throw notMade(directory, error);
    }
  }
}

/** Removes an empty directory; one that is in use stays. */
function removeIfEmpty(directory: string): void {
  try {
    rmdirSync(directory);
  } catch {
    // Another helper's place is in it, or it is a service manager's: either will remove it.
  }
}

/**
 * What helpers left behind that were killed: nothing else removes it. Who lives is known by pid and start.
 * Never throws.
 */
export function removeLeftBehind(processes: ProcessRows, run = RUN_DIRECTORY): string[] {
  const removed: string[] = [];
  let names: string[] = [];
  try {
    if (directoryTrust(run).problem === undefined) names = readdirSync(run);
  } catch {
    // There is no such directory, so nothing is left behind in it.
  }
  for (const name of names) {
    const [, pid, start] = LAUNCHED_NAME.exec(name) ?? [];
    if (pid === undefined || processes.origin(Number(pid))?.startTicks === Number(start)) continue;
    rmSync(join(run, name), { recursive: true, force: true });
    removed.push(name);
  }
  return removed;
}

/**
 * A place of its own for a helper that the user `userId` has launched. Throws WbError("unavailable") where the common
 * directory is not root's alone.
 */
export function launchedPlace(userId: number, processes: ProcessRows, run = RUN_DIRECTORY): HelperPlace {
  const start = processes.origin(process.pid)?.startTicks ?? 0;
  const name = `launched-${process.pid}-${start}-${randomBytes(8).toString("hex")}`;
  const directory = makeLaunchedDirectory(run, name);
  const socketPath = join(directory, SOCKET_NAME);
  return {
    socketPath,
    secretPath: undefined,
    open: () => chownSync(socketPath, userId, -1),
    remove: () => {
      removeIfEmpty(directory);
      removeIfEmpty(run);
    },
  };
}

export interface ServicePlaceOptions {
  readonly socketPath: string;
  readonly secretPath: string;
  /** The group whose members may use it; undefined: root only. */
  readonly groupId: number | undefined;
}

/**
 * The place of a service, or of a helper started by hand. Nothing is made before it listens: the secret of another helper
 * that is at work there stays what it is.
 * @throws WbError("usage") for a path that is not absolute; WbError("unavailable") where a directory is not root's alone or
 * can't be made, or what is at a path is not what a helper of root's would have left there.
 */
export function servicePlace(options: ServicePlaceOptions): HelperPlace {
  const { socketPath, secretPath, groupId } = options;
  for (const path of [socketPath, secretPath]) {
    if (!isAbsolute(path)) {
      throw new WbError("usage", `"${path}" is not an absolute path`, { hint: "begin it with a /" });
    }
    if (dirname(path) === RUN_DIRECTORY) makeRunDirectory(RUN_DIRECTORY);
    checkTrust(dirname(path));
  }
  checkLeftover(socketPath, "socket", (stats) => stats.isSocket());
  checkLeftover(secretPath, "regular file", (stats) => stats.isFile());
  let made: Stats | undefined;
  return {
    socketPath,
    secretPath,
    open: (secret) => {
      try {
        writeSecretFile(secretPath, secret, groupId);
      } catch (error) {
        throw notMade(secretPath, error);
      }
      made = lstatSync(secretPath);
      if (groupId === undefined) return; // the socket's mode is 0600 already
      chownSync(socketPath, -1, groupId);
      chmodSync(socketPath, 0o660);
    },
    remove: () => {
      if (made !== undefined) removeSame(secretPath, made);
      removeIfEmpty(RUN_DIRECTORY);
    },
  };
}

/** Something may be there from a helper before; anything else is somebody's attempt, or mistake. */
function checkLeftover(path: string, what: string, isIt: (stats: Stats) => boolean): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined || (isIt(stats) && stats.uid === (process.geteuid?.() ?? 0))) return;
  const found = stats.isSymbolicLink()
    ? "a symbolic link"
    : isIt(stats)
      ? `a ${what} of another user (${stats.uid})`
      : `not a ${what}`;
  throw new WbError("unavailable", `the helper refuses ${path}: it is ${found}`, {
    hint: `look who put it there, remove it (rm ${path}), and start the helper again`,
  });
}

/** Removes a file unless another has taken its place. */
function removeSame(path: string, made: Stats): void {
  try {
    const { dev, ino } = lstatSync(path);
    if (dev === made.dev && ino === made.ino) unlinkSync(path);
  } catch {
    // It is gone already.
  }
}
