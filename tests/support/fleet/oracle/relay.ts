/**
 * The network between agents and parent, as bad as it can be: a TLS-ending relay with the parent's own key, which cuts, delays, sends
 * requests twice, keeps them and sends them long after they were answered, loses them, and loses answers after the parent has
 * stored what they answer.
 */
import { readFileSync } from "node:fs";
import { createServer, type Server } from "node:https";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { join } from "node:path";
import { AGENT_HEADER } from "../../../../src/protocol/fleet/request-proof.ts";
import type { Random } from "./random.ts";

/** Probabilities for each request. */
export interface Weather {
  readonly delay: number;
  readonly delayMsMax: number;
  readonly duplicate: number;
  readonly replayLater: number;
  readonly loseRequest: number;
  readonly loseAnswer: number;
  readonly tearAnswer: number;
}

export const CALM: Weather = {
  delay: 0,
  delayMsMax: 0,
  duplicate: 0,
  replayLater: 0,
  loseRequest: 0,
  loseAnswer: 0,
  tearAnswer: 0,
};

export interface RelayCounts {
  requests: number;
  duplicates: number;
  replays: number;
  lostRequests: number;
  lostAnswers: number;
  cuts: number;
}

interface Whole {
  readonly method: string;
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const REPLAY_MS_MAX = 20_000;
const HOP_BY_HOP = ["connection", "host", "content-length", "transfer-encoding", "keep-alive", "date"];

export class Relay implements AsyncDisposable {
  readonly counts: RelayCounts = {
    requests: 0,
    duplicates: 0,
    replays: 0,
    lostRequests: 0,
    lostAnswers: 0,
    cuts: 0,
  };
  weather: Weather = CALM;
  readonly #random: Random;
  readonly #parentUrl: string;
  readonly #server: Server;
  readonly #sockets = new Map<Duplex, string | undefined>();
  /** Agents that reach nobody; "all" for all. */
  readonly #cut = new Set<string>();
  readonly #replays = new Set<ReturnType<typeof setTimeout>>();

  private constructor(stateDirectory: string, parentPort: number, random: Random) {
    this.#random = random;
    this.#parentUrl = `https://127.0.0.1:${parentPort}`;
    const cert = readFileSync(join(stateDirectory, "tls-certificate.pem"), "utf8");
    const key = readFileSync(join(stateDirectory, "tls-key.pem"), "utf8");
    this.#server = createServer({ key, cert }, (request, response) => void this.#take(request, response));
    this.#server.on("secureConnection", (socket: Duplex) => {
      this.#sockets.set(socket, undefined);
      socket.on("close", () => this.#sockets.delete(socket));
      socket.on("error", () => undefined); // the other end went away
      if (this.#cut.has("all")) socket.destroy();
    });
  }

  /** `stateDirectory`: the parent's. */
  static async start(stateDirectory: string, parentPort: number, random: Random): Promise<Relay> {
    const relay = new Relay(stateDirectory, parentPort, random);
    await new Promise<void>((resolve) => relay.#server.listen(0, "127.0.0.1", resolve));
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Also what is under way ends in the middle. */
  cut(agentId: string): void {
    this.#cut.add(agentId);
    this.counts.cuts += 1;
    for (const [socket, of] of this.#sockets) if (agentId === "all" || of === agentId) socket.destroy();
  }

  join(agentId: string): void {
    this.#cut.delete(agentId);
  }

  heal(): void {
    this.weather = CALM;
    this.#cut.clear();
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const agentId = String(request.headers[AGENT_HEADER] ?? "");
    this.#sockets.set(request.socket, agentId);
    try {
      const whole = await readWhole(request);
      this.counts.requests += 1;
      const answer = await this.#carry(whole, agentId);
      if (answer === undefined || this.#isCut(agentId)) request.socket.destroy();
      else this.#answer(request, response, answer);
    } catch {
      request.socket.destroy(); // one of both ends is gone
    }
  }

  #isCut(agentId: string): boolean {
    return this.#cut.has("all") || this.#cut.has(agentId);
  }

  /** Undefined: whoever asked hears nothing. */
  async #carry(whole: Whole, agentId: string): Promise<Answer | undefined> {
    const { weather } = this;
    if (this.#isCut(agentId)) return undefined;
    if (this.#random.chance(weather.loseRequest)) {
      this.counts.lostRequests += 1;
      return undefined;
    }
    if (this.#random.chance(weather.delay)) await Bun.sleep(this.#random.between(1, weather.delayMsMax));
    if (this.#isCut(agentId)) return undefined;
    if (this.#random.chance(weather.replayLater)) this.#replayLater(whole);
    let answer: Answer;
    if (this.#random.chance(weather.duplicate)) {
      this.counts.duplicates += 1;
      const both = [this.#forward(whole), this.#forward(whole)];
      for (const each of both) each.catch(() => undefined); // of the one that is not waited for
      answer = await this.#random.pick(both);
    } else answer = await this.#forward(whole);
    if (this.#random.chance(weather.delay)) await Bun.sleep(this.#random.between(1, weather.delayMsMax));
    if (!this.#random.chance(weather.loseAnswer)) return answer;
    this.counts.lostAnswers += 1;
    return undefined;
  }

  #answer(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
    const isTorn = this.#random.chance(this.weather.tearAnswer);
    response.writeHead(answer.status, { ...answer.headers, "content-length": String(answer.body.length) });
    if (!isTorn) {
      response.end(answer.body);
      return;
    }
    this.counts.lostAnswers += 1;
    response.write(answer.body.subarray(0, Math.floor(answer.body.length / 2)), () =>
      request.socket.destroy(),
    );
  }

  #replayLater(whole: Whole): void {
    const timer = setTimeout(
      () => {
        this.#replays.delete(timer);
        this.counts.replays += 1;
        this.#forward(whole).catch(() => undefined); // nobody waits for the answer
      },
      this.#random.between(100, REPLAY_MS_MAX),
    );
    this.#replays.add(timer);
  }

  async #forward({ method, path, headers, body }: Whole): Promise<Answer> {
    const response = await fetch(this.#parentUrl + path, {
      method,
      headers,
      ...(method === "GET" ? {} : { body }),
      tls: { rejectUnauthorized: false }, // it is the network: certificates are for those at its ends
      redirect: "manual",
      signal: AbortSignal.timeout(330_000),
    });
    const bytes = Buffer.from(await response.arrayBuffer());
    return { status: response.status, headers: withoutHops(response.headers.entries()), body: bytes };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const timer of this.#replays) clearTimeout(timer);
    for (const socket of this.#sockets.keys()) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}

function withoutHops(entries: Iterable<[string, string]>): Record<string, string> {
  return Object.fromEntries([...entries].filter(([name]) => !HOP_BY_HOP.includes(name)));
}

async function readWhole(request: IncomingMessage): Promise<Whole> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  const headers = Object.entries(request.headers).map(([name, value]): [string, string] => [
    name,
    Array.isArray(value) ? value.join(", ") : (value ?? ""),
  ]);
  return {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    headers: withoutHops(headers),
    body: Buffer.concat(parts),
  };
}
