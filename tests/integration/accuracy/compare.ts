/**
 * The contract, judged: for each process at each socket (and remote end) what was told equals what the process counted,
 * or the row says by how much it may be off; and nothing is told that did not happen.
 */
import { EBPF_METHODS } from "../../../src/model/capture-status.ts";
import { breach } from "../../support/traffic/verdict.ts";
import type { Told, ToldRow } from "./rows.ts";
import { nameOfRow } from "./rows.ts";
import type { Account, Truth } from "./truth.ts";

/**
 * How well one process at one socket was told. `exact`; `bounded`: off by no more than the row says, which is not 0;
 * `lower bound`; `ends merged`: the sum is exact, the remote ends are not all told apart; `other process`: the socket's
 * bytes are all there, under another process or none; `not counted`: there is a row, without counts; `no row`.
 */
export type Outcome =
  | "exact"
  | "bounded"
  | "lower bound"
  | "ends merged"
  | "other process"
  | "not counted"
  | "no row";

export interface Finding {
  readonly scenario: string;
  readonly family: string;
  readonly outcome: Outcome | "WRONG";
  readonly text: string;
  readonly bytes: number;
}

interface Counts {
  sent: number;
  received: number;
}

/** All lines of one process at one socket. */
interface Actor {
  readonly truths: Truth[];
  readonly total: Counts;
}

/** MPTCP connections that one listener accepted share its cookie: they are told apart by their ends. */
function socketOf(truth: Truth): string {
  const { protocol, local, localPort, remote, remotePort } = truth;
  return protocol === "mptcp" ? `mptcp ${local}|${localPort} ${remote}|${remotePort}` : truth.cookie;
}

function socketOfRow(row: ToldRow): string {
  if (row.protocol !== "mptcp") return nameOfRow(row.id).cookie;
  return `mptcp ${row.localAddress}|${row.localPort} ${row.remoteAddress}|${row.remotePort}`;
}

/**
 * What a reader of sockets counts as received: also what nobody has taken, as TCP_INFO has it. A FIN is one more there,
 * so a difference of one is none.
 */
function withUnread(truth: Truth): Truth {
  const unread = (truth.kernelReceived ?? 0) - truth.received;
  return unread > 1 ? { ...truth, received: truth.received + unread } : truth;
}

/** CLOCK_REALTIME may have been set since the boot, and start times are told in milliseconds from whole seconds. */
const START_TOLERANCE_MS = 2000;

export class Comparison {
  readonly findings: Finding[] = [];
  readonly #account: Account;
  readonly #rows = new Map<string, ToldRow[]>();
  readonly #ticksPerSecond: number;
  /** Whether the counts are of calls, not of sockets. */
  readonly #countsCalls: boolean;

  constructor(account: Account, told: Told, ticksPerSecond = 100) {
    this.#account = account;
    this.#ticksPerSecond = ticksPerSecond;
    this.#countsCalls = EBPF_METHODS.some((method) => method === told.method);
    for (const row of told.rows) {
      const socket = socketOfRow(row);
      const list = this.#rows.get(socket) ?? [];
      this.#rows.set(socket, list);
      list.push(row);
    }
    const sockets = Map.groupBy(account.truths, socketOf);
    for (const [socket, truths] of sockets) {
      const [first, ...others] = truths;
      const isAlone = first !== undefined && others.length === 0;
      const judged = isAlone && !this.#countsCalls ? [withUnread(first)] : truths;
      this.#judgeSocket(judged, this.#rows.get(socket) ?? []);
    }
    this.#judgeStrangers(told, sockets);
  }

  /** Findings that no table of expectations can excuse. */
  get wrong(): readonly Finding[] {
    return this.findings.filter(({ outcome }) => outcome === "WRONG");
  }

  /** Bytes of which no row tells anything: what the capture must have declared lost. */
  get missingBytes(): number {
    return this.findings.reduce((sum, { outcome, bytes }) => sum + (outcome === "no row" ? bytes : 0), 0);
  }

  #judgeSocket(truths: readonly Truth[], rows: readonly ToldRow[]): void {
    const actors = new Map<string, Actor>();
    for (const truth of truths) {
      const key = `${truth.pid}:${truth.startTicks}`;
      const actor = actors.get(key) ?? { truths: [], total: { sent: 0, received: 0 } };
      actors.set(key, actor);
      actor.truths.push(truth);
      actor.total.sent += truth.sent;
      actor.total.received += truth.received;
    }
    const whole = totalOf(truths);
    let rest = rows;
    for (const actor of actors.values()) {
      const first = actor.truths[0];
      if (first === undefined) continue;
      const own = rest.filter((row) => this.#isOf(row, first));
      rest = rest.filter((row) => !own.includes(row));
      this.#judgeActor(first, actor, own, rows, whole);
    }
    const isWhole = equal(totalOfRows(rows), whole);
    for (const row of rest) {
      if (isEmpty(row) || isWhole || this.#isOfNobody(row, whole)) continue;
      const { scenario, family } = truths[0] ?? { scenario: "", family: "" };
      this.#add(scenario, family, "WRONG", `${row.id}: told for process ${row.pid}, which did not use it`, 0);
    }
  }

  /** A row that names no process, of a method that does not count calls: what was not sent before a reset is not in it. */
  #isOfNobody(row: ToldRow, whole: Counts): boolean {
    const isLess = (row.bytesSent ?? 0) <= whole.sent && (row.bytesReceived ?? 0) <= whole.received;
    return !this.#countsCalls && row.pid === null && isLess;
  }

  #judgeActor(
    first: Truth,
    actor: Actor,
    own: readonly ToldRow[],
    all: readonly ToldRow[],
    whole: Counts,
  ): void {
    const { scenario, family } = first;
    const bytes = actor.total.sent + actor.total.received;
    const name = `${family} ${first.role} ${first.protocol} ${first.local}|${first.localPort} ${first.cookie}`;
    const add = (outcome: Finding["outcome"], text: string): void =>
      this.#add(scenario, family, outcome, `${name}: ${text}`, bytes);
    if (own.length === 0) {
      // A socket that carried nothing need not be told.
      if (bytes === 0) return;
      if (all.length > 0 && equal(totalOfRows(all), whole)) add("other process", `told for ${pidsOf(all)}`);
      else if (all.some((row) => row.bytesSent === null)) add("not counted", "no counts");
      else add("no row", `${bytes} bytes`);
      return;
    }
    const misplaced = own
      .map((row) => endsProblem(row, actor.truths))
      .find((problem) => problem !== undefined);
    if (misplaced !== undefined) add("WRONG", misplaced);
    if (own.some((row) => row.bytesSent === null || row.bytesReceived === null)) {
      add("not counted", "no counts");
      return;
    }
    const told = totalOfRows(own);
    const uncertainty = uncertaintyOf(own);
    const row = { local: name, remote: "", ...told, uncertaintyBytes: uncertainty };
    const broken = breach(row, { local: name, remote: "", ...actor.total });
    // Where the socket's sum is right, the share of its processes is what is not.
    if (broken !== undefined && equal(totalOfRows(all), whole)) add("other process", broken);
    else if (broken !== undefined) add("WRONG", broken);
    else if (uncertainty === undefined) add("lower bound", `${told.sent}/${told.received}`);
    else if (uncertainty > 0) add("bounded", `±${uncertainty}`);
    else this.#judgePeers(actor.truths, own, add);
  }

  /** The sum is exact: are its remote ends? What the program could not name may be told for any of them. */
  #judgePeers(
    truths: readonly Truth[],
    rows: readonly ToldRow[],
    add: (outcome: Finding["outcome"], text: string) => void,
  ): void {
    const named = truths.filter(({ peer }) => peer !== undefined);
    let merged = "";
    for (const truth of named) {
      const told = totalOfRows(rows.filter((row) => isPeer(row, truth)));
      const isAllNamed = named.length === truths.length;
      const isShort = told.sent < truth.sent || told.received < truth.received;
      const isLong = isAllNamed && (told.sent > truth.sent || told.received > truth.received);
      const text = `${truth.peer}|${truth.peerPort}: told ${told.sent}/${told.received}, truth ${truth.sent}/${truth.received}`;
      if (isLong) {
        add("WRONG", text);
        return;
      }
      if (isShort) merged = text;
    }
    if (merged === "") add("exact", "");
    else add("ends merged", merged);
  }

  /** Rows of the program's processes that no line of it knows, and rows of sockets that are not the network's. */
  #judgeStrangers(told: Told, sockets: ReadonlyMap<string, readonly Truth[]>): void {
    const { pids } = this.#account;
    const uncounted = new Map(this.#account.uncounted.map((socket) => [socket.cookie, socket.protocol]));
    for (const row of told.rows) {
      const { cookie, actor } = nameOfRow(row.id);
      const pid = actor?.pid ?? row.pid;
      const protocol = uncounted.get(cookie);
      if (protocol !== undefined && pid !== null && pids.has(pid)) {
        this.#add("unix-netlink", "", "WRONG", `${row.id}: a row for ${protocol}`, 0);
        continue;
      }
      if (isEmpty(row) || sockets.has(socketOfRow(row)) || pid === null) continue;
      if (!pids.has(pid) || !this.#account.isJudged(pid)) continue;
      const truth = this.#account.truths.find((one) => one.pid === pid);
      if (truth === undefined) continue;
      // A reader of sockets sees the TCP connections that an MPTCP one is made of, and does not see the whole.
      if (!this.#countsCalls && truth.protocol === "mptcp" && row.protocol === "tcp") continue;
      const ends = `${row.localAddress}|${row.localPort} ${row.remoteAddress}|${row.remotePort}`;
      const text = `${row.id} ${ends}: ${row.bytesSent}/${row.bytesReceived} of a socket that the process does not know`;
      this.#add(truth.scenario, truth.family, "WRONG", text, 0);
    }
  }

  #isOf(row: ToldRow, truth: Truth): boolean {
    const { actor } = nameOfRow(row.id);
    if (actor !== undefined) return actor.pid === truth.pid && actor.startTicks === truth.startTicks;
    if (row.pid !== truth.pid) return false;
    if (row.processStartedAtMs === null || this.#account.bootedAtMs === 0) return true;
    const startedAtMs = this.#account.bootedAtMs + (truth.startTicks * 1000) / this.#ticksPerSecond;
    return Math.abs(row.processStartedAtMs - startedAtMs) <= START_TOLERANCE_MS;
  }

  #add(scenario: string, family: string, outcome: Finding["outcome"], text: string, bytes: number): void {
    this.findings.push({ scenario, family, outcome, text, bytes });
  }
}

function totalOf(truths: readonly Truth[]): Counts {
  return {
    sent: truths.reduce((sum, truth) => sum + truth.sent, 0),
    received: truths.reduce((sum, truth) => sum + truth.received, 0),
  };
}

function totalOfRows(rows: readonly ToldRow[]): Counts {
  return {
    sent: rows.reduce((sum, row) => sum + (row.bytesSent ?? 0), 0),
    received: rows.reduce((sum, row) => sum + (row.bytesReceived ?? 0), 0),
  };
}

function equal(one: Counts, other: Counts): boolean {
  return one.sent === other.sent && one.received === other.received;
}

function isEmpty(row: ToldRow): boolean {
  return (row.bytesSent ?? 0) + (row.bytesReceived ?? 0) === 0;
}

function pidsOf(rows: readonly ToldRow[]): string {
  return `pid ${[...new Set(rows.map((row) => row.pid ?? "none"))].join(", ")}`;
}

function uncertaintyOf(rows: readonly ToldRow[]): number | undefined {
  if (rows.some((row) => row.uncertaintyBytes === null)) return undefined;
  return rows.reduce((sum, row) => sum + (row.uncertaintyBytes ?? 0), 0);
}

function isPeer(row: ToldRow, truth: Truth): boolean {
  return row.remoteAddress === truth.peer && row.remotePort === truth.peerPort;
}

/** A row's protocol and ends must be those of its socket; a row of a peer has the peer for its remote end. */
function endsProblem(row: ToldRow, truths: readonly Truth[]): string | undefined {
  const first = truths[0];
  if (first === undefined || isEmpty(row)) return undefined;
  if (row.protocol !== first.protocol) return `${row.id}: protocol ${row.protocol}, truth ${first.protocol}`;
  if (row.localPort !== first.localPort)
    return `${row.id}: local port ${row.localPort}, truth ${first.localPort}`;
  const hasNoEnds = first.protocol === "icmp" || first.protocol === "raw";
  if (hasNoEnds || truths.some(({ peer }) => peer !== undefined) || first.remotePort === 0) return undefined;
  const told = `${row.localAddress} ${row.remoteAddress}|${row.remotePort}`;
  const truth = `${first.local} ${first.remote}|${first.remotePort}`;
  return told === truth ? undefined : `${row.id}: ends ${told}, truth ${truth}`;
}
