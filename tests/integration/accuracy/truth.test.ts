/**
 * The traffic program tells the truth: it runs every scenario to its end, both ends of each agree to the byte, and both
 * with the kernel's own record of the socket. No capture has part in it.
 */
import { expect } from "bun:test";
import { testWith } from "../../support/needs.ts";
import { disagreements, ENDS_DIFFER } from "./agreement.ts";
import { startTraffic, trafficProgram } from "./program.ts";

testWith(
  ["root", "program:cc"],
  "every scenario runs, and its two ends agree with each other and with TCP_INFO",
  async () => {
    await using traffic = startTraffic(await trafficProgram(), ["all", "--processes", "20"]);
    await traffic.prepared();
    traffic.goOn();
    await traffic.ran();
    traffic.goOn();
    const account = await traffic.ended();
    expect(account.failed).toEqual([]);
    expect(disagreements(account.truths)).toEqual([]);
    for (const [name, reason] of account.unsupported) console.error(`SKIP ${name}: ${reason}`);
    const told = new Set(account.truths.map(({ scenario }) => scenario));
    const silent = [...account.milliseconds.keys()].filter((name) => {
      const scenario = name.split(" ")[0] ?? "";
      const hasNothingToTell = scenario === "tcp-refused" || scenario === "unix-netlink";
      return !told.has(scenario) && !account.unsupported.has(name) && !hasNothingToTell;
    });
    expect(silent).toEqual([]);
    expect(account.uncounted.map(({ protocol }) => protocol).toSorted()).toEqual([
      "netlink",
      "netlink",
      ...Array.from({ length: 6 }, () => "unix"),
    ]);
    const names = new Set([...account.milliseconds.keys()].map((name) => name.split(" ")[0]));
    expect(Object.keys(ENDS_DIFFER).filter((name) => !names.has(name))).toEqual([]);
  },
  600_000,
);
