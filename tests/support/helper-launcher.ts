/**
 * A program of its own for tests: launches a helper as the product does, with `DIRECT...` words as the elevated command,
 * takes a session, prints what it has as one line of JSON, and stays until it is killed or its input ends.
 */
import { launchHelper } from "../../src/platform/launched-helper.ts";
import { HelperClient } from "./helper-client.ts";

/** The way `direct` runs the words as they are; here they may begin with a stand-in of sudo. */
const facts = {
  isRoot: true,
  hasTerminal: false,
  hasDisplay: false,
  sudo: undefined,
  pkexec: undefined,
  noNewPrivileges: false,
};
await using helper = await launchHelper({ own: process.argv.slice(2), facts });
using client = await HelperClient.connect(helper.socketPath);
await client.authenticate(helper.secret);
const { sockets, method } = {
  ...(await client.ask({ type: "connectionStats", sinceNs: 0 })),
  ...(await client.ask({ type: "status" })),
};
const secret = Buffer.from(helper.secret).toString("base64");
console.log(
  JSON.stringify({ socketPath: helper.socketPath, pid: helper.pid, sockets: sockets.length, method, secret }),
);
for await (const chunk of Bun.stdin.stream()) void chunk;
