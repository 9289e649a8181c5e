/** The immutable row that screens are shown of a flow's record. An unchanged record shows the very same object again. */
import type { Flow } from "../model/snapshot.ts";
import type { FlowRecord, RecordContext } from "./flow-record.ts";

/** The flow as known now. Nothing is allocated where it is what it was: this runs for every flow of every sample. */
export function rowOf(record: FlowRecord, context: RecordContext): Flow {
  record.learnService(context);
  record.learnHost(context);
  const { process } = record;
  const userId = record.userId ?? process?.userId;
  const userName =
    (userId === undefined ? undefined : context.userNameOf(userId)) ??
    (process !== undefined && process.userId === userId ? process.userName : undefined);
  const before = record.row;
  if (before !== undefined && before.process === process && before.userName === userName) {
    if (before.userId === userId && isSame(before, record)) return before;
  }
  const { identity } = record;
  const row: Flow = {
    id: record.id,
    protocol: identity.protocol,
    localAddress: identity.localAddress,
    localPort: identity.localPort,
    remoteAddress: identity.remoteAddress,
    remotePort: identity.remotePort,
    remoteHost: record.remoteHost,
    service: record.service,
    state: record.state,
    process,
    owners: record.ownerKeys,
    opener: record.opener,
    userId,
    userName,
    attribution: record.attribution,
    bytesSent: record.sent.value,
    bytesReceived: record.received.value,
    observedBytesSent: record.sent.observed,
    observedBytesReceived: record.received.observed,
    bytesMeaning: record.bytesMeaning,
    uncertaintyBytes: record.uncertaintyBytes,
    sendBytesPerSecond: record.sent.bytesPerSecond,
    receiveBytesPerSecond: record.received.bytesPerSecond,
    firstSeenMs: record.firstSeenMs,
    lastActivityMs: record.lastActivityMs,
    closed: record.closed,
    closedAtMs: record.closedAtMs,
    networkNamespace: identity.networkNamespace,
  };
  record.row = row;
  return row;
}

/** Whether a row still shows what the record's own fields say. */
function isSame(row: Flow, record: FlowRecord): boolean {
  const { identity, sent, received } = record;
  return (
    row.bytesSent === sent.value &&
    row.bytesReceived === received.value &&
    row.observedBytesSent === sent.observed &&
    row.observedBytesReceived === received.observed &&
    row.sendBytesPerSecond === sent.bytesPerSecond &&
    row.receiveBytesPerSecond === received.bytesPerSecond &&
    row.state === record.state &&
    row.closedAtMs === record.closedAtMs &&
    row.lastActivityMs === record.lastActivityMs &&
    row.owners === record.ownerKeys &&
    row.opener === record.opener &&
    row.attribution === record.attribution &&
    row.remoteHost === record.remoteHost &&
    row.service === record.service &&
    row.bytesMeaning === record.bytesMeaning &&
    row.uncertaintyBytes === record.uncertaintyBytes &&
    row.id === record.id &&
    row.localAddress === identity.localAddress &&
    row.localPort === identity.localPort &&
    row.remoteAddress === identity.remoteAddress &&
    row.remotePort === identity.remotePort &&
    row.networkNamespace === identity.networkNamespace
  );
}
