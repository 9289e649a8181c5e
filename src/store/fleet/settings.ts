/** Values by name: the parent's own name, id and the like; and whether the database can be written to. */
import { WbError } from "../../model/errors.ts";
import type { Sql, SqlDatabase } from "./sql.ts";

/** Not one that a person or a part of the program would choose. */
const PROBE = "store.probe";
/** More than fits into what the last transaction left of its last page. */
const PROBE_CHARACTERS = 32 * 1024;

export async function readSetting(sql: Sql, name: string): Promise<string | undefined> {
  return (await sql.one<{ value: string }>("SELECT value FROM settings WHERE name = $1", [name]))?.value;
}

export async function writeSetting(sql: Sql, name: string, value: string): Promise<void> {
  await sql.run(
    "INSERT INTO settings (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value",
    [name, value],
  );
}

/** Writes something of some size, and removes it: what no room was left for shows here. */
export async function whyNotWritable(database: SqlDatabase): Promise<string | undefined> {
  try {
    await writeSetting(database, PROBE, "x".repeat(PROBE_CHARACTERS));
    await database.run("DELETE FROM settings WHERE name = $1", [PROBE]);
    return undefined;
  } catch (error) {
    if (error instanceof WbError && error.code === "storage") return error.message;
    throw error;
  }
}
