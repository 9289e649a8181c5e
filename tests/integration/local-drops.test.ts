/**
 * A full local queue drops segments before they leave, and the kernel counts each of them as sent twice. The capture goes
 * by the sequence numbers then: the payload is right, and whether SYN and FIN are in it is told as the uncertainty.
 */
import { join } from "node:path";
import { expect } from "bun:test";
import { testWith } from "../support/needs.ts";

/** tbf drops what doesn't fit into its limit; the long MTU of loopback would never fit. */
const SCRIPT = [
  "ip link set lo up mtu 1500",
  "tc qdisc add dev lo root tbf rate 200mbit burst 70kb limit 75kb",
  '"$0" "$1"',
  "tc -s qdisc show dev lo",
].join(" && ");

testWith(
  ["root", "program:tc", "program:ip", "program:unshare"],
  "dropped before they were sent",
  async () => {
    const child = Bun.spawn(
      [
        "unshare",
        "--net",
        "sh",
        "-c",
        SCRIPT,
        process.execPath,
        join(import.meta.dir, "../support/traffic/local-drops.ts"),
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "pipe" },
    );
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    const [json = "", ...statistics] = stdout.split("\n");
    const { expected, told, uncertainty } = JSON.parse(json) as Record<string, unknown[]>;
    expect(Number(/dropped (\d+)/.exec(statistics.join("\n"))?.[1])).toBeGreaterThan(0);
    expect(told).toEqual(expected as unknown[]);
    expect((uncertainty as number[]).filter((bytes) => bytes > 2)).toEqual([]);
  },
);

testWith(
  ["root", "program:tc", "program:ip", "program:unshare"],
  "a dropped byte hides behind a FIN, and is told as an uncertainty of one",
  async () => {
    const program = join(import.meta.dir, "../support/traffic/small-drops.ts");
    const script = 'ip link set lo up mtu 1500 && "$0" "$1"';
    const child = Bun.spawn(["unshare", "--net", "sh", "-c", script, process.execPath, program], {
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    const [stdout, stderr, exitCode] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
      child.exited,
    ]);
    expect(stderr).toBe("");
    expect(exitCode).toBe(0);
    const { dropped, rows } = JSON.parse(stdout) as {
      dropped: number;
      rows: { sent: number; uncertaintyBytes: number }[];
    };
    expect(dropped).toBeGreaterThan(0);
    expect(rows.filter((row) => Math.abs(row.sent - 1) > row.uncertaintyBytes)).toEqual([]);
    // Those that lost nothing are exact: the ones with a doubt are no more than what was dropped.
    expect(rows.filter((row) => row.uncertaintyBytes > 0).length).toBeLessThanOrEqual(dropped);
  },
);
