/**
 * What a flow's bytes are booked under in the history: process, user, peer, service port, protocol and direction. Pure.
 * A subject only gets better: what was once known of a flow is not given up when a later look doesn't tell it.
 */
import type { Direction, HistorySubject } from "../model/history.ts";
import type { Flow, Snapshot } from "../model/snapshot.ts";
import { isServedHere, portKey } from "./service-port.ts";

/** Longest text that is kept of any name, in UTF-16 units: a path has at most 4096 bytes, a DNS name 253. */
const TEXT_LENGTH_MAX = 4096;

function bounded(text: string | undefined): string {
  if (text === undefined) return "";
  return text.length > TEXT_LENGTH_MAX ? text.slice(0, TEXT_LENGTH_MAX) : text;
}

/** The service's end of a flow, decided when it is first seen. */
export interface Service {
  readonly direction: Direction;
  readonly port: number;
}

/** The ports that this machine's TCP listens on at one moment. */
export class ListeningPorts {
  readonly #keys = new Set<number>();

  constructor(snapshot: Snapshot) {
    for (const flow of snapshot.flows) {
      if (isListener(flow)) this.#keys.add(portKey(flow.protocol, flow.localPort));
    }
  }

  serviceOf(flow: Flow): Service {
    if (flow.remotePort === 0) return { direction: "none", port: 0 };
    return isServedHere(flow, (key) => this.#keys.has(key))
      ? { direction: "in", port: flow.localPort }
      : { direction: "out", port: flow.remotePort };
  }
}

/** A TCP socket without a peer: it listens, or does nothing; either way it moves no bytes. */
export function isListener(flow: Pick<Flow, "protocol" | "remotePort">): boolean {
  return (flow.protocol === "tcp" || flow.protocol === "mptcp") && flow.remotePort === 0;
}

/** What is left of a TCP connection that ended before anybody looked (TIME_WAIT, or its end without any counters). */
export function isRemnant(flow: Pick<Flow, "protocol" | "closed" | "state" | "bytesSent">): boolean {
  const isOver = flow.closed || flow.state === "time_wait";
  return flow.protocol === "tcp" && isOver && flow.bytesSent === undefined;
}

/** The subject of a flow, completed by what an earlier look at the same flow knew. */
export function subjectOf(flow: Flow, service: Service, earlier?: HistorySubject): HistorySubject {
  const process = flow.process;
  const keepsProcess = process === undefined && earlier !== undefined && earlier.processName !== "";
  const userId = flow.userId ?? process?.userId ?? earlier?.userId;
  const host = flow.remoteHost;
  return {
    processName: keepsProcess ? earlier.processName : bounded(process?.name),
    processPath: keepsProcess ? earlier.processPath : bounded(process?.path),
    userId,
    userName: bounded(flow.userName ?? process?.userName) || (earlier?.userName ?? ""),
    attribution: keepsProcess ? earlier.attribution : flow.attribution,
    remoteAddress: flow.remoteAddress,
    remoteHost: host === undefined ? (earlier?.remoteHost ?? "") : bounded(host.name),
    hostSource: host === undefined ? earlier?.hostSource : host.source,
    port: service.port,
    protocol: flow.protocol,
    direction: service.direction,
    meaning: flow.bytesMeaning === "none" && earlier !== undefined ? earlier.meaning : flow.bytesMeaning,
  };
}

/** Equal for equal subjects only. */
export function subjectKey(subject: HistorySubject): string {
  return JSON.stringify([
    subject.processName,
    subject.processPath,
    subject.userId ?? -1,
    subject.userName,
    subject.attribution,
    subject.remoteAddress,
    subject.remoteHost,
    subject.hostSource ?? "",
    subject.port,
    subject.protocol,
    subject.direction,
    subject.meaning,
  ]);
}

/**
 * Whether what was booked under the earlier subject belongs under the later one too: a process or a name that has
 * become known, not a process that has replaced itself by another (exec) or handed its socket on.
 */
export function isBetterKnown(earlier: HistorySubject, later: HistorySubject): boolean {
  const sameProcess =
    earlier.processName === later.processName &&
    earlier.processPath === later.processPath &&
    earlier.userId === later.userId;
  return sameProcess || earlier.processName === "" || earlier.attribution !== "exact";
}
