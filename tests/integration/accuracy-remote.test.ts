/**
 * Exactness where the other end is on another machine: client and server in two network namespaces, a capture in each,
 * of which neither sees the other end. Every row keeps its word: it is off by no more than its uncertainty, and where
 * that is 0, it is right. The table that is printed is the one in docs/accuracy.md.
 */
import { join } from "node:path";
import { afterAll, expect } from "bun:test";
import { testWith } from "../support/needs.ts";
import type { CollectedRow } from "../support/traffic/collector.ts";
import { makeLink, type LinkKind } from "../support/traffic/link.ts";
import {
  CLOSING_SCENARIOS,
  LONG_LIVED_STEPS,
  SCENARIOS,
  type ClosingScenario,
  type Family,
  type Scenario,
} from "../support/traffic/scenarios.ts";
import type { Counted } from "../support/traffic/sockets.ts";
import { LineProcess, LOOPBACK, Traffic, type Places } from "../support/traffic/traffic.ts";
import { VerdictTable } from "../support/traffic/verdict.ts";
import { waitFor } from "../support/wait-for.ts";

const ALL = [...SCENARIOS, ...CLOSING_SCENARIOS];
/** Two hundred round trips and more would only take long. */
const OVER_A_SLOW_LINK = ALL.filter((scenario) => scenario !== "sequential-500");
const table = new VerdictTable();

interface Told {
  readonly rows: readonly CollectedRow[];
  readonly losses: readonly (readonly [string, number])[];
}

/** A capture in one of the two places. */
class Watcher {
  readonly #runner: LineProcess;

  private constructor(runner: LineProcess) {
    this.#runner = runner;
  }

  static async start(place: readonly string[], port: number): Promise<Watcher> {
    const program = join(import.meta.dir, "../support/traffic/capture-runner.ts");
    const runner = new LineProcess([...place, process.execPath, program, String(port)]);
    await runner.next();
    return new Watcher(runner);
  }

  fresh(): Promise<Told> {
    return this.#ask("fresh");
  }

  sample(): Promise<Told> {
    return this.#ask("sample");
  }

  end(): Promise<void> {
    return this.#runner.end();
  }

  async #ask(line: string): Promise<Told> {
    this.#runner.write(line);
    return await this.#runner.next<Told>();
  }
}

/**
 * Adds each connection of `truth` as `told` has it; the same one may not be told twice. Over loopback a port can be used
 * again within a second (tcp_tw_reuse), so a connection of the scenario before, told only now, can have the same ends: it
 * has other counts, where a second row of one connection has the same or none.
 */
function judge(told: Told, truth: readonly Counted[], scenario: string, column: string): void {
  const rows = new Map<string, CollectedRow[]>();
  for (const row of told.rows) {
    const key = `${row.local} ${row.remote}`;
    const same = rows.get(key) ?? [];
    const isTwice = ({ sent, received }: CollectedRow): boolean =>
      sent === undefined || row.sent === undefined || (sent === row.sent && received === row.received);
    if (same.some(isTwice)) throw new Error(`${scenario}: ${JSON.stringify(row)} is told twice`);
    rows.set(key, [...same, row]);
  }
  for (const row of truth) {
    const candidates = rows.get(`${row.local} ${row.remote}`) ?? [];
    const best = candidates.find(({ sent, received }) => sent === row.sent && received === row.received);
    table.at(scenario, column).add(best ?? candidates.at(-1), row);
  }
}

/** Samples until every connection is told as closed, or is counted as lost because its counters were erased. */
async function allClosed(watcher: Watcher, truth: readonly Counted[]): Promise<Told> {
  const wanted = new Set(truth.map((row) => `${row.local} ${row.remote}`));
  await waitFor(`${wanted.size} connections to close`, async () => {
    const told = await watcher.sample();
    const found = told.rows.filter((row) => row.closed && wanted.has(`${row.local} ${row.remote}`));
    const erased = told.losses.find(([cause]) => cause === "counters_erased")?.[1] ?? 0;
    return found.length + erased >= wanted.size;
  });
  // Once more, for what became better known of those that were told already.
  return await watcher.sample();
}

async function watch(
  places: Places,
  name: string,
  families: readonly Family[],
  scenarios: readonly (Scenario | ClosingScenario)[],
): Promise<void> {
  await using traffic = await Traffic.start(places);
  const watchers = await Promise.all([
    Watcher.start(places.client, traffic.port),
    Watcher.start(places.server, traffic.port),
  ]);
  const [atClient, atServer] = watchers;
  const settle = async (
    scenario: string,
    client: readonly Counted[],
    server: readonly Counted[],
  ): Promise<void> => {
    judge(await allClosed(atClient, client), client, scenario, `${name}, at the client`);
    judge(await allClosed(atServer, server), server, scenario, `${name}, at the server`);
  };
  for (const family of families) {
    for (const scenario of scenarios) {
      for (const watcher of watchers) await watcher.fresh();
      const client = await traffic.run(scenario, family);
      await settle(scenario, client, await traffic.serverCountsOf(client));
    }
    for (const watcher of watchers) await watcher.fresh();
    let client: readonly Counted[] = [];
    for (const step of LONG_LIVED_STEPS) {
      client = await traffic.run(`long-lived:${step}`, family);
      for (const watcher of watchers) await watcher.sample();
    }
    await settle("long-lived", client, await traffic.serverCountsOf(client));
  }
  for (const watcher of watchers) await watcher.end();
}

const LINKS: readonly (readonly [
  LinkKind,
  string,
  readonly Family[],
  readonly (Scenario | ClosingScenario)[],
])[] = [
  ["prompt", "remote", ["ipv4", "ipv6", "v4-mapped"], ALL],
  ["slow", "5 ms away", ["ipv4", "ipv6"], OVER_A_SLOW_LINK],
  ["loses-last-acks", "last acknowledgements lost", ["ipv4", "ipv6"], OVER_A_SLOW_LINK],
  ["loses-some", "packets lost", ["ipv4"], OVER_A_SLOW_LINK],
];

testWith(
  ["root"],
  "over loopback, both ends visible",
  async () => {
    await watch(LOOPBACK, "loopback", ["ipv4", "ipv6", "v4-mapped"], ALL);
    expect(table.breaches()).toEqual([]);
  },
  600_000,
);

for (const [kind, name, families, scenarios] of LINKS) {
  testWith(
    ["root", "program:ip"],
    `the other end ${name}`,
    async () => {
      await using link = await makeLink(kind);
      await watch(link, name, families, scenarios);
      expect(table.breaches()).toEqual([]);
    },
    900_000,
  );
}

afterAll(() => {
  console.log(table.toMarkdown());
});
