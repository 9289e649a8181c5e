/**
 * A client of the helper for tests that breaks every rule on demand: it sends any bytes, any handshake, and reads or
 * doesn't. Not the product's (capture/helper/), which would not do so.
 */
import { decodeResponse, encodeRequest } from "../../src/protocol/helper/codec.ts";
import { frameParts, FrameReader } from "../../src/protocol/helper/frames.ts";
import {
  clientMac,
  equalInConstantTime,
  helperMac,
  makeRandomBytes,
} from "../../src/protocol/helper/handshake.ts";
import {
  PROTOCOL_VERSION,
  RESPONSE_BYTES_MAX,
  type AuthenticateRequest,
  type Challenge,
  type HelperRequest,
  type HelperResponse,
} from "../../src/protocol/helper/messages.ts";
import { waitFor } from "./wait-for.ts";

type WithoutAsked<T> = T extends unknown ? Omit<T, "id" | "token"> : never;
export type Question = WithoutAsked<Exclude<HelperRequest, AuthenticateRequest>>;

export class HelperClient implements Disposable {
  readonly responses: HelperResponse[] = [];
  isClosed = false;
  token: Uint8Array = new Uint8Array(32);
  #socket: Bun.Socket | undefined;
  #nextId = 1;

  static async connect(path: string): Promise<HelperClient> {
    const client = new HelperClient();
    const reader = new FrameReader(RESPONSE_BYTES_MAX, (frame) => {
      const decoded = decodeResponse(frame);
      if (!decoded.ok) throw new Error(decoded.reason);
      client.responses.push(decoded.message);
    });
    client.#socket = await Bun.connect({
      unix: path,
      socket: {
        data: (_, chunk) => {
          const failure = reader.push(chunk);
          if (failure !== undefined) throw new Error(failure);
        },
        close: () => {
          client.isClosed = true;
        },
        error: () => {
          client.isClosed = true;
        },
      },
    });
    return client;
  }

  get socket(): Bun.Socket {
    if (this.#socket === undefined) throw new Error("not connected");
    return this.#socket;
  }

  /** Any bytes, as they are. */
  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes);
  }

  sendFrame(frame: Uint8Array): void {
    for (const part of frameParts(frame)) this.sendBytes(part);
  }

  send(request: HelperRequest): void {
    this.sendFrame(encodeRequest(request));
  }

  async challenge(): Promise<Challenge> {
    const first = await waitFor("the challenge", () => this.responses[0] ?? this.isClosed);
    if (first === true || first.type !== "challenge")
      throw new Error(`no challenge: ${JSON.stringify(first)}`);
    return first;
  }

  /** A handshake that is right but for what is given; `secret` of the proof. */
  async handshake(
    secret: Uint8Array,
    wrong: Partial<AuthenticateRequest> = {},
  ): Promise<AuthenticateRequest> {
    const challenge = await this.challenge();
    const request = {
      type: "authenticate",
      id: this.#nextId++,
      version: PROTOCOL_VERSION,
      pid: process.pid,
      timestampMs: Date.now(),
      nonce: makeRandomBytes(32),
      executable: process.execPath,
      ...wrong,
    } as const;
    const facts = {
      ...request,
      helperNonce: challenge.nonce,
      instance: challenge.instance,
      helperPid: challenge.pid,
      clientNonce: request.nonce,
      clientPid: request.pid,
    };
    return { ...request, mac: wrong.mac ?? clientMac(secret, facts) };
  }

  /** Authenticates, and checks the helper's own proof. */
  async authenticate(secret: Uint8Array, wrong: Partial<AuthenticateRequest> = {}): Promise<void> {
    const request = await this.handshake(secret, wrong);
    this.send(request);
    const answer = await this.answer(request.id);
    if (answer.type !== "authenticated") throw new Error(`not authenticated: ${JSON.stringify(answer)}`);
    const challenge = await this.challenge();
    const facts = {
      ...request,
      helperNonce: challenge.nonce,
      instance: challenge.instance,
      helperPid: challenge.pid,
      clientNonce: request.nonce,
      clientPid: request.pid,
    };
    const proof = helperMac(secret, facts, answer);
    if (!equalInConstantTime(proof, answer.mac)) throw new Error("the helper does not know the secret");
    this.token = answer.token;
  }

  /** Sends a question without waiting; returns its id. */
  post(question: Question, token = this.token): number {
    const id = this.#nextId++;
    this.send({ ...question, id, token });
    return id;
  }

  answer(id: number): Promise<HelperResponse> {
    return waitFor(`the answer to ${id}`, () =>
      this.responses.find((response) => response.type !== "challenge" && response.id === id),
    );
  }

  async ask<Q extends Question>(
    question: Q,
    token = this.token,
  ): Promise<Extract<HelperResponse, { readonly type: Q["type"] }>> {
    const answer = await this.answer(this.post(question, token));
    if (answer.type !== question.type) throw new Error(`${question.type}: ${JSON.stringify(answer)}`);
    return answer as Extract<HelperResponse, { readonly type: Q["type"] }>;
  }

  /** The code of the error that comes first, whatever it answers. */
  async refusal(): Promise<string> {
    const error = await waitFor("a refusal", () => {
      const found = this.responses.find((response) => response.type === "error");
      return found?.type === "error" ? found : undefined;
    });
    return error.code;
  }

  closing(): Promise<boolean> {
    return waitFor("the connection to be closed", () => this.isClosed);
  }

  [Symbol.dispose](): void {
    this.#socket?.terminate();
  }
}
