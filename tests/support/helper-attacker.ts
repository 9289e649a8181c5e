/** A program of its own for tests: `PROGRAM helper-attacker.ts SOCKET SECRET` does a right handshake and prints how it ended. */
import { readSecretFile } from "../../src/platform/secret-file.ts";
import { HelperClient } from "./helper-client.ts";
import { waitFor } from "./wait-for.ts";

const [socketPath = "", secretPath = ""] = process.argv.slice(2);
using client = await HelperClient.connect(socketPath);
client.send(await client.handshake(readSecretFile(secretPath)));
const answer = await waitFor("an answer", () => client.responses[1]);
console.log(answer.type === "error" ? answer.code : answer.type);
process.exit(0);
