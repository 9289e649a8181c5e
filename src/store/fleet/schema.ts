/**
 * The tables of a parent, in the dialect that SQLite and PostgreSQL share. Times are Unix milliseconds in DOUBLE PRECISION
 * (an agent's may have decimals), truth is SMALLINT 0 or 1, and keys are BIGINT that the transaction computes. Only two
 * things have a form of their own in each: a numeric primary key (SQLite stores rows by it where it is called INTEGER), and
 * the trigger that keeps the audit log as it was written.
 *
 * Where the seed has a table, its name is kept: agents, agent_process_events (of all streams here, so that one table is the
 * account of every event), process_classifications, process_classification_suggestions, classification_history.
 */
import type { DatabaseDefinition } from "../database.ts";

export type Dialect = "sqlite" | "postgresql";

const NUMERIC_KEY: Readonly<Record<Dialect, string>> = {
  sqlite: "INTEGER PRIMARY KEY",
  postgresql: "BIGINT PRIMARY KEY",
};

const AUDIT_GUARD: Readonly<Record<Dialect, string>> = {
  sqlite: `
    CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE ON audit_log
      BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;
    CREATE TRIGGER audit_log_is_not_deleted BEFORE DELETE ON audit_log
      BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END;`,
  postgresql: `
    CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS
      $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$;
    CREATE TRIGGER audit_log_is_not_changed BEFORE UPDATE OR DELETE ON audit_log
      FOR EACH ROW EXECUTE FUNCTION refuse_audit_change();`,
};

const agentTables = (numericKey: string): string => `
  CREATE TABLE settings (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  -- The last number that was given out, by what it numbers: numbers never come twice, also after rows are deleted.
  CREATE TABLE counters (name TEXT PRIMARY KEY, value BIGINT NOT NULL);

  CREATE TABLE agents (
    agent_key ${numericKey},
    id TEXT NOT NULL UNIQUE,
    public_key TEXT NOT NULL,
    state TEXT NOT NULL,
    state_reason TEXT,
    hostname TEXT NOT NULL,
    machine TEXT NOT NULL,
    address TEXT NOT NULL,
    joined_at_ms DOUBLE PRECISION NOT NULL,
    join_token_id TEXT,
    join_commitment TEXT NOT NULL,
    join_parent_nonce TEXT NOT NULL,
    join_code TEXT,
    instance TEXT,
    retired_instances TEXT NOT NULL,
    counter_floor BIGINT NOT NULL,
    command_seq BIGINT NOT NULL
  );
  CREATE INDEX agents_by_state ON agents (state, agent_key);

  -- What every heartbeat changes, apart from what rarely changes.
  CREATE TABLE agent_status (
    agent_key ${numericKey},
    last_seen_at_ms DOUBLE PRECISION NOT NULL,
    clock_offset_ms DOUBLE PRECISION NOT NULL,
    counter BIGINT NOT NULL,
    hostname TEXT NOT NULL,
    heartbeat TEXT NOT NULL
  );

  CREATE TABLE join_tokens (
    id TEXT PRIMARY KEY,
    secret_hash TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms DOUBLE PRECISION NOT NULL,
    expires_at_ms DOUBLE PRECISION NOT NULL,
    uses_left BIGINT NOT NULL,
    uses_total BIGINT NOT NULL,
    requires_approval SMALLINT NOT NULL,
    revoked SMALLINT NOT NULL
  );

  CREATE TABLE agent_commands (
    agent_key BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    issued_at_ms DOUBLE PRECISION NOT NULL,
    expires_at_ms DOUBLE PRECISION NOT NULL,
    coalesce_key TEXT,
    signature TEXT NOT NULL,
    PRIMARY KEY (agent_key, seq)
  );`;

const eventTables = (numericKey: string): string => `
  -- cursor = stored + lost. What is missing between cursor and produced of an epoch that ended is its hole in event_losses.
  CREATE TABLE event_epochs (
    epoch_key ${numericKey},
    agent_key BIGINT NOT NULL,
    stream TEXT NOT NULL,
    epoch TEXT NOT NULL,
    cursor_seq BIGINT NOT NULL,
    chain TEXT,
    stored BIGINT NOT NULL,
    lost BIGINT NOT NULL,
    follows_epoch TEXT,
    is_ended SMALLINT NOT NULL,
    produced BIGINT,
    UNIQUE (agent_key, stream, epoch)
  );

  CREATE TABLE agent_process_events (
    id ${numericKey},
    epoch_key BIGINT NOT NULL,
    agent_key BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    event_type TEXT NOT NULL,
    provider TEXT NOT NULL,
    event_id BIGINT NOT NULL,
    event_timestamp_ms DOUBLE PRECISION NOT NULL,
    received_at_ms DOUBLE PRECISION NOT NULL,
    chain TEXT NOT NULL,
    payload TEXT NOT NULL
  );
  CREATE UNIQUE INDEX agent_process_events_once ON agent_process_events (epoch_key, seq);
  CREATE INDEX agent_process_events_by_agent ON agent_process_events (agent_key, id);

  -- Headers as they were signed; own_items has those items that are not in the table of events as they were sent.
  CREATE TABLE event_batches (
    id ${numericKey},
    epoch_key BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT NOT NULL,
    header TEXT NOT NULL,
    signature TEXT NOT NULL,
    own_items TEXT,
    received_at_ms DOUBLE PRECISION NOT NULL
  );
  CREATE UNIQUE INDEX event_batches_by_seq ON event_batches (epoch_key, last_seq);

  CREATE TABLE event_losses (
    id ${numericKey},
    epoch_key BIGINT NOT NULL,
    agent_key BIGINT NOT NULL,
    first_seq BIGINT NOT NULL,
    last_seq BIGINT,
    bytes BIGINT,
    reason TEXT NOT NULL,
    declared_at_ms DOUBLE PRECISION NOT NULL,
    received_at_ms DOUBLE PRECISION NOT NULL,
    is_hole SMALLINT NOT NULL
  );
  CREATE INDEX event_losses_by_seq ON event_losses (epoch_key, first_seq);
  CREATE INDEX event_losses_by_agent ON event_losses (agent_key, id);`;

const processTables = (numericKey: string): string => `
  CREATE TABLE agent_processes (
    id ${numericKey},
    agent_key BIGINT NOT NULL,
    process_id TEXT NOT NULL,
    pid BIGINT NOT NULL,
    process_name TEXT NOT NULL,
    path TEXT,
    command_line TEXT NOT NULL,
    parent_pid BIGINT,
    parent_process_id TEXT,
    user_name TEXT,
    fingerprint_hash TEXT NOT NULL,
    classification TEXT,
    publisher TEXT,
    version TEXT,
    started_at_ms DOUBLE PRECISION NOT NULL,
    stopped_at_ms DOUBLE PRECISION,
    is_end_exact SMALLINT NOT NULL,
    snapshot_id TEXT,
    told_at_ms DOUBLE PRECISION NOT NULL
  );
  CREATE UNIQUE INDEX agent_processes_once ON agent_processes (agent_key, process_id);
  CREATE INDEX agent_processes_by_agent ON agent_processes (agent_key, id);
  CREATE INDEX agent_processes_running ON agent_processes (agent_key, id) WHERE stopped_at_ms IS NULL;
  CREATE INDEX agent_processes_running_anywhere ON agent_processes (id) WHERE stopped_at_ms IS NULL;
  CREATE INDEX agent_processes_stopped ON agent_processes (told_at_ms) WHERE stopped_at_ms IS NOT NULL;

  -- What the parent takes for the set of an agent's running processes.
  CREATE TABLE process_views (
    agent_key ${numericKey},
    set_hash TEXT NOT NULL,
    running BIGINT NOT NULL,
    snapshot_id TEXT,
    snapshot_parts BIGINT NOT NULL,
    asked_at_ms DOUBLE PRECISION
  );

  CREATE TABLE agent_connections (
    id ${numericKey},
    agent_key BIGINT NOT NULL,
    process_id TEXT,
    process_name TEXT NOT NULL,
    protocol TEXT NOT NULL,
    remote_address TEXT NOT NULL,
    remote_port BIGINT,
    remote_host TEXT,
    bytes_sent BIGINT NOT NULL,
    bytes_received BIGINT NOT NULL,
    uncertainty_bytes BIGINT,
    meaning TEXT NOT NULL,
    connections BIGINT NOT NULL,
    interval_start_ms DOUBLE PRECISION NOT NULL,
    interval_end_ms DOUBLE PRECISION NOT NULL,
    received_at_ms DOUBLE PRECISION NOT NULL
  );
  CREATE INDEX agent_connections_by_agent ON agent_connections (agent_key, id);`;

const classificationTables = (numericKey: string): string => `
  CREATE TABLE fingerprints (
    fingerprint_hash TEXT PRIMARY KEY,
    process_name TEXT NOT NULL,
    path TEXT,
    file_hash TEXT,
    signature TEXT,
    publisher TEXT,
    version TEXT,
    first_seen_ms DOUBLE PRECISION NOT NULL,
    last_seen_ms DOUBLE PRECISION NOT NULL,
    -- As many as agent_fingerprints has rows of it: counting ten thousand of them for each program takes too long.
    agents BIGINT NOT NULL
  );
  CREATE INDEX fingerprints_by_age ON fingerprints (last_seen_ms);
  CREATE TABLE agent_fingerprints (
    fingerprint_hash TEXT NOT NULL,
    agent_key BIGINT NOT NULL,
    PRIMARY KEY (fingerprint_hash, agent_key)
  );

  -- position: rises with each change, so that an agent can ask for what changed since.
  CREATE TABLE process_classifications (
    fingerprint_hash TEXT PRIMARY KEY,
    process_name TEXT NOT NULL,
    path TEXT,
    publisher TEXT,
    version TEXT,
    classification TEXT NOT NULL,
    classification_source TEXT NOT NULL,
    confidence DOUBLE PRECISION,
    original_classification TEXT,
    overridden_by TEXT,
    override_reason TEXT,
    updated_at_ms DOUBLE PRECISION NOT NULL,
    position BIGINT NOT NULL UNIQUE
  );
  CREATE INDEX process_classifications_by_age ON process_classifications (updated_at_ms);
  CREATE TABLE process_classification_suggestions (
    fingerprint_hash TEXT NOT NULL,
    agent_id TEXT NOT NULL,
    suggested_by TEXT NOT NULL,
    suggested_classification TEXT NOT NULL,
    confidence DOUBLE PRECISION,
    created_at_ms DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (fingerprint_hash, agent_id, suggested_by)
  );
  CREATE INDEX suggestions_by_age ON process_classification_suggestions (created_at_ms);
  CREATE TABLE classification_history (
    id ${numericKey},
    fingerprint_hash TEXT NOT NULL,
    old_classification TEXT,
    new_classification TEXT NOT NULL,
    source TEXT NOT NULL,
    changed_by TEXT,
    reason TEXT,
    changed_at_ms DOUBLE PRECISION NOT NULL
  );
  CREATE INDEX classification_history_by_fingerprint ON classification_history (fingerprint_hash, id);`;

const peopleTables = (numericKey: string): string => `
  CREATE TABLE users (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    -- In lower case: two people can't be told apart by capitals.
    name_key TEXT NOT NULL UNIQUE,
    role TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    disabled SMALLINT NOT NULL,
    created_at_ms DOUBLE PRECISION NOT NULL,
    last_login_at_ms DOUBLE PRECISION
  );
  CREATE TABLE sessions (
    token_hash TEXT PRIMARY KEY,
    user_id TEXT NOT NULL,
    created_at_ms DOUBLE PRECISION NOT NULL,
    expires_at_ms DOUBLE PRECISION NOT NULL
  );
  CREATE INDEX sessions_by_user ON sessions (user_id);
  CREATE INDEX sessions_by_end ON sessions (expires_at_ms);
  CREATE TABLE api_keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    secret_hash TEXT NOT NULL,
    created_by TEXT NOT NULL,
    created_at_ms DOUBLE PRECISION NOT NULL,
    expires_at_ms DOUBLE PRECISION,
    last_used_at_ms DOUBLE PRECISION,
    revoked SMALLINT NOT NULL
  );
  CREATE TABLE audit_log (
    id ${numericKey},
    at_ms DOUBLE PRECISION NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    subject TEXT NOT NULL,
    details TEXT NOT NULL,
    address TEXT
  );`;

/** What brings a database from one version to the next, in order. */
export function fleetMigrations(dialect: Dialect): readonly string[] {
  const tables = [agentTables, eventTables, processTables, classificationTables, peopleTables];
  const first = tables.map((statements) => statements(NUMERIC_KEY[dialect])).join("\n");
  return [first + AUDIT_GUARD[dialect]];
}

export const FLEET_DATABASE: DatabaseDefinition = {
  applicationId: 0x57_42_46_4c, // "WBFL"
  migrations: fleetMigrations("sqlite"),
  tables: ["agents", "agent_process_events", "agent_processes", "process_classifications", "audit_log"],
  what: "fleet database",
};
