/**
 * Segments of one byte, some of which a full local queue drops before they are sent, in a network namespace that the
 * caller made. Tells as JSON what the program sent on each connection, and what the capture said of it.
 */
import { cInt, libc } from "../../../ffi/linux/libc.ts";
import { openCapture } from "../../../src/capture/open.ts";
import { waitFor } from "../wait-for.ts";
import { Collector } from "./collector.ts";
import { accept, CountingSocket, listen } from "./sockets.ts";

const CONNECTIONS = 200;
const IPPROTO_TCP = 6;
const TCP_NODELAY = 1;

const listener = listen("127.0.0.1");
await using capture = await openCapture({ method: "sock_diag" });
const collector = new Collector();
collector.add(await capture.sample());
const clients: CountingSocket[] = [];
const servers: CountingSocket[] = [];
for (let index = 0; index < CONNECTIONS; index += 1) {
  const client = CountingSocket.connect("127.0.0.1", listener.port);
  const server = accept(listener.fd);
  if (server === undefined) throw new Error("a connection was made and can't be accepted");
  libc().setsockopt(client.fd, IPPROTO_TCP, TCP_NODELAY, cInt(1), 4);
  clients.push(client);
  servers.push(server);
}
tc("add", "dev", "lo", "root", "tbf", "rate", "500kbit", "burst", "3kb", "limit", "7kb");
for (const client of clients) client.send(1);
for (const server of servers) server.receive(1);
const statistics = tc("-s", "show", "dev", "lo");
tc("del", "dev", "lo", "root");
for (const client of clients) client.close();
for (const server of servers) server.close();
const own = new Set(clients.map((client) => client.local));
const rows = await waitFor("all connections to close", async () => {
  collector.add(await capture.sample());
  const found = collector.connections(listener.port).filter((row) => own.has(row.local) && row.closed);
  return found.length === CONNECTIONS && found;
});
console.log(
  JSON.stringify({
    dropped: Number(/dropped (\d+)/.exec(statistics)?.[1]),
    rows: rows.map((row) => ({ sent: row.sent, uncertaintyBytes: row.uncertaintyBytes })),
  }),
);

function tc(...words: string[]): string {
  const [first = "", ...rest] = words;
  const command = first === "-s" ? ["tc", "-s", "qdisc", ...rest] : ["tc", "qdisc", first, ...rest];
  const { exitCode, stdout, stderr } = Bun.spawnSync(command);
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}
