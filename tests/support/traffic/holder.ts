/**
 * Holds many open connections to itself on loopback, each having carried a few bytes, until stdin ends: what benchmarks
 * and the attribution test enumerate. Argument: how many connections. Two sockets each, and a listener.
 */
import { accept, CountingSocket, listen } from "./sockets.ts";

const count = Number(process.argv[2] ?? "100");
const listener = listen("127.0.0.1");
const held: CountingSocket[] = [];
for (let index = 0; index < count; index += 1) {
  const here = CountingSocket.connect("127.0.0.1", listener.port);
  const there = accept(listener.fd);
  if (there === undefined) throw new Error("a connection was made and can't be accepted");
  here.send(index % 100);
  there.receive(index % 100);
  held.push(here, there);
}
console.log(JSON.stringify({ pid: process.pid, port: listener.port, sockets: held.length + 1 }));
for await (const _ of Bun.stdin.stream()) continue;
process.exit(0);
