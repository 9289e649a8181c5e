/**
 * An exact number of bytes from one machine to another: `bun transfer.ts serve HOST` prints `{ port }`, takes all that a client
 * sends until it has sent enough, and answers; `bun transfer.ts send HOST PORT SENT ANSWERED` does the other part. Both stay
 * until their input ends, so that whoever counts can look at them while they live; each line of input is answered by
 * `{ sent, received }`.
 */
const [role, host = "127.0.0.1", ...numbers] = process.argv.slice(2);
const counts = { sent: 0, received: 0 };
const CHUNK = 65_536;

if (role === "serve") {
  const waiting = new Map<unknown, { left: number; answer: number }>();
  const server = Bun.listen({
    hostname: host,
    port: 0,
    socket: {
      data(socket, chunk) {
        counts.received += chunk.length;
        // The first eight bytes say how many will come in all, and how many are wanted back.
        const told = waiting.get(socket) ?? { left: chunk.readUInt32BE(0), answer: chunk.readUInt32BE(4) };
        told.left -= chunk.length;
        waiting.set(socket, told);
        if (told.left > 0) return;
        counts.sent += socket.write(Buffer.alloc(told.answer, 0x62));
        socket.end();
      },
    },
  });
  console.log(JSON.stringify({ port: server.port }));
} else {
  const [port = 0, sent = 0, answered = 0] = numbers.map(Number);
  const payload = Buffer.alloc(sent, 0x61);
  payload.writeUInt32BE(sent, 0);
  payload.writeUInt32BE(answered, 4);
  const ended = Promise.withResolvers<void>();
  const write = (socket: { write(data: Uint8Array): number }): void => {
    while (counts.sent < sent) {
      const written = socket.write(payload.subarray(counts.sent, counts.sent + CHUNK));
      counts.sent += Math.max(0, written);
      if (written < CHUNK) return;
    }
  };
  await Bun.connect({
    hostname: host,
    port,
    socket: {
      open: write,
      drain: write,
      data: (_, chunk) => void (counts.received += chunk.length),
      close: () => ended.resolve(),
    },
  });
  await ended.promise;
  console.log(JSON.stringify(counts));
}
for await (const _line of console) console.log(JSON.stringify(counts));
process.exit(0);
