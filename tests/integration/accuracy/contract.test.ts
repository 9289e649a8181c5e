/**
 * Accuracy as a contract, on the compiled program: every scenario of the traffic program under `wb monitor`, each count
 * equal to the truth or excused by expectations.ts, nothing told that did not happen, nothing missing that was not
 * declared lost. UPDATE_DOCS=1 writes the table into docs/accuracy.md.
 */
import { expect } from "bun:test";
import { EBPF_METHODS } from "../../../src/model/capture-status.ts";
import { testWith } from "../../support/needs.ts";
import { excuse } from "./expectations.ts";
import { runScenarios, type Judged } from "./run-scenario.ts";
import { ResultTable } from "./table.ts";

const table = new ResultTable();

/** What neither is exact nor was to be expected, in words. */
function unexcused({ told, comparison }: Judged): string[] {
  return comparison.findings
    .filter((finding) => excuse(told.method, finding) === undefined)
    .map(({ scenario, outcome, text }) => `${scenario}: ${outcome}: ${text}`);
}

function expectContract(judged: Judged): void {
  const { account, told } = judged;
  table.add(told.method, account, judged.comparison.findings);
  expect(account.failed).toEqual([]);
  expect(unexcused(judged)).toEqual([]);
}

const lostBytes = ({ told }: Judged): number => told.loss.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0);

testWith(
  ["binary", "root", "program:cc"],
  "with the helper, by the best method of this kernel, every byte of every scenario",
  async () => {
    const judged = await runScenarios(["all"], { elevate: true });
    expect(EBPF_METHODS.map(String)).toContain(judged.told.method);
    expectContract(judged);
    expect(judged.comparison.missingBytes).toBeLessThanOrEqual(lostBytes(judged));
  },
  600_000,
);

testWith(
  ["binary", "root", "program:cc"],
  "without the helper no row says what is not so, and what sock_diag can't count it does not tell",
  async () => {
    expectContract(await runScenarios(["all", "--processes", "10"], { elevate: false, method: "sock_diag" }));
    console.log(table.toMarkdown());
    if (process.env["UPDATE_DOCS"] === "1") table.write();
  },
  600_000,
);

testWith(
  ["binary", "root", "program:cc"],
  "20,000 connections of 2,000 processes: each attributed, or counted as loss",
  async () => {
    const words = ["tcp-many-processes", "--families", "4", "--processes", "2000", "--connections", "10"];
    const judged = await runScenarios(words, { elevate: true });
    expect(judged.account.failed).toEqual([]);
    const clients = judged.account.truths.filter(({ role }) => role === "client");
    expect(clients).toHaveLength(20_000);
    expect(new Set(clients.map(({ pid }) => pid)).size).toBe(2000);
    const told = judged.comparison.findings.filter(({ outcome }) => outcome !== "no row");
    expect(told.filter(({ outcome }) => outcome !== "exact").map(({ text }) => text)).toEqual([]);
    expect(judged.comparison.missingBytes).toBeLessThanOrEqual(lostBytes(judged));
  },
  600_000,
);
