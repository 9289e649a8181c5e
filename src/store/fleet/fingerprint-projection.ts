/** Which programs were seen, and by which agents. What was told first of a fingerprint stays; when it was seen last is known to the hour. */
import { fingerprintHashOf } from "../../protocol/fleet/fingerprint.ts";
import type { Fingerprint } from "../../protocol/fleet/payloads.ts";
import type { Sql, SqlValue } from "./sql.ts";
import { insertNew, insertRows } from "./statements.ts";

const HOUR_MS = 3_600_000;
const COLUMNS = [
  "fingerprint_hash",
  "process_name",
  "path",
  "file_hash",
  "signature",
  "publisher",
  "version",
  "first_seen_ms",
  "last_seen_ms",
  "agents",
] as const;
/** Most programs are seen over and over: a row is touched once an hour, not at each start of it. */
const SEEN_AGAIN = `ON CONFLICT (fingerprint_hash) DO UPDATE SET last_seen_ms = excluded.last_seen_ms
  WHERE excluded.last_seen_ms - fingerprints.last_seen_ms >= ${HOUR_MS}`;

/** What is known of a program, whoever tells it. */
export type SeenProgram = Omit<Fingerprint, "commandLinePattern">;

/** Hashes that were found right, with what they are of: most programs are told over and over. */
const right = new Map<string, string>();
const RIGHT_MAX = 10_000;

/** Who tells of a program under another's hash would name that program for all agents: nothing is learned of it. */
function isItsOwn(hash: string, { name, path, fileHash, publisher }: SeenProgram): boolean {
  const parts = `${name}|${path}|${fileHash}|${publisher}`;
  if (right.get(hash) === parts) return true;
  if (fingerprintHashOf({ name, path, fileHash, publisher }) !== hash) return false;
  if (right.size >= RIGHT_MAX) right.clear();
  right.set(hash, parts);
  return true;
}

export class FingerprintProjection {
  readonly #sql: Sql;
  readonly #programs = new Map<string, SqlValue[]>();
  readonly #sightings = new Map<string, SqlValue[]>();

  constructor(sql: Sql) {
    this.#sql = sql;
  }

  add(agentKey: number, hash: string, program: SeenProgram, nowMs: number): void {
    if (!isItsOwn(hash, program)) return;
    const { name, path, fileHash, signature, publisher, version } = program;
    if (!this.#programs.has(hash))
      this.#programs.set(hash, [hash, name, path, fileHash, signature, publisher, version, nowMs, nowMs, 0]);
    const sighting = `${hash} ${agentKey}`;
    if (!this.#sightings.has(sighting)) this.#sightings.set(sighting, [hash, agentKey]);
  }

  async write(): Promise<void> {
    await insertRows(this.#sql, "fingerprints", COLUMNS, [...this.#programs.values()], SEEN_AGAIN);
    const seenFirst = await insertNew<{ fingerprint_hash: string }>(
      this.#sql,
      "agent_fingerprints",
      ["fingerprint_hash", "agent_key"],
      [...this.#sightings.values()],
      "fingerprint_hash",
    );
    for (const [hash, rows] of Map.groupBy(seenFirst, (row) => row.fingerprint_hash)) {
      await this.#sql.run("UPDATE fingerprints SET agents = agents + $2 WHERE fingerprint_hash = $1", [
        hash,
        rows.length,
      ]);
    }
    this.#programs.clear();
    this.#sightings.clear();
  }
}
