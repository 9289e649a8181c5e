/** `wb monitor --elevate` shows under which names programs asked for what they connect to, without asking anybody itself. */
import { expect } from "bun:test";

import { wordsOf } from "../support/elevated.ts";
import {
  NAMED_CONNECTIONS,
  NAMED_PORT,
  NAMED_TRAFFIC_NEEDS,
  namedTraffic,
} from "../support/named-traffic.ts";
import { BINARY_PATH, testWith } from "../support/needs.ts";
import { wbEnvironment } from "../support/run-wb.ts";
import { tmpdir } from "../support/tmpdir.ts";

interface Line {
  readonly type: string;
  readonly id?: string;
  readonly remoteAddress?: string;
  readonly remotePort?: number;
  readonly remoteHost?: string | null;
  readonly remoteHostSource?: string | null;
}

/** The lines, as they come. */
async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Line> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const bytes of stream) {
    const lines = (rest + decoder.decode(bytes, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) yield JSON.parse(line) as Line;
  }
}

/** What is told of connections by name, as soon as it is what happened or its time is over. */
async function toldNames(seconds: number): Promise<string[]> {
  await using home = await tmpdir();
  await using traffic = await namedTraffic();
  const duration = ["--duration", `${seconds}s`];
  const args = ["monitor", "--elevate", "--jsonl", "--interval", "200ms", ...duration, "--no-dns"];
  const monitor = Bun.spawn([BINARY_PATH, ...args, "--no-history"], {
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    env: wbEnvironment({ home: home.path }),
  });
  const told = new Map<string, string>();
  for await (const line of linesOf(monitor.stdout)) {
    if (line.type === "totals") traffic.begin(); // by its first sample the helper counts
    if (line.id === undefined || line.remotePort !== NAMED_PORT) continue;
    told.set(line.id, `${line.remoteAddress} ${line.remoteHostSource} ${line.remoteHost}`);
    if ([...told.values()].sort().join() === EXPECTED.join()) break;
  }
  monitor.kill("SIGINT");
  expect(wordsOf(await monitor.stderr.text())).toBe("");
  await monitor.exited;
  return [...told.values()].sort();
}

const EXPECTED = NAMED_CONNECTIONS.map(
  ({ address, host }) => `${address} ${host.source} ${host.name}`,
).sort();

testWith(
  ["binary", ...NAMED_TRAFFIC_NEEDS],
  "observed names are shown with their source",
  async () => {
    let told = await toldNames(20);
    // On a machine that is too busy to keep up names are lost, which is counted.
    for (let seconds = 40; told.join() !== EXPECTED.join() && seconds < 200; seconds *= 2)
      told = await toldNames(seconds);
    expect(told).toEqual(EXPECTED);
  },
  600_000,
);
