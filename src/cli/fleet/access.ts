/** `wb serve token`, `user`, `key` and `audit`: who may join, who may ask, and what was decided. */
import type { ApiKeySummary, AuditEntry, JoinTokenSummary, Role, UserSummary } from "../../model/fleet.ts";
import { ROLES } from "../../model/fleet.ts";
import { WbError } from "../../model/errors.ts";
import { parseDuration, printable } from "../../lib/format.ts";
import { say, standardOutput } from "../output.ts";
import type { Column } from "../print/layout.ts";
import { ParentApi } from "./client.ts";
import { parentAccess, type ParentFlags } from "./parent-options.ts";
import { LIMIT, moment, orDash, printJson, printList, printTable } from "./print.ts";
import { askSecret } from "./secret.ts";

function apiOf(flags: ParentFlags): ParentApi {
  return new ParentApi(parentAccess(flags, process.env));
}

const SECOND_MS = 1000;
const DAY_MS = 86_400_000;
/** What the parent takes, as its API says (/docs). */
const TOKEN_DAYS_MAX = 30;
const KEY_DAYS_MAX = 3650;

function lifetime(text: string, daysMax: number): number {
  const found = parseDuration(text);
  if (found !== undefined && found >= SECOND_MS && found <= daysMax * DAY_MS) return Math.round(found);
  throw new WbError("usage", `--expires: "${text}" is not a time of one second to ${daysMax} days`, {
    hint: "such as 30m, 1h or 7d",
  });
}

function role(text: string): Role {
  const found = ROLES.find((each) => each === text);
  if (found === undefined)
    throw new WbError("usage", `"${text}" is no role`, { hint: `there are ${ROLES.join(", ")}` });
  return found;
}

export interface TokenFlags extends ParentFlags {
  readonly uses?: string;
  readonly expires?: string;
  readonly approval?: boolean;
}

/** The token alone on standard output, what to do with it on standard error. */
export async function createToken(flags: TokenFlags): Promise<void> {
  const uses = Number(flags.uses ?? "1");
  if (!Number.isInteger(uses) || uses < 1 || uses > 100_000)
    throw new WbError("usage", `--uses: "${flags.uses}" is not a count`, { hint: "1 to 100000" });
  const answer = await apiOf(flags).post<{ token: string; summary: JoinTokenSummary }>("/api/v1/tokens", {
    uses,
    expiresInMs: lifetime(flags.expires ?? "1h", TOKEN_DAYS_MAX),
    requiresApproval: flags.approval === true,
  });
  if (flags.json === true) return await printJson("token", { token: answer.token, ...answer.summary });
  await standardOutput.write(`${printable(answer.token)}\n`);
  const { usesTotal, expiresAtMs, requiresApproval } = answer.summary;
  say(
    `good for ${usesTotal} ${usesTotal === 1 ? "agent" : "agents"} until ${moment(expiresAtMs)}${requiresApproval ? ", each to be approved" : ""}; on the machine that joins: wb agent join TOKEN`,
  );
}

const TOKENS: readonly Column<JoinTokenSummary>[] = [
  { heading: "TOKEN", text: ({ id }) => id },
  { heading: "USES LEFT", right: true, text: ({ usesLeft, usesTotal }) => `${usesLeft} of ${usesTotal}` },
  { heading: "EXPIRES", text: ({ expiresAtMs, revoked }) => (revoked ? "revoked" : moment(expiresAtMs)) },
  { heading: "APPROVAL", text: ({ requiresApproval }) => (requiresApproval ? "yes" : "no") },
  { heading: "BY", leavesAt: 1, widthMax: 30, text: ({ createdBy }) => createdBy },
];

export async function listTokens(flags: ParentFlags): Promise<void> {
  const { items } = await apiOf(flags).get<{ items: readonly JoinTokenSummary[] }>("/api/v1/tokens");
  if (flags.json === true) return await printJson("tokens", items);
  await printTable(items, TOKENS, "no join tokens: `wb serve token create` makes one");
}

const USERS: readonly Column<UserSummary>[] = [
  { heading: "USER", text: ({ name }) => name },
  { heading: "ROLE", text: ({ role: each }) => each },
  { heading: "STATE", text: ({ disabled }) => (disabled ? "disabled" : "enabled") },
  { heading: "SINCE", text: ({ createdAtMs }) => moment(createdAtMs) },
  { heading: "LAST LOGIN", text: ({ lastLoginAtMs }) => moment(lastLoginAtMs) },
];

export async function listUsers(flags: ParentFlags): Promise<void> {
  const { items } = await apiOf(flags).get<{ items: readonly UserSummary[] }>("/api/v1/users");
  if (flags.json === true) return await printJson("users", items);
  await printTable(items, USERS, "no users");
}

export interface UserFlags extends ParentFlags {
  readonly role?: string;
  readonly passwordFile?: string;
  readonly disable?: boolean;
  readonly enable?: boolean;
  readonly password?: boolean;
}

export async function addUser(name: string, flags: UserFlags): Promise<void> {
  const wanted = role(flags.role ?? "viewer");
  const password = await askSecret(`Password of ${name}`, flags.passwordFile);
  const user = await apiOf(flags).post<unknown>("/api/v1/users", { name, role: wanted, password });
  if (flags.json === true) return await printJson("user", user);
  say(`${name} may sign in as ${wanted}`);
}

async function userId(api: ParentApi, name: string): Promise<string> {
  const { items } = await api.get<{ items: readonly UserSummary[] }>("/api/v1/users");
  const found = items.find((user) => user.name === name || user.id === name);
  if (found === undefined)
    throw new WbError("usage", `there is no user "${name}"`, { hint: "`wb serve user list` lists them" });
  return found.id;
}

export async function changeUser(name: string, flags: UserFlags): Promise<void> {
  if (flags.disable === true && flags.enable === true)
    throw new WbError("usage", "--disable and --enable exclude each other", {
      hint: "leave out one of them",
    });
  const api = apiOf(flags);
  const change = {
    ...(flags.role === undefined ? {} : { role: role(flags.role) }),
    ...(flags.disable === true ? { disabled: true } : {}),
    ...(flags.enable === true ? { disabled: false } : {}),
    ...(flags.password === true || flags.passwordFile !== undefined
      ? { password: await askSecret(`New password of ${name}`, flags.passwordFile) }
      : {}),
  };
  if (Object.keys(change).length === 0)
    throw new WbError("usage", "nothing to change was named", {
      hint: "--role, --disable, --enable or --password",
    });
  const user = await api.request<unknown>("PATCH", `/api/v1/users/${await userId(api, name)}`, {
    body: change,
  });
  if (flags.json === true) return await printJson("user", user);
  say(`${name}: changed`);
}

export async function removeUser(name: string, flags: ParentFlags): Promise<void> {
  const api = apiOf(flags);
  await api.request<unknown>("DELETE", `/api/v1/users/${await userId(api, name)}`);
  if (flags.json === true) return await printJson("result", { removed: name });
  say(`${name}: removed`);
}

const KEYS: readonly Column<ApiKeySummary>[] = [
  { heading: "KEY", text: ({ id }) => id },
  { heading: "NAME", widthMax: 30, text: ({ name }) => name },
  { heading: "ROLE", text: ({ role: each }) => each },
  { heading: "EXPIRES", text: ({ expiresAtMs, revoked }) => (revoked ? "revoked" : moment(expiresAtMs)) },
  { heading: "LAST USED", leavesAt: 1, text: ({ lastUsedAtMs }) => moment(lastUsedAtMs) },
];

export async function listKeys(flags: ParentFlags): Promise<void> {
  const { items } = await apiOf(flags).get<{ items: readonly ApiKeySummary[] }>("/api/v1/keys");
  if (flags.json === true) return await printJson("keys", items);
  await printTable(items, KEYS, "no API keys: `wb serve key create NAME` makes one");
}

export interface KeyFlags extends ParentFlags {
  readonly role?: string;
  readonly expires?: string;
}

/** The key alone on standard output: it is shown this once. */
export async function createKey(name: string, flags: KeyFlags): Promise<void> {
  const answer = await apiOf(flags).post<{ key: string; summary: ApiKeySummary }>("/api/v1/keys", {
    name,
    role: role(flags.role ?? "viewer"),
    expiresInMs: flags.expires === undefined ? null : lifetime(flags.expires, KEY_DAYS_MAX),
  });
  if (flags.json === true) return await printJson("key", { key: answer.key, ...answer.summary });
  await standardOutput.write(`${printable(answer.key)}\n`);
  say("it is shown this once; keep it in a file that only you can read");
}

/** Of a token or a key. */
export async function revoke(kind: "tokens" | "keys", id: string, flags: ParentFlags): Promise<void> {
  await apiOf(flags).request<unknown>("DELETE", `/api/v1/${kind}/${encodeURIComponent(id)}`);
  if (flags.json === true) return await printJson("result", { revoked: id });
  say(`${id}: revoked`);
}

const AUDIT: readonly Column<AuditEntry>[] = [
  { heading: "AT", text: ({ atMs }) => moment(atMs) },
  // An agent's id is whole: what is cut can't be searched for.
  { heading: "WHO", widthMax: 38, shrinks: true, text: ({ actor }) => actor },
  { heading: "FROM", leavesAt: 1, text: ({ address }) => orDash(address) },
  { heading: "DID", text: ({ action }) => action },
  { heading: "TO", widthMax: 40, shrinks: true, text: ({ subject }) => subject },
  {
    heading: "DETAILS",
    leavesAt: 2,
    widthMax: 80,
    shrinks: true,
    text: ({ details }) => (details === null ? "-" : JSON.stringify(details)),
  },
];

export interface AuditFlags extends ParentFlags {
  readonly action?: string;
  readonly actor?: string;
  readonly subject?: string;
  readonly limit?: number;
}

export async function listAudit(flags: AuditFlags): Promise<void> {
  const { action, actor, subject } = flags;
  const query = { action, actor, subject };
  const found = await apiOf(flags).list<AuditEntry>("/api/v1/audit", query, flags.limit ?? LIMIT);
  const isAll = action === undefined && actor === undefined && subject === undefined;
  await printList(found, {
    name: "audit",
    json: flags.json,
    columns: AUDIT,
    nothing: isAll ? "nothing was decided yet" : "no such decisions",
  });
}
