/** What `wb agent status` says of the connection, in each state: it explains itself and names the next step. */
import { expect, test } from "bun:test";
import type { LinkStatus } from "../../../src/agent/link.ts";
import { statusOfStopped, type AgentStatus } from "../../../src/agent/status.ts";
import { connectionLine, statusLines } from "../../../src/cli/agent-status.ts";

const PARENT = {
  addresses: ["parent.example:7443"],
  pin: "p".repeat(43),
  parentId: "ab".repeat(16),
  parentKey: "k".repeat(43),
  parentName: "hq",
} as const;
const ID = "cd".repeat(16);

function stopped(state: "pending" | "active", running = false): AgentStatus {
  const code = state === "pending" ? "G64B-W11J" : null;
  return statusOfStopped("/d", { agentId: ID, parent: { ...PARENT, state, code } }, undefined, running);
}

function running(link: Partial<LinkStatus>): AgentStatus {
  const known: LinkStatus = {
    state: "offline",
    sinceMs: 1_000_000,
    standing: "accepted",
    problem: null,
    lastContactAtMs: null,
    retryAtMs: null,
  };
  return { ...stopped("active", true), link: { ...known, ...link } };
}

test("without a parent, and not running", () => {
  expect(connectionLine(statusOfStopped("/d", undefined, undefined, false), 0)).toBe(
    "no parent: join one with `wb agent join TOKEN`",
  );
  expect(connectionLine(stopped("active"), 0)).toBe(
    "does not run: start it with `wb agent`, or as a service with `wb agent install`",
  );
  expect(connectionLine(stopped("active", true), 0)).toBe("runs, but can't be asked: see `wb agent logs`");
});

test("while a person at the parent has not approved it: who does it, and how", () => {
  const how = `a person there compares the code: wb serve agents approve ${ID} G64B-W11J`;
  expect(connectionLine(stopped("pending", true), 0)).toBe(`waits for approval: ${how}`);
  expect(connectionLine(stopped("pending"), 0)).toBe(
    `does not run, and is not approved yet: ${how}; then start it with \`wb agent\``,
  );
});

test("running: connected, away, and not accepted", () => {
  expect(connectionLine(running({ state: "online" }), 1_004_000)).toBe("connected for 4 s");
  expect(connectionLine(running({ problem: "it can't be reached" }), 1_004_000)).toBe(
    "not connected for 4 s: it can't be reached",
  );
  expect(connectionLine(running({ problem: "it can't be reached", retryAtMs: 1_094_000 }), 1_004_000)).toBe(
    "not connected for 4 s: it can't be reached; tries again in 1m 30s",
  );
  expect(connectionLine(running({ standing: "quarantined" }), 0)).toBe(
    "the parent has put it into quarantine: its key was seen alive twice. Give the copy a key of its own (`wb agent leave --purge`, then join), and have the other released there (`wb serve agents release`)",
  );
  expect(connectionLine(running({ standing: "removed" }), 0)).toBe(
    "the parent has removed it: join it anew with `wb agent join TOKEN`, while it does not run",
  );
});

test("a disk that is full: what becomes of what is seen", () => {
  const lines = statusLines(
    { ...running({ state: "online" }), storageProblem: "the disk is full" },
    1_004_000,
  );
  expect(lines.find((line) => line.startsWith("storage"))).toBe(
    "storage     the disk is full; what is seen waits in memory, and what does not fit there is told as lost",
  );
});
