/**
 * The running agent answers its own user on this machine, over a Unix socket in its state directory: status, leave, which
 * processes run. Asked by root or by the user that it runs as; the directory lets in nobody else, and the kernel's word on who
 * asks is checked as well.
 */
import { z } from "zod";
import { CATEGORIES } from "../model/categories.ts";
import { WbError } from "../model/errors.ts";
import type { FrameConnection, FrameHandlers, FrameListener } from "../protocol/helper/transport.ts";
import { unixTransport } from "../platform/unix-transport.ts";

const LIMITS = { receivedBytesMax: 4 * 1024 * 1024, waitingBytesMax: 4 * 1024 * 1024 };
const ANSWER_MS = 10_000;

/** By the program's name or path, or the hash of its fingerprint; all of them where nothing is named. */
const Filter = z.strictObject({
  category: z.enum(CATEGORIES).optional(),
  program: z.string().min(1).max(4096).optional(),
});
export type ProcessFilter = z.infer<typeof Filter>;

const Question = z.discriminatedUnion("ask", [
  z.strictObject({ ask: z.literal("status") }),
  z.strictObject({ ask: z.literal("leave") }),
  z.strictObject({ ask: z.literal("processes"), filter: Filter }),
]);
export type Question = z.infer<typeof Question>;

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decode(frame: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(frame));
  } catch {
    return undefined; // no JSON: as good as no question
  }
}

function isAllowed(connection: FrameConnection): boolean {
  const { peer } = connection;
  return peer !== undefined && (peer.userId === 0 || peer.userId === process.geteuid?.());
}

/**
 * Answers until it is disposed. `answer` may reject: then the reason is told.
 * @throws WbError where the socket can't be made (too long a path, no right to).
 */
export async function listenForControl(
  path: string,
  answer: (question: Question) => Promise<unknown>,
): Promise<FrameListener> {
  const reply = async (connection: FrameConnection, frame: Uint8Array): Promise<void> => {
    const { data: question } = Question.safeParse(decode(frame));
    let told: unknown;
    if (!isAllowed(connection)) told = { error: "only root and the agent's own user may ask" };
    else if (question === undefined) told = { error: "there is no such question" };
    else {
      try {
        told = { answer: await answer(question) };
      } catch (error) {
        told = { error: error instanceof Error ? error.message : String(error) };
      }
    }
    if (!connection.send(encode(told))) connection.close();
  };
  return await unixTransport.listen(path, LIMITS, {
    opened: () => undefined,
    frame: (connection, frame) => void reply(connection, Uint8Array.from(frame)),
    closed: () => undefined,
  });
}

/**
 * Asks the agent that listens there.
 * @throws WbError("unavailable") where nobody answers, WbError("permission") where this user may not ask.
 */
export async function askControl(path: string, question: Question): Promise<unknown> {
  const { promise, resolve, reject } = Promise.withResolvers<unknown>();
  const handlers: FrameHandlers = {
    frame: (_, frame) => resolve(decode(frame)),
    closed: (_, reason) =>
      reject(new WbError("unavailable", `the agent closed the connection: ${reason ?? "it ended"}`)),
  };
  const connection = await unixTransport.connect(path, LIMITS, handlers);
  const timer = setTimeout(() => reject(new WbError("unavailable", "the agent does not answer")), ANSWER_MS);
  try {
    connection.send(encode(question));
    const told = (await promise) as { answer?: unknown; error?: unknown } | null | undefined;
    if (typeof told?.error === "string") throw new WbError("unavailable", `the agent refuses: ${told.error}`);
    return told?.answer;
  } finally {
    clearTimeout(timer);
    connection.close();
  }
}
