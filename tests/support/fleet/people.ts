/** People at a parent: logging in, and asking by the cookie of a session as a browser does. */
import type { Role, UserSummary } from "../../../src/model/fleet.ts";
import { ADMIN, PASSWORD, type TestParent } from "./parent.ts";

export function login(
  parent: TestParent,
  name: string,
  password: string,
  headers: Record<string, string> = {},
): Promise<Response> {
  return parent.fetch("/api/v1/login", {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: JSON.stringify({ name, password }),
  });
}

/** The cookie of a fresh session, as a browser sends it. @throws where the parent refuses. */
export async function sessionOf(
  parent: TestParent,
  name: string = ADMIN.name,
  headers: Record<string, string> = {},
): Promise<string> {
  const answer = await login(parent, name, PASSWORD, headers);
  const [cookie = ""] = (answer.headers.get("set-cookie") ?? "").split(";");
  if (answer.status !== 200 || cookie === "") throw new Error(`${answer.status}: ${await answer.text()}`);
  await answer.body?.cancel();
  return cookie;
}

/** With the header that a change by a session needs. */
export function byCookie(
  parent: TestParent,
  cookie: string,
  method: string,
  path: string,
  body?: unknown,
): Promise<Response> {
  return parent.fetch(path, {
    method,
    headers: { cookie, "x-wb-csrf": "1", "content-type": "application/json" },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

/** Whose password is that of all. */
export async function newUser(parent: TestParent, name: string, role: Role): Promise<UserSummary> {
  const wanted = { name, role, password: PASSWORD };
  const made = await parent.ask(parent.adminKey, "POST", "/api/v1/users", wanted);
  return ((await made.json()) as { user: UserSummary }).user;
}
