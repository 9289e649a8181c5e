/**
 * Keeps the journal open whatever the disk does: opens it again after a failure, sets a damaged file aside and begins a new
 * one with what is known, gives up the reserve when the disk is full and takes it again when there is room.
 */
import { WbError, withHint } from "../model/errors.ts";
import { damagedFiles, storageMessage } from "../store/database.ts";
import { isOutboxDamage, setOutboxAside } from "../store/outbox.ts";
import { databasePath, Journal, type JournalOptions } from "./journal.ts";
import type { LedgerImage } from "./ledger.ts";
import { hasNoRoom, isDiskFull, type Reserve } from "./reserve.ts";

const RETRY_MS_MIN = 1000;
const RETRY_MS_MAX = 30_000;

export interface SpoolListener {
  opened(): void;
  /** What was not written yet is not to be relied on any more. */
  abandoned(): void;
  failed(): void;
}

export class Spool {
  readonly #options: JournalOptions;
  readonly #path: string;
  readonly #reserve: Reserve;
  readonly #listener: SpoolListener;
  #journal: Journal | undefined;
  /** What was known when the journal had to be closed: more exact than any file. */
  #remembered: LedgerImage | undefined;
  #wasSetAside = false;
  #setAside: readonly string[] = [];
  #problem: string | null = null;
  #isFull = false;
  #retryMs = RETRY_MS_MIN;

  constructor(options: JournalOptions, reserve: Reserve, listener: SpoolListener) {
    this.#options = options;
    this.#path = databasePath(options.directory);
    this.#reserve = reserve;
    this.#listener = listener;
  }

  /** Undefined while the disk refuses. */
  get journal(): Journal | undefined {
    return this.#journal;
  }

  /** Why storing fails at the moment, for a person. */
  get problem(): string | null {
    return this.#problem;
  }

  /** The disk is full: the reserve is given up, and only what is small may be stored. */
  get isFull(): boolean {
    return this.#isFull;
  }

  /** Damaged files that are kept. */
  get setAside(): readonly string[] {
    return this.#setAside;
  }

  /** How long to wait before the next attempt. */
  get retryMs(): number {
    return this.#retryMs;
  }

  /** The journal, opened where it is closed and can be; undefined while the disk refuses. */
  working(): Journal | undefined {
    try {
      if (this.#journal?.database.isInPlace() === false) this.#abandon();
      this.#journal ??= this.#open();
      if (this.#isFull || !this.#reserve.isHeld) this.#lookForRoom();
      return this.#journal;
    } catch (error) {
      if (isDiskFull(error) || hasNoRoom(this.#path)) this.#isFull = true;
      this.#fail(error);
      return undefined;
    }
  }

  /** Something was stored. */
  worked(): void {
    this.#retryMs = RETRY_MS_MIN;
    if (!this.#isFull) this.#problem = null;
  }

  /** Sees to what made a change fail; whether it is worth trying again at once. */
  failed(error: unknown): boolean {
    if (isOutboxDamage(error)) return this.#replace(error);
    if (isDiskFull(error) || hasNoRoom(this.#path)) {
      this.#isFull = true;
      this.#fail(error);
      return this.#giveUpReserve();
    }
    const isBusy =
      error instanceof Error && "code" in error && /^SQLITE_(?:BUSY|LOCKED)/.test(String(error.code));
    if (!isBusy) this.#abandon();
    this.#fail(error);
    return false;
  }

  close(): void {
    try {
      this.#journal?.close();
    } catch (error) {
      this.#problem = describe(error); // what could not be written is found out at the next start
    }
    this.#journal = undefined;
  }

  #open(): Journal {
    let journal: Journal;
    try {
      journal = Journal.open(this.#options, this.#remembered, this.#wasSetAside);
    } catch (error) {
      if (!this.#reserve.release()) throw error;
      journal = Journal.open(this.#options, this.#remembered, this.#wasSetAside);
    }
    this.#remembered = undefined;
    this.#wasSetAside = false;
    this.#journal = journal;
    this.#setAside = damagedFiles(this.#path);
    this.worked();
    this.#listener.opened();
    return journal;
  }

  /** What the log holds goes to the file, so that the log's own room can be written again; whether there was a reserve. */
  #giveUpReserve(): boolean {
    if (!this.#reserve.release()) return false;
    try {
      this.#journal?.database.recycleLog();
    } catch {
      // Somebody else has taken the room: then it is tried again with every attempt to store.
    }
    return true;
  }

  #lookForRoom(): void {
    this.#isFull = !this.#reserve.acquire();
    this.#problem = this.#isFull ? (this.#problem ?? "the disk is full") : null;
  }

  #abandon(): void {
    this.#remembered = this.#journal?.image() ?? this.#remembered;
    this.#journal?.abandon();
    this.#journal = undefined;
    this.#listener.abandoned();
  }

  /** The file is damaged: it is set aside, and a new one begins with what is known of it. */
  #replace(error: unknown): boolean {
    this.#abandon();
    try {
      setOutboxAside(this.#path);
      this.#wasSetAside = true;
    } catch (cause) {
      this.#fail(cause);
      return false;
    }
    this.#problem = describe(error);
    return this.working() !== undefined;
  }

  #fail(error: unknown): void {
    this.#problem = describe(error);
    // A full disk is looked at each second; what is broken otherwise more and more seldom.
    if (!this.#isFull) this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MS_MAX);
    this.#listener.failed();
  }
}

function describe(error: unknown): string {
  return error instanceof WbError ? withHint(error) : storageMessage(error);
}
