/**
 * A PostgreSQL of its own for one test, reached by a socket file in its directory, and the store's interface to it: numbers
 * come back as numbers, whatever their type. Nothing of it is synced: it is there to prove the dialect, not the disk.
 */
import { SQL, type ReservedSQL } from "bun";
import { chownSync } from "node:fs";
import { join } from "node:path";
import type { Sql, SqlDatabase, SqlValue } from "../../src/store/fleet/sql.ts";
import { tmpdir } from "./tmpdir.ts";
import { waitFor } from "./wait-for.ts";

/** It refuses to run as root. */
const POSTGRES_USER = "postgres";

/** By what becomes the command and does not wait for it, so that its process is the one that is ended. */
function asItsUser(command: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [...command];
  return ["setpriv", `--reuid=${POSTGRES_USER}`, `--regid=${POSTGRES_USER}`, "--clear-groups", ...command];
}

export interface TemporaryPostgres extends AsyncDisposable {
  readonly database: SqlDatabase;
}

export async function temporaryPostgres(migrations: readonly string[]): Promise<TemporaryPostgres> {
  const directory = await tmpdir();
  if (process.getuid?.() === 0) {
    const id = Bun.spawnSync(["id", "-u", POSTGRES_USER]).stdout.toString().trim();
    chownSync(directory.path, Number(id), -1);
  }
  const data = join(directory.path, "data");
  const made = Bun.spawnSync(
    asItsUser(["initdb", "-D", data, "-U", "wb", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "-N"]),
    { stdout: "ignore", stderr: "pipe", cwd: directory.path },
  );
  if (made.exitCode !== 0) throw new Error(made.stderr.toString());
  const server = Bun.spawn(
    asItsUser(["postgres", "-D", data, "-k", directory.path, "-h", "", "-F", "-c", "max_connections=8"]),
    { stdout: "ignore", stderr: "ignore", cwd: directory.path },
  );
  const options = {
    adapter: "postgres",
    username: "wb",
    database: "postgres",
    max: 2,
    bigint: true,
  } as const;
  const client = await waitFor(
    "postgres",
    async () => {
      const trial = new SQL({ ...options, path: join(directory.path, ".s.PGSQL.5432") });
      try {
        await trial`SELECT 1`;
        return trial;
      } catch {
        await trial.close();
        return undefined; // not yet
      }
    },
    90_000,
  );
  for (const migration of migrations) await client.unsafe(migration);
  const database = new PostgresDatabase(client);
  return {
    database,
    [Symbol.asyncDispose]: async () => {
      await database.close();
      server.kill("SIGINT"); // PostgreSQL's "fast" shutdown
      await server.exited;
      await directory[Symbol.asyncDispose]();
    },
  };
}

interface Client {
  unsafe(text: string, values: unknown[]): PromiseLike<unknown>;
}

async function query(client: Client, text: string, parameters: readonly SqlValue[]): Promise<unknown[]> {
  const values = parameters.map((value) =>
    typeof value === "string" ? value.replaceAll("\0", "\uFFFD") : value,
  );
  return (await client.unsafe(text, values)) as unknown[];
}

/** BIGINT comes as one. */
function withNumbers(row: unknown): unknown {
  const result: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row as Record<string, unknown>))
    result[name] = typeof value === "bigint" ? Number(value) : value;
  return result;
}

class PostgresSql implements Sql {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async all<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row[]> {
    return (await query(this.#client, text, parameters)).map(withNumbers) as Row[];
  }

  async one<Row>(text: string, parameters: readonly SqlValue[] = []): Promise<Row | undefined> {
    return (await this.all<Row>(text, parameters))[0];
  }

  async run(text: string, parameters: readonly SqlValue[] = []): Promise<number> {
    return ((await query(this.#client, text, parameters)) as unknown as { count: number }).count;
  }
}

class PostgresDatabase extends PostgresSql implements SqlDatabase {
  readonly #client: SQL;
  #last: Promise<unknown> = Promise.resolve();

  constructor(client: SQL) {
    super(client);
    this.#client = client;
  }

  async transaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const turn = this.#last.then(() => this.#inTransaction(work));
    this.#last = turn.catch(() => undefined); // who asked for it is told
    return turn;
  }

  async #inTransaction<T>(work: (sql: Sql) => Promise<T>): Promise<T> {
    const connection: ReservedSQL = await this.#client.reserve();
    try {
      await connection.unsafe("BEGIN");
      const result = await work(new PostgresSql(connection));
      await connection.unsafe("COMMIT");
      return result;
    } catch (error) {
      await connection.unsafe("ROLLBACK");
      throw error;
    } finally {
      await connection.release();
    }
  }

  async close(): Promise<void> {
    await this.#last;
    await this.#client.close();
  }
}
