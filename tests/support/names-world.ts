/**
 * Runs in a network and mount namespace of its own, as root: connections to addresses of 198.51.100.0/24, all of them
 * served by this machine, a name server on 127.0.0.1 that answers or keeps silent (first argument), and then the program
 * that the other arguments name, with this one's output. Exits as it does.
 */
import { spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { createConnection, createServer } from "node:net";

import { REPLY, wireName, writeMessage } from "./dns-message.ts";

const [behaviour, ...command] = process.argv.slice(2);

function system(...words: readonly [string, ...string[]]): void {
  const { status } = spawnSync(words[0], words.slice(1), { stdio: "inherit" });
  if (status !== 0) throw new Error(`${words.join(" ")}: ${status}`);
}

/** The question of a query whose name is not compressed, as ours are. */
function questionOf(bytes: Uint8Array): string {
  const labels: string[] = [];
  for (let at = 12; (bytes[at] ?? 0) > 0; at += 1 + (bytes[at] ?? 0)) {
    labels.push(String.fromCharCode(...bytes.subarray(at + 1, at + 1 + (bytes[at] ?? 0))));
  }
  return labels.join(".");
}

await Bun.write(`${process.env["HOME"]}/resolv.conf`, "nameserver 127.0.0.1\n");
system("ip", "link", "set", "lo", "up");
system("ip", "address", "add", "198.51.100.0/24", "dev", "lo");
system("mount", "--bind", `${process.env["HOME"]}/resolv.conf`, "/etc/resolv.conf");

const server = createSocket("udp4");
// Whoever asked may have gone: the kernel says so at the next call.
server.on("error", () => undefined);
server.on("message", (bytes, peer) => {
  if (behaviour !== "answers") return;
  const name = questionOf(bytes);
  const id = ((bytes[0] ?? 0) << 8) | (bytes[1] ?? 0);
  const data = wireName(`host-${name.split(".")[0]}.example`);
  const answers = [{ owner: name, type: 12, ttl: 60, data }];
  server.send(
    writeMessage({ id, flags: REPLY, questions: [{ name, type: 12 }], answers }),
    peer.port,
    peer.address,
  );
});
await new Promise<void>((resolve) => server.bind(53, "127.0.0.1", () => resolve()));

const listener = createServer((socket) => socket.on("error", () => socket.destroy()));
const port = await new Promise<number>((resolve) => {
  listener.listen(0, "0.0.0.0", () => {
    const address = listener.address();
    resolve(typeof address === "object" && address !== null ? address.port : 0);
  });
});
for (let last = 1; last <= 200; last += 1) {
  const socket = createConnection({ host: `198.51.100.${last}`, port });
  await new Promise<void>((resolve) => socket.once("connect", () => resolve()));
}

const child = Bun.spawn(command, { stdin: "ignore", stdout: "inherit", stderr: "inherit" });
process.exit(await child.exited);
