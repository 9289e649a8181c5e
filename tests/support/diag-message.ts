/** Socket records as the kernel would send them, for tests of what follows from them. */
import { DiagRecord, inetDiagMsg } from "../../src/decode/sock-diag.ts";
import { tcpInfo } from "../../src/decode/tcp-info.ts";
import { parseIp } from "../../src/lib/ip.ts";

export interface DiagFields {
  readonly cookie: number;
  readonly state: number;
  readonly local?: readonly [address: string, port: number];
  readonly remote?: readonly [address: string, port: number];
  readonly inode?: number;
  readonly userId?: number;
  readonly expires?: number;
  readonly receiveQueue?: number;
  readonly sendQueue?: number;
  /** Absent: no TCP_INFO, as UDP sockets, minisockets and requests have none. */
  readonly info?: {
    /** All of what was sent, unless told. */
    readonly acked?: number;
    readonly sent?: number;
    readonly retransmitted?: number;
    readonly received?: number;
    readonly notSent?: number;
    readonly unacked?: number;
    readonly sendMss?: number;
    readonly advertisedMss?: number;
    readonly dataSegmentsOut?: number;
    readonly dataSegmentsIn?: number;
  };
}

export function diagRecord(fields: DiagFields): DiagRecord {
  const [local, localPort] = fields.local ?? ["127.0.0.1", 1000];
  const [remote, remotePort] = fields.remote ?? ["127.0.0.1", 2000];
  const bytes = new Uint8Array(inetDiagMsg.size + (fields.info === undefined ? 0 : 4 + tcpInfo.size));
  const view = new DataView(bytes.buffer);
  const localBytes = parseIp(local) ?? new Uint8Array(4);
  inetDiagMsg.set.family(view, 0, localBytes.length === 4 ? 2 : 10);
  inetDiagMsg.set.state(view, 0, fields.state);
  inetDiagMsg.set.sourcePort(view, 0, localPort);
  inetDiagMsg.set.destinationPort(view, 0, remotePort);
  bytes.set(localBytes, inetDiagMsg.offsetOf.source);
  bytes.set(parseIp(remote) ?? new Uint8Array(4), inetDiagMsg.offsetOf.destination);
  inetDiagMsg.set.cookieLow(view, 0, fields.cookie);
  inetDiagMsg.set.inode(view, 0, fields.inode ?? 0);
  inetDiagMsg.set.userId(view, 0, fields.userId ?? 0);
  inetDiagMsg.set.expires(view, 0, fields.expires ?? 0);
  inetDiagMsg.set.receiveQueue(view, 0, fields.receiveQueue ?? 0);
  inetDiagMsg.set.sendQueue(view, 0, fields.sendQueue ?? 0);
  if (fields.info !== undefined) {
    const base = inetDiagMsg.size + 4;
    view.setUint16(base - 4, 4 + tcpInfo.size, true);
    view.setUint16(base - 2, 2, true);
    tcpInfo.set.state(view, base, fields.state);
    tcpInfo.set.bytesAcked(
      view,
      base,
      fields.info.acked ?? (fields.info.sent ?? 0) - (fields.info.retransmitted ?? 0),
    );
    tcpInfo.set.bytesSent(view, base, fields.info.sent ?? 0);
    tcpInfo.set.bytesRetransmitted(view, base, fields.info.retransmitted ?? 0);
    tcpInfo.set.bytesReceived(view, base, fields.info.received ?? 0);
    tcpInfo.set.unacked(view, base, fields.info.unacked ?? 0);
    tcpInfo.set.sendMss(view, base, fields.info.sendMss ?? 1460);
    tcpInfo.set.notSentBytes(view, base, fields.info.notSent ?? 0);
    tcpInfo.set.dataSegmentsOut(view, base, fields.info.dataSegmentsOut ?? 1);
    tcpInfo.set.dataSegmentsIn(view, base, fields.info.dataSegmentsIn ?? 1);
    tcpInfo.set.advertisedMss(view, base, fields.info.advertisedMss ?? 65_483);
  }
  const record = new DiagRecord();
  if (!record.read(view, 0, bytes.length)) throw new Error("the record that the test made is malformed");
  return record;
}
