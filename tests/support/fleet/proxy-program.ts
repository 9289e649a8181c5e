/** An HTTP proxy as a program of its own: `bun proxy-program.ts HOST` prints `{ port }`, and for each line of input the tunnels so far. */
import { connectProxy } from "./connect-proxy.ts";

await using proxy = await connectProxy({ host: process.argv[2] ?? "127.0.0.1" });
console.log(JSON.stringify({ port: proxy.port }));
for await (const _line of console) console.log(JSON.stringify(proxy.tunnels));
