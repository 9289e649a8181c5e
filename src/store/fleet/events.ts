/** The account of all events: taking them in, and telling of them. */
import type { EventStore } from "./contract.ts";
import { readCursors, readProof, readReconciliation } from "./event-account.ts";
import { listConnections, listEvents, listLosses, listProcesses } from "./event-reading.ts";
import { ingestBatches } from "./ingest.ts";
import { prune } from "./prune.ts";
import type { SqlDatabase } from "./sql.ts";
import { Unsettled } from "./unsettled.ts";

export function createEventStore(database: SqlDatabase): EventStore {
  const unsettled = new Unsettled();
  return {
    ingest: (batches) =>
      unsettled.during(
        batches.map(({ batch }) => batch.header.agentId),
        () => database.transaction((sql) => ingestBatches(sql, batches)),
      ),

    async cursors(agentId, of) {
      if (!unsettled.has(agentId)) return readCursors(database, agentId, of);
      // Only what a transaction resolves with is on the disk for sure.
      const cursors = await database.transaction((sql) => readCursors(sql, agentId, of));
      unsettled.settled(agentId);
      return cursors;
    },

    events: (query) => listEvents(database, query),
    losses: (query) => listLosses(database, query),
    reconciliation: (agentId) => readReconciliation(database, agentId),
    proof: (agentId, stream, epoch, seq) => readProof(database, agentId, stream, epoch, seq),
    processes: (query) => listProcesses(database, query),
    connections: (query) => listConnections(database, query),
    prune: (beforeMs, rowsMax) => prune(database, beforeMs, rowsMax),
  };
}
