/**
 * The outbox on disk: its database, the sidecar ledger and, in memory, the rows of its epochs as they were last committed.
 * Each change is one transaction; whatever throws leaves all of it as it was.
 */
import { join } from "node:path";
import type { Clock } from "../lib/clock.ts";
import type { StreamName } from "../protocol/fleet/envelope.ts";
import {
  epochsOfDamaged,
  openOutboxDatabase,
  type Durability,
  type OutboxDatabase,
} from "../store/outbox.ts";
import type { EpochRow, Owner, PastRow } from "../store/outbox-schema.ts";
import { ledgerImage, type Accounts } from "./accounts.ts";
import { Ledger, type LedgerImage } from "./ledger.ts";
import { knowledgeOfDamaged, recover, type Knowledge } from "./recovery.ts";
import type { Work } from "./work.ts";

export interface JournalOptions {
  readonly directory: string;
  readonly owner: Owner;
  readonly bootId: string;
  readonly streams: readonly StreamName[];
  readonly clock: Clock;
}

export function databasePath(directory: string): string {
  return join(directory, "outbox.db");
}

export class Journal {
  readonly #options: JournalOptions;
  readonly #database: OutboxDatabase;
  readonly #ledger: Ledger;
  #rows: readonly EpochRow[];
  #past: readonly PastRow[];

  private constructor(
    options: JournalOptions,
    database: OutboxDatabase,
    ledger: Ledger,
    { epochs, past }: Accounts,
  ) {
    this.#options = options;
    this.#database = database;
    this.#ledger = ledger;
    this.#rows = epochs;
    this.#past = past;
  }

  /**
   * `remembered`: what the run knows that found the database damaged, which is more exact than the ledger.
   * @throws WbError("storage"), or what the file system says
   */
  static open(options: JournalOptions, remembered: LedgerImage | undefined, wasSetAside = false): Journal {
    const { directory, owner, bootId } = options;
    const { database, setAsidePath } = openOutboxDatabase(databasePath(directory));
    let ledger: Ledger | undefined;
    try {
      const sidecar = Ledger.open(join(directory, "outbox.ledger"));
      ({ ledger } = sidecar);
      const image = remembered ?? sidecar.image;
      const salvage = (): Knowledge | undefined =>
        setAsidePath === undefined
          ? undefined
          : knowledgeOfDamaged(epochsOfDamaged(setAsidePath), owner, bootId);
      const isExact = remembered !== undefined || image?.isClean === true || image?.bootId === bootId;
      const knowledge = image === undefined ? salvage() : { image, isExact };
      const journal = new Journal(options, database, ledger, database.accounts());
      journal.#recover(knowledge, wasSetAside || setAsidePath !== undefined);
      return journal;
    } catch (error) {
      database.close();
      ledger?.close();
      throw error;
    }
  }

  #recover(knowledge: Knowledge | undefined, wasDamaged: boolean): void {
    const { streams, owner } = this.#options;
    this.change("synced", (work) => recover(work, { streams, owner, knowledge, wasDamaged }));
    this.#past = this.#database.accounts().past;
    this.#ledger.write(this.image());
    this.#ledger.sync();
  }

  get database(): OutboxDatabase {
    return this.#database;
  }

  /** As they were last committed. */
  get rows(): readonly EpochRow[] {
    return this.#rows;
  }

  image(intended?: ReadonlyMap<StreamName, number>): LedgerImage {
    const { owner, bootId } = this.#options;
    return ledgerImage({ epochs: this.#rows, past: this.#past }, owner, bootId, intended);
  }

  /** `intended`: how many places will be given per stream, for the ledger. */
  change<T>(
    durability: Durability,
    change: (work: Work) => T,
    intended?: ReadonlyMap<StreamName, number>,
  ): T {
    const { owner, bootId, clock } = this.#options;
    const work: Work = {
      database: this.#database,
      rows: this.#rows.map((row) => ({ ...row })),
      agentId: owner.agentId,
      bootId,
      nowMs: clock.nowMs(),
    };
    if (intended !== undefined) this.#ledger.write(this.image(intended));
    const result = this.#database.transact(durability, () => {
      const value = change(work);
      this.#save(work.rows);
      return value;
    });
    const hasFolded = this.#rows.some((row) => !work.rows.some(({ id }) => id === row.id));
    this.#rows = work.rows;
    this.#tell(hasFolded);
    return result;
  }

  #save(rows: readonly EpochRow[]): void {
    const before = new Map(this.#rows.map((row) => [row.id, JSON.stringify(row)]));
    for (const row of rows) if (before.get(row.id) !== JSON.stringify(row)) this.#database.saveEpoch(row);
  }

  /** After the commit: nothing may throw any more, or what was stored would be taken for not stored. */
  #tell(hasFolded: boolean): void {
    try {
      if (hasFolded) this.#past = this.#database.accounts().past;
      this.#ledger.write(this.image());
    } catch {
      // What was intended stands in the ledger already, and the next change writes it anew or fails in the open.
    }
  }

  /** Through to the disk: a new epoch must be known after any crash. */
  syncLedger(): void {
    this.#ledger.sync();
  }

  /** Read in one transaction. */
  accounts(): Accounts {
    return this.#database.accounts();
  }

  /** The ledger says then that its numbers are exact, also after a reboot. */
  close(): void {
    try {
      this.#ledger.write({ ...this.image(), isClean: true });
      this.#ledger.sync();
    } finally {
      this.abandon();
    }
  }

  /** Closes without another word: the database can't be relied on. */
  abandon(): void {
    this.#ledger.close();
    this.#database.close();
  }
}
