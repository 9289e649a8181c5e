/** People at a whole parent: logging in, sessions, keys, users, throttling, forgery, and what the audit log says of it. */
import { expect, test } from "bun:test";
import type { AuditEntry, Page, UserSummary } from "../../../src/model/fleet.ts";
import { VERSION } from "../../../src/model/version.ts";
import { ADMIN, PASSWORD, TestParent } from "../../support/fleet/parent.ts";
import { login, sessionOf } from "../../support/fleet/people.ts";
import { waitFor } from "../../support/wait-for.ts";
import { DEFAULT_LIMITS } from "../../../src/server/limits.ts";

const HOUR_MS = 3_600_000;

interface Refused {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string };
}

async function refusal(answer: Response): Promise<[number, string]> {
  return [answer.status, ((await answer.json()) as Refused).error.code];
}

async function audit(fleet: TestParent, query: string): Promise<readonly AuditEntry[]> {
  const answer = await fleet.ask(fleet.adminKey, "GET", `/api/v1/audit?limit=1000${query}`);
  return ((await answer.json()) as Page<AuditEntry>).items;
}

test("a session: a cookie that scripts can't read, who one is, and its end", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const answer = await login(fleet, ADMIN.name, ADMIN.password);
  expect(answer.headers.get("set-cookie")).toMatch(
    /^wb_session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
  );
  const { user } = (await answer.json()) as { user: UserSummary };
  expect([user.name, user.role, user.disabled]).toEqual(["admin", "admin", false]);
  expect(JSON.stringify(user)).not.toContain("argon2");
  const cookie = (answer.headers.get("set-cookie") ?? "").split(";")[0] ?? "";
  const me = await fleet.fetch("/api/v1/me", { headers: { cookie } });
  expect(await me.json()).toEqual({
    caller: { kind: "user", id: user.id, name: "admin", role: "admin" },
    server: {
      name: "test parent",
      version: VERSION,
      pin: fleet.server.pin,
      parentId: fleet.server.parentId,
    },
  });
  const end = await fleet.fetch("/api/v1/logout", { method: "POST", headers: { cookie, "x-wb-csrf": "1" } });
  expect(end.status).toBe(200);
  expect(await refusal(await fleet.fetch("/api/v1/me", { headers: { cookie } }))).toEqual([
    401,
    "unauthenticated",
  ]);
});

test("a session ends two hours after its last request, and twelve after the login", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const idle = await sessionOf(fleet);
  const busy = await sessionOf(fleet);
  const isIn = async (cookie: string): Promise<boolean> =>
    (await fleet.fetch("/api/v1/me", { headers: { cookie } })).status === 200;
  for (let hours = 1.5; hours < 12; hours += 1.5) {
    fleet.clock.advance(1.5 * HOUR_MS);
    expect(await isIn(busy)).toBe(true);
  }
  expect(await isIn(idle)).toBe(false);
  fleet.clock.advance(1.6 * HOUR_MS);
  expect(await isIn(busy)).toBe(false);
});

test("a change by a session needs our header and comes from our own page", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const cookie = await sessionOf(fleet);
  const make = (headers: Record<string, string>): Promise<Response> =>
    fleet.fetch("/api/v1/users", {
      method: "POST",
      headers: { cookie, "content-type": "application/json", ...headers },
      body: JSON.stringify({ name: "anna", role: "viewer", password: PASSWORD }),
    });
  expect(await refusal(await make({}))).toEqual([403, "forbidden"]);
  expect(await refusal(await make({ "x-wb-csrf": "1", origin: "https://evil.example" }))).toEqual([
    403,
    "forbidden",
  ]);
  expect(await refusal(await make({ "x-wb-csrf": "1", origin: "null" }))).toEqual([403, "forbidden"]);
  expect((await make({ "x-wb-csrf": "1", origin: fleet.server.url })).status).toBe(200);
  expect(
    await refusal(await login(fleet, ADMIN.name, ADMIN.password, { origin: "https://evil.example" })),
  ).toEqual([403, "forbidden"]);
});

test("unknown names and wrong passwords get one answer; a disabled user none other", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const anna = { name: "anna", role: "viewer", password: PASSWORD };
  const made = await fleet.ask(fleet.adminKey, "POST", "/api/v1/users", anna);
  const { user } = (await made.json()) as { user: UserSummary };
  const session = await sessionOf(fleet, anna.name);
  await fleet.ask(fleet.adminKey, "PATCH", `/api/v1/users/${user.id}`, { disabled: true });
  expect((await fleet.fetch("/api/v1/me", { headers: { cookie: session } })).status).toBe(401);
  const answers = await Promise.all([
    login(fleet, "nobody", "whatever it may be"),
    login(fleet, "admin", "whatever it may be"),
    login(fleet, anna.name, anna.password),
  ]);
  const told = await Promise.all(answers.map(async (answer) => [answer.status, await answer.text()]));
  expect(new Set(told.map(String)).size).toBe(1);
  expect(told[0]).toEqual([401, '{"error":{"code":"unauthenticated","message":"wrong name or password"}}']);
});

test("failures are throttled with the time to wait, and the audit log has them, bounded", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  fleet.clock.hold();
  const codes: number[] = [];
  for (let index = 0; index < 6; index += 1) codes.push((await login(fleet, "admin", "wrong")).status);
  expect(codes).toEqual([401, 401, 401, 401, 401, 429]);
  const refused = await login(fleet, "admin", ADMIN.password);
  expect([refused.status, refused.headers.get("retry-after")]).toEqual([429, "1"]);
  fleet.clock.advance(1100);
  expect((await login(fleet, "admin", ADMIN.password)).status).toBe(200);
  for (let index = 0; index < 50; index += 1) await login(fleet, `guess${index}`, "wrong");
  fleet.clock.advance(61_000);
  await login(fleet, "guess", "wrong");
  const failed = await audit(fleet, "&action=login.failed");
  const throttled = await audit(fleet, "&action=login.throttled");
  expect(failed.length + throttled.length).toBe(31);
  expect(failed.at(-1)).toMatchObject({ actor: "system", subject: "admin", address: "127.0.0.1" });
  const [more] = await audit(fleet, "&action=login.refused_more");
  expect(more?.details).toEqual({ leftOut: 5 + 2 + 50 - 30 });
}, 180_000);

test("keys open what their role may, until they expire or are revoked", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const me = async (key: string): Promise<number> => (await fleet.ask(key, "GET", "/api/v1/me")).status;
  fleet.clock.hold();
  // Shorter than a verified key is remembered.
  const short = await fleet.newKey("viewer", 10_000);
  const long = await fleet.newKey("operator");
  expect([await me(short.key), await me(long.key)]).toEqual([200, 200]);
  expect(await me(long.key.slice(0, -1) + (long.key.endsWith("A") ? "B" : "A"))).toBe(401);
  const garbage = [
    "",
    "wbk_",
    `wbk_${"0".repeat(16)}_${"x".repeat(43)}`,
    "x".repeat(5000),
    `${long.key}x`,
    "🔑",
  ];
  for (const key of garbage) expect(await me(encodeURI(key))).toBe(401);
  fleet.clock.advance(10_001);
  expect([await me(short.key), await me(long.key)]).toEqual([401, 200]);
  expect((await fleet.ask(fleet.adminKey, "DELETE", `/api/v1/keys/${long.id}`)).status).toBe(200);
  expect(await me(long.key)).toBe(401);
  expect(await refusal(await fleet.ask(fleet.adminKey, "DELETE", `/api/v1/keys/${long.id}`))).toEqual([
    404,
    "not_found",
  ]);
  const listed = await (await fleet.ask(fleet.adminKey, "GET", "/api/v1/keys")).text();
  expect(listed).not.toContain("argon2");
  expect(listed).not.toContain(long.key.slice(-43));
});

test("users: names are unique, the last admin stays, what is wrong is told", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const { adminKey } = fleet;
  const users = async (): Promise<readonly UserSummary[]> =>
    ((await (await fleet.ask(adminKey, "GET", "/api/v1/users")).json()) as Page<UserSummary>).items;
  const anna = { name: "anna", role: "operator", password: PASSWORD };
  expect((await fleet.ask(adminKey, "POST", "/api/v1/users", anna)).status).toBe(200);
  expect(await refusal(await fleet.ask(adminKey, "POST", "/api/v1/users", anna))).toEqual([409, "conflict"]);
  const short = await fleet.ask(adminKey, "POST", "/api/v1/users", { ...anna, name: "b", password: "short" });
  expect(((await short.json()) as Refused).error.message).toBe(
    "the body is not as it should be: password: a password has at least 12 characters",
  );
  for (const name of ["<b>", "a b", "", "\u001b[31m", "x".repeat(65), "../x"]) {
    expect((await fleet.ask(adminKey, "POST", "/api/v1/users", { ...anna, name })).status).toBe(400);
  }
  const admin = (await users()).find(({ name }) => name === "admin");
  const adminPath = `/api/v1/users/${admin?.id ?? ""}`;
  expect(await refusal(await fleet.ask(adminKey, "DELETE", adminPath))).toEqual([409, "conflict"]);
  expect(await refusal(await fleet.ask(adminKey, "PATCH", adminPath, { role: "viewer" }))).toEqual([
    409,
    "conflict",
  ]);
  expect(await refusal(await fleet.ask(adminKey, "PATCH", adminPath, {}))).toEqual([400, "bad_request"]);
  expect(await refusal(await fleet.ask(adminKey, "DELETE", "/api/v1/users/nobody"))).toEqual([
    404,
    "not_found",
  ]);
  const changed = "another sentence altogether";
  expect((await fleet.ask(adminKey, "PATCH", adminPath, { password: changed })).status).toBe(200);
  expect((await login(fleet, "admin", ADMIN.password)).status).toBe(401);
  expect((await login(fleet, "admin", changed)).status).toBe(200);
  expect((await users()).map(({ name }) => name).sort()).toEqual(["admin", "anna"]);
});

test("wrong keys in great number are refused without work, and cost nobody else anything", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const wrong = `wbk_${"0".repeat(16)}_${"x".repeat(43)}`;
  fleet.clock.hold();
  const codes = await Promise.all(
    Array.from({ length: 200 }, async () => (await fleet.ask(wrong, "GET", "/api/v1/me")).status),
  );
  expect(codes.filter((code) => code === 429).length).toBeGreaterThan(100);
  expect((await fleet.ask(fleet.adminKey, "GET", "/api/v1/me")).status).toBe(200);
}, 180_000);

test("what is decided is told to who watches the audit log, in its order", async () => {
  await using fleet = await TestParent.start({ limits: DEFAULT_LIMITS });
  const watching = new AbortController();
  const live = await fleet.fetch("/api/v1/live?types=audit", {
    headers: { authorization: `Bearer ${fleet.adminKey}` },
    signal: watching.signal,
  });
  const told: string[] = [];
  const reading = (async () => {
    const decoder = new TextDecoder();
    const body = live.body as ReadableStream<Uint8Array> | null;
    for await (const chunk of body ?? []) told.push(decoder.decode(chunk));
  })().catch(() => undefined); // it is ended by us
  for (const name of ["anna", "berta"]) {
    await fleet.ask(fleet.adminKey, "POST", "/api/v1/users", {
      name,
      role: "viewer",
      password: PASSWORD,
    });
  }
  await login(fleet, "anna", "wrong");
  const decided = (): { entry: AuditEntry }[] =>
    [...told.join("").matchAll(/^data: (.*)$/gm)]
      .map(([, data]) => JSON.parse(data ?? "") as { entry: AuditEntry })
      // The local key is made when the parent starts: it may be told too.
      .filter(({ entry }) => entry.action !== "key.create");
  await waitFor("three entries", () => decided().length >= 3);
  // What is told twice would stand before what comes after it.
  await login(fleet, "berta", "wrong");
  const events = await waitFor("the last one", () => {
    const all = decided();
    return all.some(({ entry }) => entry.subject === "berta" && entry.action === "login.failed") && all;
  });
  expect(events.map(({ entry }) => [entry.action, entry.actor, entry.subject])).toEqual([
    ["user.create", "key:local", "anna"],
    ["user.create", "key:local", "berta"],
    ["login.failed", "system", "anna"],
    ["login.failed", "system", "berta"],
  ]);
  watching.abort();
  await reading;
}, 180_000);
