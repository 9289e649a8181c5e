/**
 * Proof of the truth without the product: both ends of a connection agree on every byte where none can be lost between
 * them, and with what the kernel says of the socket by TCP_INFO.
 */
import { sumBy, type Truth } from "./truth.ts";

/** Scenarios whose two ends rightly differ, and why. */
export const ENDS_DIFFER: Readonly<Record<string, string>> = {
  "tcp-closed-unread": "the server closes before it has taken all",
  "tcp-reconnected": "one socket is the end of two connections, the other ends are two sockets",
  "ktls-out-only": "one end counts plaintext, the other records",
  "udp-flood": "the receive queue is full and drops",
  "udp-cut-short": "the receiver's buffer is shorter than the datagram",
  "udp-error-queue": "nobody receives",
  "netns-multicast": "two sockets receive each datagram",
  "netns-broadcast": "two sockets receive each datagram",
  "icmp-ping": "the kernel answers",
  raw: "an IPv4 receiver gets the IP header too, and both ends get each datagram",
};

/** Scenarios in which the two ends don't see each other's ports. */
const TRANSLATED = /^netns-nat-/;

/** Every disagreement, in words; none where all is well. */
export function disagreements(truths: readonly Truth[]): string[] {
  return [...endsThatDiffer(truths), ...socketsThatDiffer(truths)];
}

function endsThatDiffer(truths: readonly Truth[]): string[] {
  const judged = truths.filter(({ scenario }) => ENDS_DIFFER[scenario] === undefined);
  const found: string[] = [];
  for (const [name, { sent, received }] of sumBy(judged, nameOf, (truth) => truth)) {
    if (sent !== received) found.push(`${name}: sent ${sent}, received ${received}`);
  }
  // A socket that does not say whom it heard has no second end to look at.
  const unnamed = new Set(judged.filter((truth) => remotePortOf(truth) === 0).map(nameOf));
  const paired = judged.filter((truth) => !unnamed.has(nameOf(truth)) && !TRANSLATED.test(truth.scenario));
  const ends = sumBy(
    paired,
    (truth) => endOf(truth, truth.localPort, remotePortOf(truth)),
    (truth) => truth,
  );
  for (const truth of paired) {
    const own = ends.get(endOf(truth, truth.localPort, remotePortOf(truth)));
    const other = ends.get(endOf(truth, remotePortOf(truth), truth.localPort)) ?? { sent: 0, received: 0 };
    if (own === undefined || own.sent !== other.received || own.received !== other.sent) {
      found.push(
        `${endOf(truth, truth.localPort, remotePortOf(truth))}: ${text(own)}, the other ${text(other)}`,
      );
    }
  }
  return found;
}

function text(counts: { sent: number; received: number } | undefined): string {
  return `sent ${counts?.sent}, received ${counts?.received}`;
}

function nameOf(truth: Truth): string {
  return `${truth.scenario} ${truth.family}`;
}

function remotePortOf(truth: Truth): number {
  return truth.peerPort ?? truth.remotePort;
}

function endOf(truth: Truth, from: number, to: number): string {
  const space = truth.scenario === "netns-twins" ? ` ${truth.netns}` : "";
  return `${nameOf(truth)}${space} ${from}>${to}`;
}

/**
 * TCP_INFO has counted what was sent exactly once; what was received also where nobody has taken it, and a FIN as one
 * more. With kTLS it counts records, and when a socket is connected anew it begins anew.
 */
function socketsThatDiffer(truths: readonly Truth[]): string[] {
  const tcp = truths.filter(
    ({ scenario, kernelSent }) =>
      kernelSent !== undefined && !scenario.startsWith("ktls-") && scenario !== "tcp-reconnected",
  );
  const found: string[] = [];
  for (const [cookie, { sent, received }] of sumBy(
    tcp,
    ({ cookie }) => cookie,
    (truth) => truth,
  )) {
    const lines = tcp.filter((truth) => truth.cookie === cookie);
    const kernelSent = Math.max(...lines.map((truth) => truth.kernelSent ?? 0));
    const kernelReceived = Math.max(...lines.map((truth) => truth.kernelReceived ?? 0));
    const name = lines[0] === undefined ? cookie : `${nameOf(lines[0])} ${cookie}`;
    if (kernelSent !== sent) found.push(`${name}: sent ${sent}, TCP_INFO ${kernelSent}`);
    const unread = kernelReceived - received;
    const expected = lines[0]?.scenario === "tcp-closed-unread" && lines[0].role === "server" ? 5000 : 0;
    if (unread !== expected && unread !== expected + 1) {
      found.push(`${name}: received ${received}, TCP_INFO ${kernelReceived}`);
    }
  }
  return found;
}
