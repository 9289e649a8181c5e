/** Bodies and payloads that are made to hurt: refused, or told as they are; none stops the parent, fills its memory or its answers. */
import { describe, expect, test } from "bun:test";
import * as fc from "fast-check";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import type { Page, StoredEvent } from "../../../src/model/fleet.ts";
import { outcomeOf, TestStream, type TestAnswer } from "../../support/fleet/agent.ts";
import { expectNothingStored, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { workedMeanwhile } from "../../support/fleet/hostile/held-up.ts";
import { TestParent } from "../../support/fleet/parent.ts";
import { DEFAULT_LIMITS } from "../../../src/server/limits.ts";

const TIMEOUT_MS = 180_000;

async function events(fleet: TestParent, query: string): Promise<Page<StoredEvent>> {
  const answer = await fleet.ask(fleet.adminKey, "GET", `/api/v1/events?${query}`);
  expect(answer.status).toBe(200);
  return (await answer.json()) as Page<StoredEvent>;
}

describe("JSON that is made to hurt", () => {
  const raw = (text: string): Uint8Array => Buffer.from(text);

  test(
    "is refused, stores nothing, and who sends it again and again is slowed down while others are served",
    async () => {
      await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
      const [liar, agent] = [await fleet.agent(), await fleet.agent()];
      const before = rowCounts(fleet.directory);
      const bombs: Record<string, Uint8Array> = {
        nothing: raw(""),
        "half of it": raw('{"header":'),
        "not UTF-8": new Uint8Array([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
        "a NUL": raw("\0"),
        "two million numbers": raw(
          `{"items":[${"0,".repeat(2_000_000)}0],"header":{},"signature":"","clock":{}}`,
        ),
        "a million objects": raw(
          `{"items":[${"{},".repeat(1_000_000)}{}],"header":{},"signature":"","clock":{}}`,
        ),
        "two hundred thousand names": raw(
          `{${Array.from({ length: 200_000 }, (_, at) => `"k${at}":0`).join(",")}}`,
        ),
        "two million levels": raw("[".repeat(2_000_000) + "]".repeat(2_000_000)),
        "a prototype": raw('{"__proto__":{"header":1},"constructor":{"prototype":{"items":[]}}}'),
        "names twice": raw('{"header":1,"header":{},"items":[],"items":{},"signature":"","clock":{}}'),
        "a number too large": raw('{"header":1e999,"items":[],"signature":"","clock":{}}'),
      };
      const codes = new Set<string>();
      const health = await workedMeanwhile(
        process.pid,
        () => fleet.fetch("/healthz"),
        async () => {
          for (let times = 0; times < 4; times += 1) {
            for (const [name, body] of Object.entries(bombs)) {
              const answer = await liar.request("POST", AGENT_PATHS.telemetry, body);
              if (times === 0 && answer.status !== 429)
                expect([name, outcomeOf(answer)]).toEqual([name, "400 bad_request"]);
              codes.add(outcomeOf(answer));
            }
          }
        },
      );
      expect(health).toBeLessThan(1000);
      expect(codes).toEqual(new Set(["400 bad_request", "429 rate_limited"]));
      await expectNothingStored(fleet, before);
      expect(Object.hasOwn(Object.prototype, "header")).toBe(false);
      expect((await agent.request("POST", AGENT_PATHS.heartbeat, agent.heartbeat())).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "in the payload of an event of no known type is refused where nobody could be told of it, else told as it is",
    async () => {
      await using fleet = await TestParent.start();
      const liar = await fleet.agent();
      const stream = new TestStream(liar, "health");
      const send = (payload: string): Promise<TestAnswer> => {
        const event = { ...stream.event(0, "odd"), payload, seq: 1 };
        const odd = new TestStream(liar, "health");
        return liar.request("POST", AGENT_PATHS.telemetry, odd.batch([event]));
      };
      const before = rowCounts(fleet.directory);
      for (const deep of [
        "[".repeat(100_000) + "]".repeat(100_000),
        `${'{"a":'.repeat(40_000)}1${"}".repeat(40_000)}`,
      ]) {
        const answer = await send(deep);
        expect(outcomeOf(answer)).toBe("400 bad_request");
        expect(answer.text).toContain("nested deeper than 64");
      }
      for (const none of ["", "{", "undefined", "NaN", "'x'"]) {
        expect([none, outcomeOf(await send(none))]).toEqual([none, "400 bad_request"]);
      }
      await expectNothingStored(fleet, before);
      const odd = [
        '{"__proto__":{"polluted":1}}',
        '{"a":1,"a":2}',
        '"\\u0000\\ud800"',
        "1e999",
        "[".repeat(60) + "]".repeat(60),
      ];
      for (const payload of odd) expect([payload, (await send(payload)).status]).toEqual([payload, 200]);
      const { items } = await events(fleet, "type=odd");
      expect(items.map(({ payload }) => JSON.stringify(payload)).reverse()).toEqual([
        odd[0] ?? "",
        '{"a":2}',
        '"\\u0000\\ud800"',
        "null",
        odd[4] ?? "",
      ]);
      expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
    },
    TIMEOUT_MS,
  );

  test(
    "of the largest size does not become an answer of hundreds of megabytes",
    async () => {
      await using fleet = await TestParent.start();
      const liar = await fleet.agent();
      const stream = new TestStream(liar, "health");
      for (let batches = 0; batches < 5; batches += 1) {
        const items = Array.from({ length: 15 }, () => ({
          ...stream.event(0, "large"),
          payload: JSON.stringify("x".repeat(250_000)),
        }));
        const answer = await liar.request("POST", AGENT_PATHS.telemetry, stream.batch(items));
        expect(answer.status).toBe(200);
      }
      const seen: number[] = [];
      let cursor: string | null = null;
      do {
        const query: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
        const page: Page<StoredEvent> = await events(fleet, `limit=1000${query}`);
        expect(JSON.stringify(page).length).toBeLessThan(5 * 1024 * 1024);
        seen.push(...page.items.map(({ seq }) => seq));
        cursor = page.nextCursor;
      } while (cursor !== null);
      expect(seen).toEqual(Array.from({ length: 75 }, (_, index) => 75 - index));
    },
    TIMEOUT_MS,
  );

  test(
    "never makes the parent fail, whatever it is",
    async () => {
      await using fleet = await TestParent.start();
      const liar = await fleet.agent();
      const before = rowCounts(fleet.directory);
      const paths = [
        AGENT_PATHS.heartbeat,
        AGENT_PATHS.telemetry,
        AGENT_PATHS.processEvents,
        AGENT_PATHS.classify,
      ];
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...paths),
          fc.oneof(
            fc.json(),
            fc.string(),
            fc.jsonValue().map((value) => JSON.stringify({ ...liar.heartbeat(), clock: value })),
          ),
          async (path, text) => {
            const answer = await liar.request("POST", path, raw(text));
            expect([400, 429]).toContain(answer.status);
          },
        ),
        { numRuns: 500 },
      );
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );
});
