/** A listening socket that a child process inherits as its standard input: two holders of one socket, until stdin ends. */
import { listen } from "./sockets.ts";

const listener = listen("127.0.0.1");
const child = Bun.spawn(["sleep", "600"], { stdin: listener.fd, stdout: "ignore", stderr: "ignore" });
console.log(JSON.stringify({ parent: process.pid, child: child.pid, port: listener.port }));
for await (const _ of Bun.stdin.stream()) continue;
child.kill();
await child.exited;
process.exit(0);
