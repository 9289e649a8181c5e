/**
 * What an agent keeps beside its outbox, in one directory that is its alone (mode 0700, one agent at a time, by a lock): its key
 * (identity.pem), the parent that it joined (parent.json), and small values and counters (state.db). Each file is written whole or not
 * at all; one that is damaged is set aside and begun anew, and what that costs is told.
 */
import { randomBytes } from "node:crypto";
import { existsSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { makePrivateDirectory } from "../lib/directories.ts";
import { readPrivateFile, writePrivateFile } from "../store/private-file.ts";
import { WbError } from "../model/errors.ts";
import type { ExclusiveLock } from "../model/history.ts";
import { createFileLock } from "../platform/lock.ts";
import { Identity, idOf } from "../protocol/fleet/identity.ts";
import { openAgentState, type AgentStateStore } from "../store/agent-state.ts";
import type { AgentLog, AgentState, JoinedParent } from "./contract.ts";

/** Counters are reserved on disk so many at a time; fewer than the parent's window of 1024, so that a kill leaves no hole that matters. */
const COUNTER_BLOCK = 1000;
/** A million requests a second, for a century. */
const FLOOR_MAX = 2 ** 52;
const CURSOR = "command_cursor";
const IDENTITY_FILE = "identity.pem";
const PARENT_FILE = "parent.json";

const key = z.string().regex(/^[\w-]{43}$/);
const ParentFile = z.object({
  agentId: z.string(),
  addresses: z.array(z.string().min(1).max(300)).min(1).max(8),
  pin: key,
  parentId: z.string().regex(/^[0-9a-f]{32}$/),
  parentKey: key,
  parentName: z.string().max(255),
  state: z.enum(["pending", "active"]),
  code: z.string().max(32).nullable(),
});

export const FILES = {
  lock: "agent.lock",
  state: "state.db",
  registry: "processes.db",
  log: "agent.log",
  socket: "agent.sock",
} as const;

/** Moves a file that can't be used out of the way, under a name that says so. Returns the new path. */
export function setFileAside(path: string): string {
  const target = `${path}.corrupt-${Date.now()}-${randomBytes(3).toString("hex")}`;
  renameSync(path, target);
  return target;
}

function loadIdentity(directory: string, log: AgentLog): Identity {
  const path = join(directory, IDENTITY_FILE);
  const stored = readPrivateFile(path);
  if (stored !== undefined) {
    try {
      return Identity.fromPem(stored);
    } catch {
      log.error(
        `the agent's key was damaged and is set aside as ${setFileAside(path)}: it must join its parent anew`,
      );
    }
  }
  const made = Identity.generate();
  writePrivateFile(path, made.toPem());
  return made;
}

/** The parent in a file's text; undefined where it is damaged. */
function parseParent(text: string): (JoinedParent & { agentId: string }) | undefined {
  try {
    const parent = ParentFile.parse(JSON.parse(text));
    return idOf(parent.parentKey) === parent.parentId ? parent : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The parent that is written down in this directory, read without a lock.
 * @throws WbError("permission") or WbError("storage") where it may not or can't be read.
 */
export function readParent(directory: string): { agentId: string; parent: JoinedParent } | undefined {
  const text = readPrivateFile(join(directory, PARENT_FILE));
  const found = text === undefined ? undefined : parseParent(text);
  if (found === undefined) return undefined;
  const { agentId, ...parent } = found;
  return { agentId, parent };
}

function loadParent(directory: string, agentId: string, log: AgentLog): JoinedParent | undefined {
  const path = join(directory, PARENT_FILE);
  const text = readPrivateFile(path);
  if (text === undefined) return undefined;
  const found = parseParent(text);
  if (found === undefined) {
    log.error(
      `what this agent knew of its parent was damaged and is set aside as ${setFileAside(path)}: join it anew`,
    );
    return undefined;
  }
  if (found.agentId !== agentId) {
    log.error("the agent's key is another one than the one that joined: join the parent anew");
    return undefined;
  }
  const { agentId: _, ...parent } = found;
  return parent;
}

class State implements AgentState {
  readonly directory: string;
  readonly identity: Identity;
  readonly #store: AgentStateStore;
  readonly #log: AgentLog;
  readonly #release: () => void;
  #parent: JoinedParent | undefined;
  #counter = 0;
  #reserved = 0;
  #commandCursor: number;
  #storageFails = false;
  /** What could not be written, and is still to be: read from here first. */
  readonly #unwritten = new Map<string, string>();

  constructor(directory: string, store: AgentStateStore, log: AgentLog, release: () => void) {
    this.directory = directory;
    this.#store = store;
    this.#log = log;
    this.#release = release;
    this.identity = loadIdentity(directory, log);
    this.#parent = loadParent(directory, this.identity.id, log);
    const cursor = Number(store.get(CURSOR) ?? "0");
    this.#commandCursor = Number.isSafeInteger(cursor) && cursor >= 0 ? cursor : 0;
  }

  get parent(): JoinedParent | undefined {
    return this.#parent;
  }

  /** @throws WbError("storage") where it can't be written: an agent that forgets whom it joined has joined nobody. */
  setParent(parent: JoinedParent | undefined): void {
    const path = join(this.directory, PARENT_FILE);
    if (parent !== undefined) {
      writePrivateFile(path, `${JSON.stringify({ agentId: this.identity.id, ...parent }, null, 2)}\n`);
    } else {
      rmSync(path, { force: true });
    }
    if (parent?.parentId !== this.#parent?.parentId) this.setCommandCursor(0);
    this.#parent = parent;
  }

  /**
   * Never throws: where the disk is full, it counts on in memory. Then a kill may bring a counter twice, which the parent
   * refuses, telling where to go on.
   */
  nextCounter(): number {
    if (this.#counter >= this.#reserved) this.#reserve();
    this.#counter += 1;
    return this.#counter;
  }

  /** A floor that would use all numbers up is no parent's: it is passed over, for the agent could never prove itself again. */
  raiseCounter(floor: number): void {
    if (floor <= this.#counter || floor > FLOOR_MAX) return;
    this.#counter = floor;
  }

  #reserve(): void {
    try {
      this.#counter = this.#store.reserveCounters(COUNTER_BLOCK, this.#counter);
      this.#reserved = this.#counter + COUNTER_BLOCK;
      this.#storageFails = false;
    } catch (error) {
      this.#tellStorage(error);
    }
  }

  get commandCursor(): number {
    return this.#commandCursor;
  }

  setCommandCursor(cursor: number): void {
    this.#commandCursor = cursor;
    this.set(CURSOR, String(cursor));
  }

  get(name: string): string | undefined {
    return this.#unwritten.get(name) ?? this.#store.get(name);
  }

  /** Never throws: what can't be written now is kept in memory, and written with the next that can. */
  set(name: string, value: string): void {
    this.#unwritten.set(name, value);
    try {
      for (const [each, text] of this.#unwritten) {
        this.#store.set(each, text);
        this.#unwritten.delete(each);
      }
      this.#storageFails = false;
    } catch (error) {
      this.#tellStorage(error);
    }
  }

  #tellStorage(error: unknown): void {
    if (!this.#storageFails) this.#log.warn(error instanceof Error ? error.message : String(error));
    this.#storageFails = true;
  }

  close(): void {
    this.#store.close();
    this.#release();
  }
}

const LOCK_ATTEMPTS = 10;
const LOCK_PAUSE_MS = 20;

/** Who looks whether an agent runs (isInUse) holds the lock for a moment, and is not to keep one from beginning. */
export function acquirePatiently(lock: Pick<ExclusiveLock, "tryAcquire">): boolean {
  for (let attempt = 1; !lock.tryAcquire(); attempt += 1) {
    if (attempt === LOCK_ATTEMPTS) return false;
    Bun.sleepSync(LOCK_PAUSE_MS);
  }
  return true;
}

/**
 * Opens the state in this directory, which is made where it is missing.
 * @throws WbError("unavailable") where another agent has it; WbError("storage") or WbError("permission") where it can't be used.
 */
export function openState(directory: string, log: AgentLog): AgentState {
  const lock = createFileLock(join(directory, FILES.lock));
  try {
    makePrivateDirectory(directory, 4); // ~/.local/state/wirebound/agent
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new WbError("storage", `cannot make the agent's directory ${directory}: ${reason}`, {
      cause,
      hint: "name one that you may write to with --state-dir",
    });
  }
  if (!acquirePatiently(lock)) {
    throw new WbError("unavailable", `another agent uses ${directory}`, {
      hint: "`wb agent status` tells of it; stop it first, or give this one another --state-dir",
    });
  }
  try {
    const { store, setAsidePath } = openAgentState(join(directory, FILES.state));
    if (setAsidePath !== undefined)
      log.warn(`the agent's state was damaged; it is set aside as ${setAsidePath}`);
    try {
      return new State(directory, store, log, () => lock.release());
    } catch (error) {
      store.close();
      throw error;
    }
  } catch (error) {
    lock.release();
    throw error;
  }
}

/** Whether an agent runs on this directory now. */
export function isInUse(directory: string): boolean {
  if (!existsSync(join(directory, FILES.lock))) return false;
  const lock = createFileLock(join(directory, FILES.lock));
  const isFree = lock.tryAcquire();
  lock.release();
  return !isFree;
}
