/** Guessing passwords, keys, cookies, codes and places in the list of those who wait: nothing opens, and nobody is pushed out by it. */
import { describe, expect, test } from "bun:test";
import type { JoinRequestSummary, Page } from "../../../src/model/fleet.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { hashSecret, isNobodysSecret, isSecret } from "../../../src/server/people/passwords.ts";
import { INJECTIONS } from "../../support/fleet/hostile/random-request.ts";
import { newNonce } from "../../support/fleet/agent.ts";
import { expectNothingStored, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { ADMIN, PASSWORD, TestParent } from "../../support/fleet/parent.ts";
import { byCookie, sessionOf } from "../../support/fleet/people.ts";

const TIMEOUT_MS = 180_000;

describe("guessing", () => {
  test(
    "a login takes as long for a name that nobody has, from the first one on",
    async () => {
      const hash = await hashSecret(PASSWORD);
      const took = async (work: Promise<unknown>): Promise<number> => {
        const beganMs = performance.now();
        await work;
        return performance.now() - beganMs;
      };
      // In turn, and the shortest of each: what else the machine does takes its time from either.
      let [known, nobodys] = [Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY];
      for (let count = 0; count < 12; count += 1) {
        nobodys = Math.min(nobodys, await took(isNobodysSecret("a wrong password")));
        known = Math.min(known, await took(isSecret("a wrong password", hash)));
      }
      expect(nobodys / known).toBeGreaterThan(0.5);
      expect(nobodys / known).toBeLessThan(2);
    },
    TIMEOUT_MS,
  );

  test(
    "made-up keys and cookies keep nobody out who is behind the same address",
    async () => {
      await using fleet = await TestParent.start();
      const key = await fleet.newKey("viewer");
      const cookie = await sessionOf(fleet);
      fleet.clock.hold();
      const tried = Array.from({ length: 300 }, async (_, index) => {
        const madeUp = `wbk_${index.toString(16).padStart(16, "0")}_${"A".repeat(43)}`;
        const session = `wb_session=${"A".repeat(40)}${String(index).padStart(3, "0")}`;
        const headers = index % 2 === 0 ? { authorization: `Bearer ${madeUp}` } : { cookie: session };
        const answer = await fleet.fetch("/api/v1/me", { headers });
        await answer.body?.cancel();
        return answer.status;
      });
      expect(new Set(await Promise.all(tried))).toEqual(new Set([401, 429]));
      // One that was never verified before, a session, and a login.
      expect((await fleet.ask(key.key, "GET", "/api/v1/me")).status).toBe(200);
      expect((await byCookie(fleet, cookie, "GET", "/api/v1/me")).status).toBe(200);
      expect(await sessionOf(fleet)).toStartWith("wb_session=");
    },
    TIMEOUT_MS,
  );

  test(
    "hundreds of logins at once open nothing, are mostly not even tried, and lock nobody out who is in",
    async () => {
      await using fleet = await TestParent.start();
      const cookie = await sessionOf(fleet);
      const guess = async (index: number): Promise<number> => {
        const answer = await fleet.fetch("/api/v1/login", {
          method: "POST",
          headers: { "content-type": "application/json" },
          body: JSON.stringify({ name: ADMIN.name, password: `guess number ${index}` }),
        });
        await answer.body?.cancel();
        return answer.status;
      };
      fleet.clock.hold();
      const statuses = await Promise.all(Array.from({ length: 300 }, (_, index) => guess(index)));
      expect(new Set(statuses)).toEqual(new Set([401, 429]));
      expect(statuses.filter((status) => status === 401).length).toBeLessThan(40);
      expect((await fleet.ask(fleet.adminKey, "GET", "/api/v1/me")).status).toBe(200);
      fleet.clock.advance(60_000);
      expect((await byCookie(fleet, cookie, "GET", "/api/v1/me")).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "the code of one who waits lets nobody in but by the right one",
    async () => {
      await using fleet = await TestParent.start();
      const agent = fleet.stranger();
      const nonce = newNonce();
      const asked = await agent.join(null, nonce);
      expect(asked.status).toBe(200);
      await agent.request("POST", AGENT_PATHS.joinReveal, { nonce });
      const { items } = (await (
        await fleet.ask(fleet.adminKey, "GET", "/api/v1/join-requests")
      ).json()) as Page<JoinRequestSummary>;
      const code = items[0]?.code ?? "";
      expect(code).toMatch(/^[0-9A-Z]{4}-[0-9A-Z]{4}$/);
      const operator = await fleet.newKey("operator");
      const before = rowCounts(fleet.directory);
      const path = `/api/v1/agents/${agent.identity.id}/approve`;
      const wrong = [
        ...INJECTIONS.map((each) => each.slice(0, 32)),
        code.slice(0, 8),
        `${code}0`,
        code.replace(/.$/, "?"),
        "%",
        "________",
      ];
      for (const guess of wrong) {
        expect([guess, (await fleet.ask(operator.key, "POST", path, { code: guess })).status]).toEqual([
          guess,
          400,
        ]);
      }
      await expectNothingStored(fleet, before);
      expect((await fleet.ask(operator.key, "POST", path, { code: code.toLowerCase() })).status).toBe(200);
    },
    TIMEOUT_MS,
  );

  test(
    "a thousand strangers who begin to join don't push out one whose code a person compares",
    async () => {
      await using fleet = await TestParent.start();
      const agent = fleet.stranger();
      const nonce = newNonce();
      await agent.join(null, nonce);
      await agent.request("POST", AGENT_PATHS.joinReveal, { nonce });
      for (let count = 0; count < 1050; count += 1) {
        // Each of them from the time when its address may ask again.
        if (count % 50 === 0) fleet.clock.advance(100_000);
        expect((await fleet.stranger().join(null)).status).toBe(200);
      }
      expect(rowCounts(fleet.directory)["agents"]).toBe(1000);
      const waiting = await fleet.ask(fleet.adminKey, "GET", "/api/v1/join-requests");
      const { items } = (await waiting.json()) as Page<JoinRequestSummary>;
      expect(items.map(({ agentId }) => agentId)).toEqual([agent.identity.id]);
    },
    TIMEOUT_MS,
  );
});
