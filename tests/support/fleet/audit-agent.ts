/**
 * The auditor with a real outbox as a program of its own, to be killed: `bun audit-agent.ts DIRECTORY [SOCKET SECRET]`. It says
 * `ready` on its standard output once its first snapshot is in the outbox, and ends in order when its input ends.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createProcessAuditor } from "../../../src/agent/audit/auditor.ts";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { readBootId } from "../../../src/platform/boot-id.ts";
import { openOutbox } from "../../../src/telemetry/outbox.ts";

const [directory = ".", socketPath, secretPath] = process.argv.slice(2);
const keyPath = `${directory}/key.pem`;
if (!existsSync(keyPath)) writeFileSync(keyPath, Identity.generate().toPem());
const outbox = openOutbox({
  directory,
  signer: Identity.fromPem(readFileSync(keyPath, "utf8")),
  parentId: "0".repeat(32),
  bootId: readBootId(),
  clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
  quotas: [],
});
let isReady = false;
const statePath = (name: string): string => `${directory}/state-${name}`;
const auditor = createProcessAuditor({
  outbox: {
    append: (stream, event) => {
      outbox.append(stream, event);
      if (isReady || event.type !== "process_snapshot") return;
      isReady = true;
      void outbox.flush().then(() => process.stdout.write("ready\n"));
    },
    declareLoss: (...words) => outbox.declareLoss(...words),
    flush: () => outbox.flush(),
    waitForPending: (...words) => outbox.waitForPending(...words),
    nextBatch: (...words) => outbox.nextBatch(...words),
    acknowledge: (...words) => outbox.acknowledge(...words),
    rewindTo: (...words) => outbox.rewindTo(...words),
    beginEpoch: (...words) => outbox.beginEpoch(...words),
    giveUp: (...words) => outbox.giveUp(...words),
    status: () => outbox.status(),
    close: () => outbox.close(),
  },
  clock: { now: () => Date.now(), monotonicMs: () => performance.now() },
  log: { info: console.error, warn: console.error, error: console.error },
  registryPath: `${directory}/processes.db`,
  state: {
    get: (name) => (existsSync(statePath(name)) ? readFileSync(statePath(name), "utf8") : undefined),
    set: (name, value) => writeFileSync(statePath(name), value),
  },
  asker: { ask: () => Promise.resolve([]) },
  helper: socketPath === undefined ? undefined : { socketPath, secretPath },
  helperRetryMs: { first: 50, last: 200 },
  scanMs: { first: 100, min: 100, max: 200 },
});
const stop = new AbortController();
const run = auditor.run(stop.signal);
for await (const _chunk of Bun.stdin.stream()) {
  // Only its end matters.
}
stop.abort();
await run;
await outbox.close();
