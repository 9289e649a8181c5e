/** The simulated world: the same for the same seed and clock, however often it is looked at; exact, and believable. */
import { describe, expect, test } from "bun:test";
import {
  openSimulatedCapture,
  simulatedNameOf,
  simulatedUserNameOf,
  type SimulatedOptions,
} from "../../../src/capture/simulated.ts";
import { ManualClock } from "../../../src/lib/clock.ts";
import type { Batch } from "../../../src/model/contracts.ts";
import { START_MS } from "../../support/batches.ts";

/** Batches of one world, the moments in seconds. */
async function run(moments: readonly number[], options: SimulatedOptions = {}): Promise<readonly Batch[]> {
  const clock = new ManualClock(START_MS);
  await using capture = openSimulatedCapture({ clock, ...options });
  const batches: Batch[] = [];
  for (const moment of moments) {
    clock.advance(moment * 1000 - clock.monotonicMs());
    batches.push(await capture.sample());
  }
  return batches;
}

function seconds(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function last(batches: readonly Batch[]): Batch {
  const batch = batches.at(-1);
  if (batch === undefined) throw new Error("no batch");
  return batch;
}

describe("the simulated world", () => {
  test("is the same for the same seed, another for another", async () => {
    const [one, same, other] = await Promise.all([
      run(seconds(30)),
      run(seconds(30)),
      run(seconds(30), { seed: 2 }),
    ]);
    expect(one).toEqual(same);
    expect(last(one).sockets).not.toEqual(last(other).sockets);
  });

  test("does not depend on how often it is looked at", async () => {
    const often = await run(seconds(61));
    const [, once] = await run([0, 60]);
    expect(last(often).sockets).toEqual(once?.sockets ?? []);
    expect(last(often).interfaces).toEqual(once?.interfaces ?? []);
    expect(often.flatMap((batch) => batch.closed)).toEqual([...(once?.closed ?? [])]);
    expect(often.flatMap((batch) => batch.processes)).toEqual([
      ...(often[0]?.processes ?? []),
      ...(once?.processes ?? []),
    ]);
  });

  test("counts only upwards, and never tells a closed socket again", async () => {
    const before = new Map<string, number>();
    const closed = new Set<string>();
    for (const batch of await run(seconds(120))) {
      for (const { identity, counters } of [...batch.sockets, ...batch.closed]) {
        expect(closed.has(identity.id)).toBe(false);
        const sum = (counters.bytesSent ?? 0) + (counters.bytesReceived ?? 0);
        expect(sum).toBeGreaterThanOrEqual(before.get(identity.id) ?? 0);
        before.set(identity.id, sum);
      }
      for (const { identity } of batch.closed) closed.add(identity.id);
    }
    expect(closed.size).toBeGreaterThan(100);
  });

  test("has everything that a screen must be able to show", async () => {
    const batches = await run(seconds(180));
    const sockets = batches.flatMap((batch) => batch.sockets);
    const has = (test: (socket: (typeof sockets)[number]) => boolean): boolean => sockets.some(test);
    expect(has((each) => each.identity.protocol === "udp" && each.state === "connected")).toBe(true);
    expect(has((each) => each.state === "listen")).toBe(true);
    expect(has((each) => each.state === "syn_sent")).toBe(true);
    expect(has((each) => each.identity.remoteAddress.startsWith("2001:db8:"))).toBe(true);
    expect(has((each) => each.attribution === "not_visible" && each.identity.userId === 33)).toBe(true);
    expect(has((each) => each.owners.length > 1)).toBe(true);
    expect(batches.flatMap((batch) => batch.loss).length).toBeGreaterThan(0);
    expect(batches.flatMap((batch) => batch.exited).length).toBeGreaterThan(10);
    expect(last(batches).interfaces.map((each) => each.name)).toEqual([
      "lo",
      "eth0",
      "wlan0",
      "wg0",
      "docker0",
    ]);
  });

  test("uses addresses for documentation only", async () => {
    const allowed = /^(?:192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|2001:db8:|127\.0\.0\.|0\.0\.0\.0$|::$)/;
    const batches = await run(seconds(20), { connections: 500 });
    for (const { identity } of batches.flatMap((batch) => batch.sockets)) {
      expect(identity.localAddress).toMatch(allowed);
      expect(identity.remoteAddress).toMatch(allowed);
    }
  });

  test("keeps as many sockets alive as were asked for", async () => {
    for (const connections of [7, 1000]) {
      for (const batch of await run(seconds(30), { connections })) {
        expect(batch.sockets.length).toBeGreaterThanOrEqual(connections);
        expect(batch.sockets.length).toBeLessThanOrEqual(connections + 10);
        expect(new Set(batch.sockets.map((each) => each.identity.id)).size).toBe(batch.sockets.length);
      }
    }
  });

  test("puts at least the payload on the wires that count, and the tunnel's on both", async () => {
    const batches = await run(seconds(61));
    const payload = new Map<string, number>();
    for (const { identity, counters } of batches[0]?.sockets ?? []) {
      payload.set(identity.id, counters.bytesReceived ?? 0);
    }
    let received = 0;
    const finals = new Map<string, number>();
    for (const batch of batches) {
      for (const { identity, counters } of [...batch.sockets, ...batch.closed]) {
        if (identity.localAddress.startsWith("127.")) continue;
        finals.set(identity.id, (counters.bytesReceived ?? 0) - (payload.get(identity.id) ?? 0));
      }
    }
    for (const bytes of finals.values()) received += bytes;
    const growth = (name: string): number =>
      (last(batches).interfaces.find((each) => each.name === name)?.bytesReceived ?? 0) -
      (batches[0]?.interfaces.find((each) => each.name === name)?.bytesReceived ?? 0);
    expect(growth("eth0")).toBeGreaterThan(received);
    expect(growth("eth0")).toBeLessThan(received * 1.1 + 2_000_000);
    expect(growth("wg0")).toBeGreaterThan(0);
    expect(growth("wlan0")).toBe(0);
  });

  test("goes on after a long sleep without making up for it", async () => {
    const batches = await run([0, 30 * 24 * 3600, 30 * 24 * 3600 + 1]);
    expect(batches[1]?.closed.length).toBeLessThan(5000);
    expect(batches[2]?.closed.length).toBeLessThan(50);
  });

  test("has names for its addresses and users, and says that it is simulated", async () => {
    expect(simulatedNameOf("198.51.100.90")).toEqual({ name: "api.model.example.com", source: "ptr" });
    expect(simulatedNameOf("127.0.0.1")).toEqual({ name: "localhost", source: "hosts" });
    expect(simulatedNameOf("192.0.2.200")).toBe(undefined);
    expect([simulatedUserNameOf(33), simulatedUserNameOf(4)]).toEqual(["www-data", undefined]);
    await using capture = openSimulatedCapture();
    expect(capture.status().method).toBe("simulated");
    expect((await capture.sample()).sockets.length).toBeGreaterThan(20);
  });
});
