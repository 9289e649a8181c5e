/**
 * Where WireBound keeps things: state, configuration, cache and sockets, by the XDG Base Directory Specification 0.8 and,
 * for services, by systemd's STATE_DIRECTORY and its like. Only names: nothing is made or looked at, nothing throws. A
 * home that is missing or read-only shows when somebody tries to write there.
 */
import { homedir } from "node:os";
import { isAbsolute, join } from "node:path";

type Environment = Readonly<Record<string, string | undefined>>;

const NAME = "wirebound";

/** What Debian gives as home to accounts that have none: a directory that can't be made without being noticed. */
const NO_HOME = "/nonexistent";

function home(env: Environment): string {
  const fromEnvironment = env["HOME"];
  if (fromEnvironment !== undefined && isAbsolute(fromEnvironment)) return fromEnvironment;
  try {
    const found = homedir(); // it may be $HOME once more
    return isAbsolute(found) ? found : NO_HOME;
  } catch {
    return NO_HOME; // no entry in the user database: there is no home, and the path says so
  }
}

/** An absolute path of the environment; the specification says that a relative one is to be ignored. */
function absolute(path: string | undefined): string | undefined {
  return path !== undefined && isAbsolute(path) ? path : undefined;
}

/** systemd gives several directories separated by colons; the first is the unit's own (systemd.exec(5)). */
function ofService(value: string | undefined): string | undefined {
  return absolute(value?.split(":")[0]);
}

/** Where the history lives: systemd's STATE_DIRECTORY, else $XDG_STATE_HOME/wirebound, else ~/.local/state/wirebound. */
export function stateDirectory(env: Environment = process.env): string {
  const base = absolute(env["XDG_STATE_HOME"]) ?? join(home(env), ".local", "state");
  return ofService(env["STATE_DIRECTORY"]) ?? join(base, NAME);
}

/** What may be lost at any time, such as known names: CACHE_DIRECTORY, $XDG_CACHE_HOME/wirebound, ~/.cache/wirebound. */
export function cacheDirectory(env: Environment = process.env): string {
  const base = absolute(env["XDG_CACHE_HOME"]) ?? join(home(env), ".cache");
  return ofService(env["CACHE_DIRECTORY"]) ?? join(base, NAME);
}

/** Where sockets go; undefined where this user has no such directory. */
export function runtimeDirectory(env: Environment = process.env): string | undefined {
  const service = ofService(env["RUNTIME_DIRECTORY"]);
  if (service !== undefined) return service;
  const base = absolute(env["XDG_RUNTIME_DIR"]);
  if (base !== undefined) return join(base, NAME);
  return process.getuid?.() === 0 ? join("/run", NAME) : undefined;
}

/** The configuration files, the one that wins first: the user's, then the machine's. */
export function configFiles(env: Environment = process.env): string[] {
  const base = absolute(env["XDG_CONFIG_HOME"]) ?? join(home(env), ".config");
  return [join(base, NAME, "config.toml"), join("/etc", NAME, "config.toml")];
}

/** The history's database. */
export function historyPath(env: Environment = process.env): string {
  return join(stateDirectory(env), "history.db");
}
