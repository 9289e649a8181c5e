/** The audit log: only added to, which a trigger of the database enforces; in the same transaction as what it tells of. */
import type { AuditEntry, Page } from "../../model/fleet.ts";
import type { Actor, PageQuery } from "./contract.ts";
import { listNewestFirst } from "./pages.ts";
import type { Sql } from "./sql.ts";
import { Conditions, reserveNumbers } from "./statements.ts";

export interface NewAuditEntry {
  readonly actor: Actor;
  readonly action: string;
  readonly subject: string;
  readonly details: unknown;
  readonly atMs: number;
}

/** Inside the transaction of the decision. */
export async function writeAudit(sql: Sql, entry: NewAuditEntry): Promise<void> {
  const id = await reserveNumbers(sql, "audit_log", 1);
  await sql.run(
    "INSERT INTO audit_log (id, at_ms, actor, action, subject, details, address) VALUES ($1, $2, $3, $4, $5, $6, $7)",
    [
      id,
      entry.atMs,
      entry.actor.name,
      entry.action,
      entry.subject,
      JSON.stringify(entry.details ?? null),
      entry.actor.address,
    ],
  );
}

interface AuditRow {
  readonly id: number;
  readonly at_ms: number;
  readonly actor: string;
  readonly action: string;
  readonly subject: string;
  readonly details: string;
  readonly address: string | null;
}

export async function readAudit(
  sql: Sql,
  query: PageQuery & { action?: string; actor?: string; subject?: string },
): Promise<Page<AuditEntry>> {
  const filters = new Conditions()
    .addIf("t.action = ?", query.action)
    .addIf("t.actor = ?", query.actor)
    .addIf("t.subject = ?", query.subject);
  const page = await listNewestFirst<AuditRow>(
    sql,
    {
      kind: "audit",
      table: "audit_log",
      number: "id",
      from: "audit_log t",
      columns: "t.*",
      scope: new Conditions(),
      filters,
    },
    query,
  );
  return { items: page.items.map(toEntry), nextCursor: page.nextCursor };
}

function toEntry(row: AuditRow): AuditEntry {
  const { id, at_ms: atMs, actor, action, subject, address } = row;
  return { id, atMs, actor, action, subject, details: JSON.parse(row.details) as unknown, address };
}
