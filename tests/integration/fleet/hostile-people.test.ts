/**
 * People and those who would be: guessing, forging, keeping what was taken away, taking what was not given. At a whole parent over its
 * real TLS.
 */
import { describe, expect, test } from "bun:test";
import { ROLES, type UserSummary } from "../../../src/model/fleet.ts";
import { INJECTIONS } from "../../support/fleet/hostile/random-request.ts";
import { AGENT_PATHS } from "../../../src/protocol/fleet/paths.ts";
import { loss } from "../../support/fleet/stored.ts";
import { waitFor } from "../../support/wait-for.ts";
import { TestStream } from "../../support/fleet/agent.ts";
import { expectNothingStored, RawClient, rowCounts } from "../../support/fleet/hostile/attacker.ts";
import { ADMIN, PASSWORD, TestParent } from "../../support/fleet/parent.ts";
import { byCookie, newUser, sessionOf } from "../../support/fleet/people.ts";

const TIMEOUT_MS = 180_000;

/** A live stream, read in the background until it ends. */
async function liveStream(fleet: TestParent, headers: Record<string, string>) {
  const answer = await fleet.fetch("/api/v1/live", { headers });
  expect(answer.status).toBe(200);
  const state = { text: "", isEnded: false };
  void (async () => {
    const decoder = new TextDecoder();
    try {
      const chunks: AsyncIterable<Uint8Array> | readonly Uint8Array[] = answer.body ?? [];
      for await (const chunk of chunks) state.text += decoder.decode(chunk, { stream: true });
    } catch {
      // It was cut off: the end of it, too.
    }
    state.isEnded = true;
  })();
  await waitFor("its beginning", () => state.text !== "");
  return state;
}

describe("what was taken away opens nothing, at once", () => {
  test(
    "a disabled user's session and stream, a revoked key and its stream, a session that was logged out",
    async () => {
      await using fleet = await TestParent.start();
      const agent = await fleet.agent();
      const [anna, bert] = [await newUser(fleet, "anna", "operator"), await newUser(fleet, "bert", "viewer")];
      const [annas, berts] = [await sessionOf(fleet, "anna"), await sessionOf(fleet, "bert")];
      const key = await fleet.newKey("viewer");
      const streams = [
        await liveStream(fleet, { cookie: annas }),
        await liveStream(fleet, { cookie: berts }),
        await liveStream(fleet, { authorization: `Bearer ${key.key}` }),
      ];
      expect((await byCookie(fleet, annas, "GET", "/api/v1/me")).status).toBe(200);
      await fleet.ask(fleet.adminKey, "PATCH", `/api/v1/users/${anna.id}`, { disabled: true });
      await fleet.ask(fleet.adminKey, "DELETE", `/api/v1/keys/${key.id}`);
      expect((await byCookie(fleet, berts, "POST", "/api/v1/logout")).status).toBe(200);
      const opened = await Promise.all([
        byCookie(fleet, annas, "GET", "/api/v1/me"),
        byCookie(fleet, annas, "POST", "/api/v1/tokens", { uses: 1 }),
        byCookie(fleet, berts, "GET", "/api/v1/me"),
        fleet.ask(key.key, "GET", "/api/v1/me"),
      ]);
      expect(opened.map(({ status }) => status)).toEqual([401, 401, 401, 401]);
      // Streams that are busy all the time, and so never quiet: within a second they are told nothing more.
      fleet.clock.advance(1100);
      const stream = new TestStream(agent, "health");
      const sent = await agent.request("POST", AGENT_PATHS.telemetry, stream.batch([loss(1, 1)]));
      expect(sent.status).toBe(200);
      await waitFor("the end of all three", () => streams.every(({ isEnded }) => isEnded));
      expect(streams.filter(({ text }) => text.includes("event: loss"))).toEqual([]);
      expect(bert.role).toBe("viewer");
    },
    TIMEOUT_MS,
  );

  test(
    "an expired key, also where it was verified a moment ago; a lower role",
    async () => {
      await using fleet = await TestParent.start();
      fleet.clock.hold();
      const key = await fleet.newKey("admin", 5000);
      expect((await fleet.ask(key.key, "GET", "/api/v1/users")).status).toBe(200);
      fleet.clock.advance(5001);
      expect((await fleet.ask(key.key, "GET", "/api/v1/users")).status).toBe(401);
      const carla = await newUser(fleet, "carla", "admin");
      const cookie = await sessionOf(fleet, "carla");
      await fleet.ask(fleet.adminKey, "PATCH", `/api/v1/users/${carla.id}`, { role: "viewer" });
      expect((await byCookie(fleet, cookie, "GET", "/api/v1/users")).status).toBe(401);
    },
    TIMEOUT_MS,
  );
});

describe("nobody gives himself more than he has", () => {
  test(
    "a viewer changes nothing, an operator makes no users and keys, nobody changes his own role",
    async () => {
      await using fleet = await TestParent.start();
      const agent = await fleet.agent();
      const users = new Map<string, UserSummary>();
      for (const role of ROLES) users.set(role, await newUser(fleet, `${role}1`, role));
      const cookies = new Map<string, string>();
      for (const role of ROLES) cookies.set(role, await sessionOf(fleet, `${role}1`));
      const before = rowCounts(fleet.directory);
      const id = agent.identity.id;
      const ofOperators: readonly (readonly [string, string, unknown])[] = [
        ["POST", `/api/v1/agents/${id}/remove`, { reason: "x" }],
        ["POST", `/api/v1/agents/${id}/release`, { reason: "x" }],
        ["POST", `/api/v1/agents/${id}/approve`, { code: "AAAA-AAAA" }],
        ["POST", "/api/v1/tokens", { uses: 1 }],
        ["DELETE", `/api/v1/tokens/${"a".repeat(12)}`, undefined],
        ["POST", "/api/v1/processes/override", { fingerprintHash: "a".repeat(64), classification: "game" }],
        [
          "POST",
          "/api/v1/processes/suggest",
          { fingerprintHash: "a".repeat(64), classification: "game", suggestedBy: "me" },
        ],
      ];
      const ofAdmins: readonly (readonly [string, string, unknown])[] = [
        ["POST", "/api/v1/users", { name: "mallory", role: "admin", password: PASSWORD }],
        ["POST", "/api/v1/keys", { name: "mallory", role: "admin", expiresInMs: null }],
        ["GET", "/api/v1/keys", undefined],
        ["GET", "/api/v1/users", undefined],
        ...ROLES.flatMap((role) => {
          const path = `/api/v1/users/${users.get(role)?.id ?? ""}`;
          return [
            ["PATCH", path, { role: "admin" }],
            ["PATCH", path, { password: "another password, longer" }],
            ["DELETE", path, undefined],
          ] as const;
        }),
      ];
      const attempts = [
        ...[...ofOperators, ...ofAdmins].map((change) => ({ role: "viewer", change })),
        ...ofAdmins.map((change) => ({ role: "operator", change })),
      ];
      for (const { role, change } of attempts) {
        const [method, path, body] = change;
        const answer = await byCookie(fleet, cookies.get(role) ?? "", method, path, body);
        expect([role, method, path, answer.status]).toEqual([role, method, path, 403]);
      }
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );

  test(
    "names that are programs make no users and no keys",
    async () => {
      await using fleet = await TestParent.start();
      const before = rowCounts(fleet.directory);
      for (const name of [...INJECTIONS, "", " ", "-x", ".", "a b", "a".repeat(65), "admin\u200b"]) {
        const user = { name, role: "viewer", password: PASSWORD };
        const key = { name, role: "viewer", expiresInMs: null };
        expect([name, (await fleet.ask(fleet.adminKey, "POST", "/api/v1/users", user)).status]).toEqual([
          name,
          400,
        ]);
        expect([name, (await fleet.ask(fleet.adminKey, "POST", "/api/v1/keys", key)).status]).toEqual([
          name,
          400,
        ]);
      }
      for (const role of ["root", "Admin", "", null, 3, ["admin"], "__proto__"]) {
        const user = { name: "mallory", role, password: PASSWORD };
        expect((await fleet.ask(fleet.adminKey, "POST", "/api/v1/users", user)).status).toBe(400);
      }
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );
});

describe("another site's page", () => {
  test(
    "can do nothing with a session: forms, simple content types, other origins, none",
    async () => {
      await using fleet = await TestParent.start();
      const cookie = await sessionOf(fleet);
      const before = rowCounts(fleet.directory);
      const body = JSON.stringify({ name: "mallory", role: "admin", password: PASSWORD });
      const forged: readonly Record<string, string>[] = [
        { "content-type": "text/plain" },
        { "content-type": "application/x-www-form-urlencoded" },
        { "content-type": "multipart/form-data; boundary=x" },
        { "content-type": "application/json" },
        { "content-type": "application/json", origin: "https://evil.example", "x-wb-csrf": "1" },
        { "content-type": "application/json", origin: "null", "x-wb-csrf": "1" },
        { "content-type": "application/json", origin: `${fleet.server.url}.evil.example`, "x-wb-csrf": "1" },
        {
          "content-type": "application/json",
          origin: fleet.server.url.replace("https", "http"),
          "x-wb-csrf": "0",
        },
      ];
      for (const headers of forged) {
        const answer = await fleet.fetch("/api/v1/users", {
          method: "POST",
          headers: { cookie, ...headers },
          body,
        });
        expect([JSON.stringify(headers), answer.status]).toEqual([JSON.stringify(headers), 403]);
        expect(answer.headers.get("access-control-allow-origin")).toBeNull();
      }
      const asked = await fleet.fetch("/api/v1/users", {
        method: "OPTIONS",
        headers: { origin: "https://evil.example", "access-control-request-method": "POST" },
      });
      expect(asked.headers.get("access-control-allow-methods")).toBeNull();
      const live = await fleet.fetch("/api/v1/live", { headers: { origin: "https://evil.example" } });
      expect([live.status, live.headers.get("cross-origin-resource-policy")]).toEqual([401, "same-origin"]);
      await expectNothingStored(fleet, before);
    },
    TIMEOUT_MS,
  );

  test(
    "can't give a person a session of its choosing, nor keep the old one by a login",
    async () => {
      await using fleet = await TestParent.start();
      const chosen = `wb_session=${"A".repeat(43)}`;
      const first = await sessionOf(fleet, ADMIN.name, { cookie: chosen });
      const second = await sessionOf(fleet, ADMIN.name, { cookie: first });
      expect(new Set([chosen, first, second]).size).toBe(3);
      expect((await byCookie(fleet, chosen, "GET", "/api/v1/me")).status).toBe(401);
    },
    TIMEOUT_MS,
  );

  test(
    "is led nowhere: no answer sends a browser to another place, whatever the host says",
    async () => {
      await using fleet = await TestParent.start();
      for (const path of [
        "//evil.example",
        "/\\evil.example",
        "/?next=https://evil.example",
        "/docs",
        "/api/v1/me",
      ]) {
        await using client = await RawClient.open(fleet.server.port);
        await client.write(
          `GET ${path} HTTP/1.1\r\nHost: evil.example\r\nX-Forwarded-Host: evil.example\r\n\r\n`,
        );
        await waitFor("the answer", () => client.received.includes("\r\n\r\n"));
        expect(client.received).not.toMatch(/^HTTP\/1\.1 3|\r\nlocation:/i);
        expect(client.received).not.toContain("evil.example");
      }
    },
    TIMEOUT_MS,
  );
});
