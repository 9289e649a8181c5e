/** What the doctor makes of a capture: good, degraded, wrong, absent. */
import { expect, test } from "bun:test";

import { captureChecks, probeCapture, type CaptureProbe } from "../../../../src/cli/doctor/capture.ts";
import type { Check, CheckId } from "../../../../src/cli/doctor/check.ts";
import type { SelfTest, Verdict } from "../../../../src/cli/doctor/self-test.ts";
import type { CaptureStatus, Degradation } from "../../../../src/model/capture-status.ts";
import type { Batch } from "../../../../src/model/contracts.ts";
import { WbError } from "../../../../src/model/errors.ts";

const FACTS = { system: "Linux", kernel: "6.18.0", architecture: "x64", isRoot: false };
const BATCH: Batch = {
  sampledAtMs: 0,
  monotonicMs: 0,
  sockets: [],
  closed: [],
  processes: [],
  exited: [],
  usage: [],
  interfaces: [],
  loss: [],
  timings: { enumerateMs: 0.4, processesMs: 1, interfacesMs: 0.1 },
};
const EXACT: Verdict = { ends: 2, countedEnds: 2, offBytes: 0, declaredBytes: 0, meaning: "payload" };
const TEST: SelfTest = { live: EXACT, closed: EXACT, noticeMs: 1 };

function status(
  parts: Partial<CaptureStatus["capabilities"]> = {},
  degradations: readonly Degradation[] = [],
): CaptureStatus {
  const capabilities = {
    bytes: "tcp",
    closedConnections: true,
    processes: "all",
    names: false,
    namespaces: "current",
    ...parts,
  } as const;
  return { method: "sock_diag", capabilities, degradations };
}

function probe(parts: Partial<CaptureProbe> = {}): CaptureProbe {
  return { status: status(), batch: BATCH, sampleMs: 2, test: TEST, ...parts };
}

function found(checks: readonly Check[], id: CheckId): Check {
  const check = checks.find((each) => each.id === id);
  if (check === undefined) throw new Error(`no check ${id}`);
  return check;
}

const statuses = (checks: readonly Check[]) =>
  Object.fromEntries(checks.map(({ id, status }) => [id, status]));

test("a good capture is good in everything but what nobody can count", () => {
  expect(statuses(captureChecks(probe(), FACTS))).toEqual({
    capture: "ok",
    exact_bytes: "ok",
    closed_connections: "ok",
    udp_bytes: "skip",
    processes: "ok",
    interfaces: "warn",
  });
});

test("a count that is off is a warning if it says so, a failure if it does not", () => {
  const verdicts: readonly (readonly [Partial<Verdict>, Check["status"]])[] = [
    [{}, "ok"],
    [{ offBytes: 3, declaredBytes: 3 }, "warn"],
    [{ offBytes: 3, declaredBytes: undefined }, "warn"],
    [{ offBytes: 3, declaredBytes: 2 }, "fail"],
    [{ offBytes: 1, declaredBytes: 0 }, "fail"],
    [{ ends: 1, countedEnds: 1, offBytes: undefined }, "warn"],
    [{ countedEnds: 0, offBytes: undefined, meaning: "none" }, "warn"],
  ];
  for (const [parts, expected] of verdicts) {
    const verdict = { ...EXACT, ...parts };
    const checks = captureChecks(probe({ test: { live: verdict, closed: EXACT, noticeMs: 1 } }), FACTS);
    expect({ parts, status: found(checks, "exact_bytes").status }).toEqual({ parts, status: expected });
    const closing = captureChecks(probe({ test: { live: EXACT, closed: verdict, noticeMs: 1 } }), FACTS);
    expect({ parts, status: found(closing, "closed_connections").status }).toEqual({
      parts,
      status: expected,
    });
  }
});

test("the capture's own words and remedies are told where they belong", () => {
  const noGroups: Degradation = { code: "no_destroy_groups", message: "no notices", remedy: "do this" };
  const others: Degradation = {
    code: "other_users_processes",
    message: "not yours",
    remedy: "`sudo wb monitor`",
  };
  const missed: Verdict = { ...EXACT, ends: 0, countedEnds: 0, offBytes: undefined };
  const checks = captureChecks(
    probe({
      status: status({ processes: "own", closedConnections: false }, [noGroups, others]),
      test: { live: EXACT, closed: missed, noticeMs: 2000 },
    }),
    FACTS,
  );
  expect(found(checks, "closed_connections")).toMatchObject({
    status: "warn",
    detail: "no notices",
    remedy: "do this",
  });
  expect(found(checks, "processes")).toMatchObject({ remedy: "`sudo wb monitor`" });
  expect(found(checks, "exact_bytes").status).toBe("ok");
});

test("without loopback the tests are skipped, with what mends it", () => {
  const checks = captureChecks(probe({ test: { problem: "ENETUNREACH" } }), FACTS);
  expect(found(checks, "exact_bytes")).toMatchObject({
    status: "skip",
    remedy: "Bring loopback up: `ip link set lo up`",
  });
});

test("a system without capture says unsupported, clearly and once", async () => {
  const unsupported = new WbError("unsupported", "no capture for this system");
  const opened = await probeCapture(() => Promise.reject(unsupported));
  expect(opened).toBe(unsupported);
  const checks = captureChecks(opened, { ...FACTS, system: "Windows_NT", kernel: "10.0.1" });
  expect(found(checks, "capture")).toMatchObject({
    status: "fail",
    detail: "unsupported: this version of wb can't capture on Windows_NT 10.0.1",
    remedy: "Use wb on Linux",
  });
  expect(checks.filter(({ status }) => status === "skip")).toHaveLength(5);
});

test("a capture that breaks in any other way is a failure with its own words", async () => {
  const opened = await probeCapture(() => {
    throw new TypeError("something is undefined");
  });
  expect(found(captureChecks(opened, FACTS), "capture")).toMatchObject({
    status: "fail",
    detail: "something is undefined",
  });
});
