/**
 * The auditor killed again and again while processes start and stop: over all its runs each process is told to have started
 * once at most, and to have stopped once at most, none stops that the parent did not know, and the last snapshot is the truth.
 */
import { readFileSync } from "node:fs";
import { expect } from "bun:test";
import { Identity } from "../../../src/protocol/fleet/identity.ts";
import { isLoss } from "../../../src/protocol/fleet/envelope.ts";
import { readBootId } from "../../../src/platform/boot-id.ts";
import { openOutbox } from "../../../src/telemetry/outbox.ts";
import { payloadOf, type Told } from "../../support/fleet/audit-world.ts";
import { HelperProcess } from "../../support/helper-process.ts";
import { testWith } from "../../support/needs.ts";
import { tmpdir } from "../../support/tmpdir.ts";
import { waitFor } from "../../support/wait-for.ts";

const AGENT = new URL("../../support/fleet/audit-agent.ts", import.meta.url).pathname;
const KILLS = 8;

interface Agent {
  readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  /** Its first snapshot is in the outbox. */
  readonly ready: Promise<void>;
}

function startAgent(directory: string, helper: HelperProcess | undefined): Agent {
  const places = helper === undefined ? [] : [helper.socketPath, helper.secretPath];
  const child = Bun.spawn([process.execPath, AGENT, directory, ...places], {
    stdin: "pipe",
    stdout: "pipe",
    stderr: "inherit",
  });
  const ready = (async () => {
    for await (const chunk of child.stdout) if (new TextDecoder().decode(chunk).includes("ready")) return;
  })();
  return { child, ready };
}

/** Everything of the stream, in order; nothing may be missing. */
async function toldIn(directory: string): Promise<Told["payload"][]> {
  const outbox = openOutbox({
    directory,
    signer: Identity.fromPem(readFileSync(`${directory}/key.pem`, "utf8")),
    parentId: "0".repeat(32),
    bootId: readBootId(),
    clock: { nowMs: () => Date.now(), monotonicMs: () => performance.now() },
    quotas: [],
  });
  const told: Told["payload"][] = [];
  for (;;) {
    const batch = outbox.nextBatch("process", 1024 * 1024);
    if (batch === undefined) break;
    for (const item of batch.items) {
      if (isLoss(item)) throw new Error(`lost: ${item.reason}`);
      told.push(payloadOf(item));
    }
    const cursor = batch.items.reduce(
      (last, item) => Math.max(last, isLoss(item) ? item.lastSeq : item.seq),
      0,
    );
    outbox.acknowledge(batch, { cursor, notLost: [], creditBytes: 1024 * 1024, waitMs: 0 });
  }
  await outbox.close();
  return told;
}

/** As a parent would find it. */
function problemsOf(told: readonly Told["payload"][]): string[] {
  const problems: string[] = [];
  const known = new Set<string>();
  const started = new Set<string>();
  const stopped = new Set<string>();
  for (const payload of told) {
    if (payload.eventType === "gap") continue;
    if (payload.eventType === "snapshot") {
      for (const { processId } of payload.processes) {
        if (stopped.has(processId)) problems.push(`${processId} is in a snapshot after its end`);
        known.add(processId);
      }
      continue;
    }
    const { processId, eventType } = payload;
    if (stopped.has(processId)) problems.push(`${processId} ${eventType} after its end`);
    if (eventType === "started" && started.has(processId)) problems.push(`${processId} started twice`);
    if (eventType === "started" && known.has(processId))
      problems.push(`${processId} started after a snapshot`);
    if (eventType !== "started" && !known.has(processId)) problems.push(`${processId} ${eventType} unknown`);
    if (eventType === "started") started.add(processId);
    if (eventType === "stopped") stopped.add(processId);
    known.add(processId);
  }
  return problems;
}

async function killedAgain(helper: HelperProcess | undefined): Promise<void> {
  await using directory = await tmpdir();
  const lasting = Bun.spawn(["sleep", "1000"]);
  const workload = Bun.spawn([
    "sh",
    "-c",
    "while :; do sleep 0.1 & sleep 0.03 & sh -c 'exit 1'; sleep 0.02; done",
  ]);
  try {
    for (let kill = 0; kill < KILLS; kill += 1) {
      const agent = startAgent(directory.path, helper);
      // Every other one is killed at some moment of its beginning, the others at some moment of their work.
      if (kill % 2 === 0) await agent.ready;
      await Bun.sleep(Math.random() * (kill % 2 === 0 ? 300 : 700)); // the random moment is what is tested
      agent.child.kill("SIGKILL");
      await agent.child.exited;
    }
  } finally {
    workload.kill("SIGKILL");
    await workload.exited;
  }
  const agent = startAgent(directory.path, helper);
  await agent.ready;
  await agent.child.stdin.end();
  expect(await agent.child.exited).toBe(0);
  const told = await toldIn(directory.path);
  lasting.kill();
  expect(problemsOf(told)).toEqual([]);
  const last = told.findLast((payload) => payload.eventType === "snapshot");
  const own = told
    .flatMap((payload) => (payload.eventType === "snapshot" ? [payload] : []))
    .filter(({ snapshotId }) => snapshotId === last?.snapshotId) // of many processes it has parts
    .flatMap(({ processes }) => processes.filter(({ pid }) => pid === lasting.pid));
  expect(own.map(({ fingerprint }) => fingerprint.name)).toEqual(["sleep"]);
  const gaps = told.filter((payload) => payload.eventType === "gap");
  expect(gaps.filter(({ reason }) => reason === "agent_stopped").length).toBeGreaterThanOrEqual(KILLS / 2);
}

testWith([], "killed eight times, by scans", () => killedAgain(undefined), 300_000);

testWith(
  ["root"],
  "killed eight times, with the helper",
  async () => {
    await using helper = await HelperProcess.start();
    await killedAgain(helper);
  },
  300_000,
);

testWith([], "a damaged registry is set aside, and the agent begins anew", async () => {
  await using directory = await tmpdir();
  const first = startAgent(directory.path, undefined);
  await first.ready;
  first.child.kill("SIGKILL");
  await first.child.exited;
  await Bun.write(`${directory.path}/processes.db`, "this is no database".repeat(1000));
  const second = startAgent(directory.path, undefined);
  await second.ready;
  await second.child.stdin.end();
  expect(await second.child.exited).toBe(0);
  await waitFor(
    "the damaged file beside it",
    () => [...new Bun.Glob("processes.db.corrupt-*").scanSync(directory.path)].length > 0,
  );
});
