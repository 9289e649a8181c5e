/**
 * The server of the test traffic: one process, one poll loop, non-blocking. It obeys the first bytes of each connection
 * and counts every byte. It tells its port on stdout, and at each line on stdin what it has counted.
 */
import { openSync } from "node:fs";
import { ERRNO } from "../../../ffi/linux/libc.ts";
import { COMMANDS, HEADER_BYTES } from "./scenarios.ts";
import { accept, lastChunk, listen, ready, type Counted, type CountingSocket } from "./sockets.ts";

interface Conversation {
  readonly socket: CountingSocket;
  command: number;
  /** Bytes that are still to be answered with. */
  toSend: number;
  number: number;
  eof: boolean;
  shut: boolean;
  /** Not to be served before (performance.now): a server that takes its time. */
  waitsUntilMs: number;
}

const file = openSync(process.argv[2] ?? "/dev/null", "r");
const listener = listen("::");
const conversations = new Set<Conversation>();
const finished: Counted[] = [];

console.log(JSON.stringify({ port: listener.port, pid: process.pid }));
for await (const chunk of driven(Bun.stdin.stream())) {
  if (chunk === "report") {
    const live = [...conversations].map((conversation) => conversation.socket.counted());
    console.log(JSON.stringify({ connections: finished.concat(live), live: live.length }));
  }
  if (chunk === "take") {
    console.log(JSON.stringify({ connections: finished.splice(0), live: conversations.size }));
  }
}
process.exit(0);

/** The lines of stdin; between them, the poll loop turns. */
async function* driven(stdin: ReadableStream<Uint8Array>): AsyncIterable<string> {
  const lines: string[] = [];
  const input = { ended: false };
  const reading = (async () => {
    const decoder = new TextDecoder();
    for await (const bytes of stdin) lines.push(...decoder.decode(bytes).split("\n").filter(Boolean));
    input.ended = true;
  })();
  while (!input.ended) {
    turn(5);
    await Bun.sleep(0); // lets stdin be read between two turns
    for (const line of lines.splice(0)) yield line;
  }
  await reading;
}

function turn(timeoutMs: number): void {
  const now = performance.now();
  const all = [...conversations];
  for (const late of all) if (late.waitsUntilMs > 0 && late.waitsUntilMs <= now) answer(late);
  const list = all.filter((conversation) => conversation.waitsUntilMs === 0);
  const wanted = list.map(({ socket, toSend, command }) => ({
    fd: socket.fd,
    out: toSend > 0 && command > 0,
  }));
  const hits = ready([{ fd: listener.fd, out: false }, ...wanted], timeoutMs);
  for (const index of hits) {
    const conversation = list[index - 1];
    if (conversation !== undefined) serve(conversation);
  }
  if (!hits.includes(0)) return;
  for (let socket = accept(listener.fd); socket !== undefined; socket = accept(listener.fd)) {
    conversations.add({ socket, command: 0, toSend: 0, number: 0, eof: false, shut: false, waitsUntilMs: 0 });
  }
}

function serve(conversation: Conversation): void {
  const { socket } = conversation;
  while (!conversation.eof) {
    const beginning = socket.received === 0;
    const count = socket.tryReceive();
    if (count === -ERRNO.EAGAIN) break;
    if (count < 0) return finish(conversation);
    if (count === 0) conversation.eof = true;
    else if (beginning) obey(conversation, count);
  }
  answer(conversation);
}

function obey(conversation: Conversation, count: number): void {
  if (count < HEADER_BYTES) throw new Error(`a header of ${count} bytes`);
  conversation.command = lastChunk().getUint32(0, true);
  conversation.number = lastChunk().getUint32(4, true);
  conversation.toSend = conversation.number;
}

function answer(conversation: Conversation): void {
  const { socket, command } = conversation;
  if (command === 0 && conversation.eof) return finish(conversation);
  const afterEof = command === COMMANDS.answerAfterEof || command === COMMANDS.answerAfterEofAndStay;
  if (afterEof && !conversation.eof) return;
  if (command === COMMANDS.waitThenClose || command === COMMANDS.waitThenAnswer) {
    if (!conversation.eof) return;
    if (conversation.waitsUntilMs === 0) {
      conversation.waitsUntilMs =
        performance.now() + (command === COMMANDS.waitThenClose ? conversation.number : 100);
      return;
    }
    if (performance.now() < conversation.waitsUntilMs) return;
    if (command === COMMANDS.waitThenClose) return finish(conversation);
    conversation.waitsUntilMs = 0;
  }
  if (command === COMMANDS.answerAfterEofAndReset && !conversation.eof) return;
  if (command === COMMANDS.sendFile && conversation.toSend > 0) {
    socket.sendFile(file, conversation.toSend);
    conversation.toSend = 0;
  }
  while (conversation.toSend > 0) {
    const count = socket.trySend(conversation.toSend);
    if (count === -ERRNO.EAGAIN) return;
    if (count < 0) return finish(conversation);
    conversation.toSend -= count;
  }
  if (command === COMMANDS.answerAndClose) return finish(conversation);
  if (command === COMMANDS.answerAndReset || command === COMMANDS.answerAfterEofAndReset) {
    // Only when the answer has gone: a reset would throw away what is still to be sent.
    if (command === COMMANDS.answerAfterEofAndReset) Bun.sleepSync(30);
    socket.reset();
    return finish(conversation);
  }
  if (command === COMMANDS.halfClose && !conversation.shut) {
    socket.shutdownSending();
    conversation.shut = true;
  }
  // Stays, with its answer unread at the other end, until that closes.
  if (command === COMMANDS.answerAfterEofAndStay) {
    // After the end of the stream only sending tells of a reset, and sending nothing is enough.
    if (socket.trySend(0) < 0) finish(conversation);
    return;
  }
  if (conversation.eof) finish(conversation);
}

function finish(conversation: Conversation): void {
  conversations.delete(conversation);
  conversation.socket.close();
  finished.push(conversation.socket.counted());
}
