/** Users, sessions, keys, settings and the audit log. */
import { Database } from "bun:sqlite";
import { describe, expect, test } from "bun:test";
import type { FleetStore } from "../../../../src/store/fleet/contract.ts";
import { T0 } from "../../../support/fleet/stored.ts";
import { temporaryStore } from "../../../support/fleet/store.ts";

const ANN = { name: "ann", address: "192.0.2.7" };
const SYSTEM = { name: "system", address: null };

function addUser(store: FleetStore, id: string, name: string, role: "admin" | "viewer"): Promise<boolean> {
  return store.people.createUser({ id, name, role, passwordHash: `hash of ${id}` }, SYSTEM, T0);
}

describe("users", () => {
  test("have names that differ in more than capitals, and one admin always stays", async () => {
    await using temporary = await temporaryStore();
    const { people } = temporary.store;
    expect(await addUser(temporary.store, "u1", "Ann", "admin")).toBe(true);
    expect(await addUser(temporary.store, "u2", "ann", "viewer")).toBe(false);
    expect(await addUser(temporary.store, "u3", "bob", "viewer")).toBe(true);
    const ann = {
      id: "u1",
      name: "Ann",
      role: "admin",
      disabled: false,
      createdAtMs: T0,
      lastLoginAtMs: null,
    } as const;
    expect(await people.userByName("aNN")).toEqual({ ...ann, passwordHash: "hash of u1" });
    expect(await people.userByName("nobody")).toBeUndefined();
    expect(await people.updateUser("u1", { role: "viewer" }, ANN, T0)).toBe("last_admin");
    expect(await people.updateUser("u1", { disabled: true }, ANN, T0)).toBe("last_admin");
    expect(await people.removeUser("u1", ANN, T0)).toBe("last_admin");
    expect(await people.updateUser("u3", { role: "admin" }, ANN, T0)).toBe("done");
    expect(await people.updateUser("u1", { disabled: true }, ANN, T0)).toBe("done");
    expect(await people.removeUser("u3", ANN, T0)).toBe("last_admin");
    expect(await people.removeUser("u1", ANN, T0)).toBe("done");
    expect(await people.removeUser("u1", ANN, T0)).toBe("absent");
    expect(await people.updateUser("u1", {}, ANN, T0)).toBe("absent");
    expect((await people.users()).map(({ name }) => name)).toEqual(["bob"]);
    const log = await people.auditLog({ limit: 10, actor: "ann" });
    expect(log.items.map(({ action, subject, details }) => [action, subject, details])).toEqual([
      ["user.remove", "Ann", { id: "u1", role: "admin" }],
      ["user.update", "Ann", { id: "u1", disabled: true }],
      ["user.update", "bob", { id: "u3", role: { from: "viewer", to: "admin" } }],
    ]);
  });

  test("lose their sessions with their password, their rights, and time", async () => {
    await using temporary = await temporaryStore();
    const { people } = temporary.store;
    await addUser(temporary.store, "u1", "ann", "admin");
    await addUser(temporary.store, "u2", "bob", "admin");
    const login = async (tokenHash: string, nowMs = T0): Promise<void> =>
      people.createSession({ tokenHash, userId: "u2", createdAtMs: nowMs, expiresAtMs: nowMs + 100 }, ANN);
    const isIn = async (tokenHash: string, nowMs = T0): Promise<boolean> =>
      (await people.session(tokenHash, nowMs)) !== undefined;
    await login("s1");
    expect(await people.session("s1", T0 + 99)).toMatchObject({
      user: { name: "bob", lastLoginAtMs: T0 },
      session: { tokenHash: "s1", userId: "u2", createdAtMs: T0, expiresAtMs: T0 + 100 },
    });
    expect(await isIn("s1", T0 + 100)).toBe(false);
    await people.updateUser("u2", { passwordHash: "other" }, ANN, T0);
    expect(await isIn("s1")).toBe(false);
    await login("s2");
    await people.updateUser("u2", { role: "viewer" }, ANN, T0);
    expect(await isIn("s2")).toBe(false);
    await login("s3");
    await people.endSession("s3", ANN, T0);
    await people.endSession("s3", ANN, T0);
    expect(await isIn("s3")).toBe(false);
    await login("s4");
    await people.updateUser("u2", { disabled: true }, ANN, T0);
    expect(await isIn("s4")).toBe(false);
    await login("s5");
    expect(await isIn("s5")).toBe(false);
  });
});

test("keys are made, used and revoked", async () => {
  await using temporary = await temporaryStore();
  const { people } = temporary.store;
  const key = { id: "k1", name: "backup", role: "viewer", secretHash: "h", expiresAtMs: null } as const;
  await people.createKey(key, ANN, T0);
  await people.touchKey("k1", T0 + 5);
  await people.touchKey("k1", T0 + 60_004);
  await people.touchKey("k9", T0);
  const told = { createdBy: "ann", createdAtMs: T0, lastUsedAtMs: T0 + 5, revoked: false };
  expect(await people.key("k1")).toEqual({ ...key, ...told });
  await people.touchKey("k1", T0 + 60_005);
  expect(await people.revokeKey("k1", ANN, T0)).toBe(true);
  expect(await people.revokeKey("k1", ANN, T0)).toBe(false);
  const { secretHash: _, ...summary } = key;
  expect(await people.keys()).toEqual([{ ...summary, ...told, lastUsedAtMs: T0 + 60_005, revoked: true }]);
  expect(await people.key("k2")).toBeUndefined();
});

test("the audit log is only added to, by whoever writes to the file", async () => {
  await using temporary = await temporaryStore();
  const { people } = temporary.store;
  const entry = {
    actor: ANN,
    action: "login.failed",
    subject: "<b>\0'; DROP TABLE users",
    details: [1],
    atMs: T0,
  };
  await people.audit(entry);
  const database = new Database(temporary.path);
  expect(() => database.run("DELETE FROM audit_log")).toThrow("the audit log is only added to");
  expect(() => database.run("UPDATE audit_log SET actor = 'bob'")).toThrow("the audit log is only added to");
  database.close();
  const told = {
    id: 1,
    atMs: T0,
    actor: "ann",
    action: "login.failed",
    subject: "<b>\uFFFD'; DROP TABLE users",
    details: [1],
    address: "192.0.2.7",
  };
  expect(await people.auditLog({ limit: 10, subject: entry.subject })).toEqual({
    items: [told],
    nextCursor: null,
  });
});

test("settings are kept", async () => {
  await using temporary = await temporaryStore();
  const { store } = temporary;
  expect(await store.setting("name")).toBeUndefined();
  await store.setSetting("name", "one");
  await store.setSetting("name", "two");
  expect(await store.setting("name")).toBe("two");
  expect(await store.check()).toBeUndefined();
});

test("the audit log names people and keys by their names, also where they are gone since", async () => {
  await using temporary = await temporaryStore();
  const { people } = temporary.store;
  await addUser(temporary.store, "u1", "Ann", "admin");
  const session = { tokenHash: "s", userId: "u1", createdAtMs: T0, expiresAtMs: T0 + 100 };
  await people.createSession(session, ANN);
  await people.endSession("s", ANN, T0 + 1);
  const key = { id: "k1", name: "prometheus", role: "viewer", secretHash: "h", expiresAtMs: null } as const;
  await people.createKey(key, ANN, T0);
  await people.revokeKey("k1", ANN, T0 + 2);
  const log = await people.auditLog({ limit: 4 });
  expect(log.items.map(({ action, subject, details }) => [action, subject, details]).reverse()).toEqual([
    ["session.create", "Ann", { expiresAtMs: T0 + 100 }],
    ["session.end", "Ann", null],
    ["key.create", "k1", { name: "prometheus", role: "viewer", expiresAtMs: null }],
    ["key.revoke", "k1", { name: "prometheus" }],
  ]);
});
