/** People: users, their sessions and API keys. Secrets are here only as hashes; every decision is in the audit log. */
import type { Role, UserSummary } from "../../model/fleet.ts";
import { createKeyStore } from "./api-keys.ts";
import { readAudit, writeAudit } from "./audit.ts";
import type { Actor, PeopleStore } from "./contract.ts";
import type { Sql, SqlDatabase } from "./sql.ts";

interface UserRow {
  readonly id: string;
  readonly name: string;
  readonly role: Role;
  readonly password_hash: string;
  readonly disabled: number;
  readonly created_at_ms: number;
  readonly last_login_at_ms: number | null;
}

export function createPeopleStore(database: SqlDatabase): PeopleStore {
  return {
    async userByName(name) {
      const row = await database.one<UserRow>("SELECT * FROM users WHERE name_key = $1", [
        name.toLowerCase(),
      ]);
      return row === undefined ? undefined : { ...toUser(row), passwordHash: row.password_hash };
    },

    async users() {
      return (await database.all<UserRow>("SELECT * FROM users ORDER BY name_key")).map(toUser);
    },

    createUser: (user, actor, nowMs) => database.transaction((sql) => createUser(sql, user, actor, nowMs)),
    updateUser: (id, change, actor, nowMs) =>
      database.transaction((sql) => updateUser(sql, id, change, actor, nowMs)),
    removeUser: (id, actor, nowMs) => database.transaction((sql) => removeUser(sql, id, actor, nowMs)),
    ...sessionStore(database),
    ...createKeyStore(database),
    audit: (entry) => database.transaction((sql) => writeAudit(sql, entry)),
    auditLog: (query) => readAudit(database, query),
  };
}

function toUser(row: UserRow): UserSummary {
  return {
    id: row.id,
    name: row.name,
    role: row.role,
    disabled: row.disabled === 1,
    createdAtMs: row.created_at_ms,
    lastLoginAtMs: row.last_login_at_ms,
  };
}

async function createUser(
  sql: Sql,
  user: Parameters<PeopleStore["createUser"]>[0],
  actor: Actor,
  nowMs: number,
): Promise<boolean> {
  const { id, name, role, passwordHash } = user;
  const added = await sql.run(
    `INSERT INTO users (id, name, name_key, role, password_hash, disabled, created_at_ms, last_login_at_ms)
     VALUES ($1, $2, $3, $4, $5, 0, $6, NULL) ON CONFLICT (name_key) DO NOTHING`,
    [id, name, name.toLowerCase(), role, passwordHash, nowMs],
  );
  if (added === 0) return false;
  await writeAudit(sql, { actor, action: "user.create", subject: name, details: { id, role }, atMs: nowMs });
  return true;
}

/** Whether there would be no admin left who can log in, without this one. */
async function isLastAdmin(sql: Sql, user: UserRow): Promise<boolean> {
  if (user.role !== "admin" || user.disabled === 1) return false;
  const row = await sql.one<{ admins: number }>(
    "SELECT COUNT(*) AS admins FROM users WHERE role = 'admin' AND disabled = 0 AND id <> $1",
    [user.id],
  );
  return row?.admins === 0;
}

async function updateUser(
  sql: Sql,
  id: string,
  change: Parameters<PeopleStore["updateUser"]>[1],
  actor: Actor,
  nowMs: number,
): Promise<"done" | "absent" | "last_admin"> {
  const user = await sql.one<UserRow>("SELECT * FROM users WHERE id = $1", [id]);
  if (user === undefined) return "absent";
  const role = change.role ?? user.role;
  const disabled = change.disabled ?? user.disabled === 1;
  const passwordHash = change.passwordHash ?? user.password_hash;
  if ((role !== "admin" || disabled) && (await isLastAdmin(sql, user))) return "last_admin";
  await sql.run("UPDATE users SET role = $2, disabled = $3, password_hash = $4 WHERE id = $1", [
    id,
    role,
    disabled ? 1 : 0,
    passwordHash,
  ]);
  // Whoever had the old password, or more rights, must log in anew.
  const isOther = role !== user.role || disabled || passwordHash !== user.password_hash;
  if (isOther) await sql.run("DELETE FROM sessions WHERE user_id = $1", [id]);
  const details = {
    id,
    role: role === user.role ? undefined : { from: user.role, to: role },
    disabled: change.disabled,
    password: change.passwordHash === undefined ? undefined : "changed",
  };
  await writeAudit(sql, { actor, action: "user.update", subject: user.name, details, atMs: nowMs });
  return "done";
}

async function removeUser(
  sql: Sql,
  id: string,
  actor: Actor,
  nowMs: number,
): Promise<"done" | "absent" | "last_admin"> {
  const user = await sql.one<UserRow>("SELECT * FROM users WHERE id = $1", [id]);
  if (user === undefined) return "absent";
  if (await isLastAdmin(sql, user)) return "last_admin";
  await sql.run("DELETE FROM sessions WHERE user_id = $1", [id]);
  await sql.run("DELETE FROM users WHERE id = $1", [id]);
  const details = { id, role: user.role };
  await writeAudit(sql, { actor, action: "user.remove", subject: user.name, details, atMs: nowMs });
  return "done";
}

interface SessionRow extends UserRow {
  readonly session_created_at_ms: number;
  readonly session_expires_at_ms: number;
}

function sessionStore(database: SqlDatabase): Pick<PeopleStore, "createSession" | "session" | "endSession"> {
  return {
    createSession: (session, actor) =>
      database.transaction(async (sql) => {
        const { tokenHash, userId, createdAtMs, expiresAtMs } = session;
        await sql.run("DELETE FROM sessions WHERE expires_at_ms <= $1", [createdAtMs]);
        await sql.run(
          "INSERT INTO sessions (token_hash, user_id, created_at_ms, expires_at_ms) VALUES ($1, $2, $3, $4)",
          [tokenHash, userId, createdAtMs, expiresAtMs],
        );
        const user = await sql.one<{ name: string }>(
          "UPDATE users SET last_login_at_ms = $2 WHERE id = $1 RETURNING name",
          [userId, createdAtMs],
        );
        const entry = { actor, action: "session.create", subject: user?.name ?? userId };
        await writeAudit(sql, { ...entry, details: { expiresAtMs }, atMs: createdAtMs });
      }),

    async session(tokenHash, nowMs) {
      const row = await database.one<SessionRow>(
        `SELECT u.*, s.created_at_ms AS session_created_at_ms, s.expires_at_ms AS session_expires_at_ms
         FROM sessions s JOIN users u ON u.id = s.user_id
         WHERE s.token_hash = $1 AND s.expires_at_ms > $2 AND u.disabled = 0`,
        [tokenHash, nowMs],
      );
      if (row === undefined) return undefined;
      const session = {
        tokenHash,
        userId: row.id,
        createdAtMs: row.session_created_at_ms,
        expiresAtMs: row.session_expires_at_ms,
      };
      return { user: toUser(row), session };
    },

    endSession: (tokenHash, actor, nowMs) =>
      database.transaction(async (sql) => {
        const row = await sql.one<{ name: string }>(
          "SELECT u.name FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1",
          [tokenHash],
        );
        if (row === undefined) return;
        await sql.run("DELETE FROM sessions WHERE token_hash = $1", [tokenHash]);
        const subject = row.name;
        await writeAudit(sql, { actor, action: "session.end", subject, details: null, atMs: nowMs });
      }),
  };
}
