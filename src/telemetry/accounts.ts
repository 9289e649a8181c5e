/** The numbers of the outbox in the forms that others read: accounts per epoch, reports per stream, the sidecar's image. Pure. */
import type { StreamReport } from "../protocol/fleet/messages.ts";
import type { StreamName } from "../protocol/fleet/envelope.ts";
import type { EpochRow, Owner, PastRow } from "../store/outbox-schema.ts";
import type { EpochAccount } from "./contract.ts";
import type { LedgerImage } from "./ledger.ts";

export interface Accounts {
  readonly epochs: readonly EpochRow[];
  readonly past: readonly PastRow[];
}

export function epochAccounts({ epochs }: Accounts): EpochAccount[] {
  return epochs.map(({ stream, epoch, isCurrent, produced, acked, pending, lost, follows }) => ({
    stream,
    epoch,
    current: isCurrent,
    produced,
    acked,
    pending,
    lost,
    follows,
  }));
}

/** Over all epochs, also those that are no longer kept one by one. */
export function streamReports({ epochs, past }: Accounts): StreamReport[] {
  const reports: StreamReport[] = [];
  for (const stream of new Set(epochs.map((row) => row.stream))) {
    const rows = epochs.filter((row) => row.stream === stream);
    const before = past.find((row) => row.stream === stream);
    const sum = (of: (row: EpochRow) => number, start = 0): number =>
      rows.reduce((total, row) => total + of(row), start);
    reports.push({
      stream,
      epoch: rows.find((row) => row.isCurrent)?.epoch ?? rows.at(-1)?.epoch ?? "",
      produced: sum((row) => row.produced, before?.produced),
      acked: sum((row) => row.acked, before?.acked),
      pending: sum((row) => row.pending),
      lost: sum((row) => row.lost, before?.lost),
      unknownTails: sum((row) => Number(row.unknownTail), before?.unknownTails),
      pendingBytes: sum((row) => row.pendingBytes),
    });
  }
  return reports;
}

/** `intended`: how many places a transaction that is about to begin gives, per stream. */
export function ledgerImage(
  accounts: Accounts,
  owner: Owner,
  bootId: string,
  intended?: ReadonlyMap<StreamName, number>,
): LedgerImage {
  return {
    ...owner,
    bootId,
    isClean: false,
    epochs: accounts.epochs.map((row) => ({
      stream: row.stream,
      epoch: row.epoch,
      isCurrent: row.isCurrent,
      bootId: row.bootId,
      produced: row.produced,
      intended: row.produced + (row.isCurrent ? (intended?.get(row.stream) ?? 0) : 0),
      cursor: row.cursor,
      cursorChain: row.cursorChain,
      acked: row.acked,
      unknownTail: row.unknownTail,
      follows: row.follows,
    })),
    past: [...accounts.past],
  };
}
