/**
 * Real traffic over loopback whose every byte is counted by its programs, a real monitor that records it and is killed
 * again and again, and what the history says of it afterwards.
 */
import { Database } from "bun:sqlite";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "../../src/lib/clock.ts";
import { openHistory } from "../../src/store/history.ts";
import { waitFor } from "./wait-for.ts";

interface Sent {
  readonly atMs: number;
  readonly bytes: number;
}

/** A server that counts, and clients that do: every byte that is written is logged with its time. */
class Traffic implements Disposable {
  readonly #server: Bun.TCPSocketListener;
  readonly log: Sent[] = [];
  written = 0;
  received = 0;
  readonly #clients = new Set<Bun.Socket>();

  constructor() {
    this.#server = Bun.listen({
      hostname: "127.0.0.1",
      port: 0,
      socket: {
        data: (_socket, data) => {
          this.received += data.length;
        },
      },
    });
  }

  get port(): number {
    return this.#server.port;
  }

  async connect(): Promise<Bun.Socket> {
    const client = await Bun.connect({
      hostname: "127.0.0.1",
      port: this.port,
      socket: {
        data: () => {
          // The server sends nothing.
        },
        close: (socket) => void this.#clients.delete(socket),
      },
    });
    this.#clients.add(client);
    return client;
  }

  write(client: Bun.Socket, bytes: number): void {
    const taken = client.write(new Uint8Array(bytes));
    if (taken <= 0) return;
    this.written += taken;
    this.log.push({ atMs: Date.now(), bytes: taken });
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.terminate();
    this.#server.stop(true);
  }
}

export interface TrialOptions {
  /** The program and its first arguments: what `wb` is here. */
  readonly command: readonly string[];
  readonly stateHome: string;
  readonly kills: number;
  /** The monitor lives at most so long after its start, or twice as long as it takes to its first commit. */
  readonly lifeMsMax: number;
}

/** Bytes are those of both ends together: each byte counts as sent and as received. */
export interface TrialResult {
  /** Of connections that live through everything. */
  readonly longRecorded: number;
  readonly longTruth: number;
  /** Of connections that live for milliseconds. */
  readonly shortRecorded: number;
  readonly shortTruth: number;
  /** What the short ones did between the last commit of a killed monitor and the first look of the next. */
  readonly shortUnrecorded: number;
  /** Kills after which the history held more than had happened, or failed its check. */
  readonly wrong: readonly string[];
  readonly gaps: number;
  /** Kills that came after at least one commit of that monitor. */
  readonly killsAfterCommit: number;
  readonly longestWindowMs: number;
}

/** How far the clocks of two looks at one moment may lie apart: a sample is not taken in one instant. */
const SLACK_MS = 100;

interface Window {
  readonly fromMs: number;
  untilMs: number;
}

class Trial {
  readonly #options: TrialOptions;
  readonly #path: string;
  readonly #long = new Traffic();
  readonly #short = new Traffic();
  readonly #wrong: string[] = [];
  readonly #windows: Window[] = [];
  #random = 12_345;
  #killsAfterCommit = 0;
  #firstCommitMs = 0;
  #stopped = false;

  constructor(options: TrialOptions) {
    this.#options = options;
    this.#path = join(options.stateHome, "wirebound", "history.db");
  }

  async run(): Promise<TrialResult> {
    const { kills } = this.#options;
    using _long = this.#long;
    using _short = this.#short;
    const beganMs = performance.now();
    const traffic = await this.#startTraffic();
    const lifeMsMax = Math.max(this.#options.lifeMsMax, Math.ceil(2 * (this.#firstCommitMs - beganMs)));
    for (let kill = 0; kill < kills; kill += 1) {
      const commitsBefore = this.#lastCommitMs();
      const monitor = this.#monitor();
      await Bun.sleep(this.#next(lifeMsMax)); // the moment of the kill, which is what this is about
      monitor.kill("SIGKILL");
      await monitor.exited;
      this.#afterKill(kill, commitsBefore);
    }
    this.#stopped = true;
    await traffic.ended;
    await this.#recordTheRest();
    return this.#result();
  }

  /** A small linear congruential generator, so that a failure can be repeated. */
  #next(below: number): number {
    this.#random = (this.#random * 1_103_515_245 + 12_345) % 2_147_483_648;
    return this.#random % below;
  }

  #monitor(): Bun.Subprocess<"ignore", "ignore", "pipe"> {
    return Bun.spawn([...this.#options.command, "monitor", "--headless", "--no-dns", "--interval", "100ms"], {
      env: {
        ...process.env,
        HOME: this.#options.stateHome,
        XDG_STATE_HOME: this.#options.stateHome,
        XDG_CACHE_HOME: this.#options.stateHome,
        WB_HISTORY_COMMIT: "10ms",
      },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "pipe",
    });
  }

  /** The long connections are recorded from their first byte on; then both kinds run until told to stop. */
  async #startTraffic(): Promise<{ ended: Promise<unknown> }> {
    const clients = await Promise.all([this.#long.connect(), this.#long.connect(), this.#long.connect()]);
    const monitor = this.#monitor();
    await waitFor("the first commit", () => this.#lastCommitMs() > 0, 90_000);
    this.#firstCommitMs = performance.now();
    monitor.kill("SIGTERM");
    await monitor.exited;
    const long = async (): Promise<void> => {
      while (!this.#stopped) {
        for (const client of clients) this.#long.write(client, 1 + this.#next(3000));
        await Bun.sleep(3); // the pace of the traffic
      }
    };
    const short = async (): Promise<void> => {
      while (!this.#stopped) {
        const client = await this.#short.connect();
        this.#short.write(client, 1 + this.#next(90_000));
        await Bun.sleep(2); // its life
        client.end();
      }
    };
    return { ended: Promise.all([long(), short()]) };
  }

  #database(): Database | undefined {
    return existsSync(this.#path) ? new Database(this.#path, { readonly: true }) : undefined;
  }

  #lastCommitMs(): number {
    const database = this.#database();
    try {
      const row = database?.query<{ at: number }, []>("SELECT last_commit_ms AS at FROM state").get();
      return row?.at ?? 0;
    } catch {
      return 0; // the first monitor is just making its tables
    } finally {
      database?.close();
    }
  }

  #recorded(port: number): number {
    const history = openHistory({ path: this.#path, readonly: true, clock: systemClock });
    try {
      const values = [{ text: String(port), isQuoted: false }];
      const filter = [{ key: "port", isNegated: false, values }] as const;
      const { totals } = history.query({ sinceMs: 0, untilMs: 2 ** 52, by: "process", filter });
      return totals.bytesSent + totals.bytesReceived;
    } finally {
      history.close();
    }
  }

  #afterKill(kill: number, commitBeforeMs: number): void {
    const database = this.#database();
    const check = database?.query<{ quick_check: string }, []>("PRAGMA quick_check").get()?.quick_check;
    const first = database
      ?.query<{ at: number | null }, [number]>("SELECT min(from_ms) AS at FROM coverage WHERE from_ms > ?")
      .get(commitBeforeMs)?.at;
    database?.close();
    if (check !== "ok") this.#wrong.push(`kill ${kill}: quick_check says ${check}`);
    for (const [name, traffic] of [
      ["long", this.#long],
      ["short", this.#short],
    ] as const) {
      const recorded = this.#recorded(traffic.port);
      const most = 2 * traffic.written;
      if (recorded > most) this.#wrong.push(`kill ${kill}: ${name} ${recorded} recorded of ${most}`);
    }
    if (first === null || first === undefined) return; // it did not live to record
    this.#killsAfterCommit += 1;
    const open = this.#windows.at(-1);
    if (open !== undefined) open.untilMs = first;
    this.#windows.push({ fromMs: this.#lastCommitMs(), untilMs: Number.POSITIVE_INFINITY });
  }

  /** One more monitor takes over what lives, and ends in order. */
  async #recordTheRest(): Promise<void> {
    const before = this.#lastCommitMs();
    await waitFor("the last bytes", () => this.#long.received === this.#long.written, 90_000);
    const monitor = this.#monitor();
    await waitFor("its first commits", () => this.#lastCommitMs() > before + 300, 90_000);
    monitor.kill("SIGTERM");
    await monitor.exited;
    const open = this.#windows.at(-1);
    if (open !== undefined) open.untilMs = before + 60_000;
  }

  #result(): TrialResult {
    const history = openHistory({ path: this.#path, readonly: true, clock: systemClock });
    const { coverage } = history.query({ sinceMs: 0, untilMs: 2 ** 52, by: "process" });
    history.close();
    const isUnrecorded = (atMs: number): boolean =>
      this.#windows.some(({ fromMs, untilMs }) => atMs > fromMs - SLACK_MS && atMs < untilMs + SLACK_MS);
    const unrecorded = this.#short.log.filter(({ atMs }) => isUnrecorded(atMs));
    const closed = this.#windows.slice(0, -1).map(({ fromMs, untilMs }) => untilMs - fromMs);
    return {
      longRecorded: this.#recorded(this.#long.port),
      longTruth: 2 * this.#long.written,
      shortRecorded: this.#recorded(this.#short.port),
      shortTruth: 2 * this.#short.written,
      shortUnrecorded: 2 * unrecorded.reduce((sum, { bytes }) => sum + bytes, 0),
      wrong: this.#wrong,
      gaps: coverage.gaps.length,
      killsAfterCommit: this.#killsAfterCommit,
      longestWindowMs: Math.max(0, ...closed),
    };
  }
}

export function crashTrial(options: TrialOptions): Promise<TrialResult> {
  return new Trial(options).run();
}
