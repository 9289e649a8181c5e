/** What the doctor says of the agent of this machine: fine where it tells its parent, and what to do where it does not. */
import { join } from "node:path";
import { expect, test } from "bun:test";
import type { AgentStatus } from "../../../../src/agent/status.ts";
import { agentCheck, agentFinding } from "../../../../src/cli/doctor/agent.ts";
import { tmpdir } from "../../../support/tmpdir.ts";

const NOW_MS = 1_700_000_000_000;

const STREAM = { stream: "process", produced: 10, acked: 7, pending: 2, lost: 1 } as const;

const RUNNING: AgentStatus = {
  version: 1,
  wbVersion: "0.1.0",
  running: true,
  pid: 7,
  directory: "/state/agent",
  agentId: "a".repeat(32),
  startedAtMs: NOW_MS - 60_000,
  parent: {
    addresses: ["parent.example:7443"],
    pin: "p".repeat(43),
    parentId: "b".repeat(32),
    parentName: "den",
    state: "active",
    code: null,
  },
  link: {
    state: "online",
    standing: "accepted",
    problem: null,
    sinceMs: NOW_MS - 60_000,
    lastContactAtMs: NOW_MS - 1000,
    retryAtMs: null,
  },
  captureMethod: "sock_diag",
  runningProcesses: 3,
  residentBytes: 1,
  commandCursor: 0,
  streams: [{ ...STREAM, pendingBytes: 100, unknownTails: 0, invariantHolds: true } as never],
  epochs: [],
  ring: { events: 0, bytes: 0 },
  storageProblem: null,
  setAside: [],
  notices: [],
};

test("connected: fine, with its account", () => {
  const { status, detail, remedy, data } = agentFinding(RUNNING, NOW_MS);
  expect([status, detail, remedy]).toEqual([
    "ok",
    "den: connected for 1m 00s; 2 events to send, 1 lost",
    undefined,
  ]);
  expect(data).toEqual({ running: true, online: true, parent: "den", pending: 2, lost: 1 });
});

test("stopped, cut off, sent away, without room: a warning that says what to do", () => {
  const stopped = agentFinding({ ...RUNNING, running: false, link: null }, NOW_MS);
  expect([stopped.status, stopped.remedy]).toEqual([
    "warn",
    "Start it: `wb agent`, or as a service: `sudo wb agent install`",
  ]);
  const link = { ...RUNNING.link, state: "offline", problem: "no way" } as AgentStatus["link"];
  const offline = agentFinding({ ...RUNNING, link }, NOW_MS);
  expect(offline.status).toBe("warn");
  expect(offline.detail).toContain("not connected for 1m 00s: no way");
  const removed = { ...RUNNING.link, standing: "removed" } as AgentStatus["link"];
  expect(agentFinding({ ...RUNNING, link: removed }, NOW_MS).detail).toContain("the parent has removed it");
  const full = agentFinding({ ...RUNNING, storageProblem: "no space left" }, NOW_MS);
  expect([full.status, full.remedy?.includes("/state/agent")]).toEqual(["warn", true]);
});

test("an account that does not add up is the one thing that fails", () => {
  const streams = [{ ...STREAM, invariantHolds: false } as never];
  expect(agentFinding({ ...RUNNING, streams }, NOW_MS).status).toBe("fail");
});

test("no agent, or a directory of nothing, is nothing wrong", async () => {
  await using directory = await tmpdir();
  for (const path of [directory.path, join(directory.path, "none")]) {
    const env = { WB_AGENT_STATE_DIR: path, WB_CONFIG: "" };
    expect((await agentCheck(undefined, env, NOW_MS)).status).toBe("skip");
  }
});
