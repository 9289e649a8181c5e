/**
 * Stores batches one after the other for ever, to be killed: prints the cursor after each that was acknowledged.
 * Arguments: the database, and the private key of the agent as PEM in a file.
 */
import { readFileSync } from "node:fs";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { openFleetStore } from "../../../src/store/fleet/open.ts";
import { loopBatch } from "./loop-batch.ts";

const [path, keyPath] = process.argv.slice(2);
const identity = Identity.fromPem(readFileSync(keyPath ?? "", "utf8"));
const store = await openFleetStore(path ?? "");
const [known] = await store.events.reconciliation(identity.id);
let cursor = known?.cursor ?? 0;
for (;;) {
  const [outcome] = await store.events.ingest([loopBatch(identity, cursor)]);
  if (outcome?.kind !== "stored") throw new Error(JSON.stringify(outcome));
  cursor = outcome.cursor;
  process.stdout.write(`${cursor}\n`);
}
