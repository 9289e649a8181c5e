/**
 * The tables of the history, version by version. A migration is never changed once released: a new one is added.
 *
 * Times are Unix milliseconds. Text of processes and endpoints is kept once, in dictionaries; the rollups hold numbers.
 */

/** Says that a file is ours (PRAGMA application_id): "WBhi". */
export const APPLICATION_ID = 0x57426869;

const VERSION_1 = `
  CREATE TABLE process (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    path TEXT NOT NULL,
    user_id INTEGER NOT NULL, -- -1: not known
    user_name TEXT NOT NULL,
    attribution TEXT NOT NULL,
    UNIQUE (name, path, user_id, user_name, attribution)
  ) STRICT;

  CREATE TABLE endpoint (
    id INTEGER PRIMARY KEY,
    address TEXT NOT NULL,
    host TEXT NOT NULL,
    host_source TEXT NOT NULL,
    port INTEGER NOT NULL,
    protocol TEXT NOT NULL,
    direction TEXT NOT NULL,
    UNIQUE (address, host, host_source, port, protocol, direction)
  ) STRICT;

  CREATE TABLE hourly (
    start_ms INTEGER NOT NULL,
    process_id INTEGER NOT NULL REFERENCES process (id),
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    meaning TEXT NOT NULL,
    connections INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    bytes_received INTEGER NOT NULL,
    uncertainty_bytes INTEGER NOT NULL,
    lower_bound_connections INTEGER NOT NULL,
    PRIMARY KEY (start_ms, process_id, endpoint_id, meaning)
  ) STRICT, WITHOUT ROWID;

  -- What hourly rows become when they are old. start_ms is the beginning of a day of local time.
  CREATE TABLE daily (
    start_ms INTEGER NOT NULL REFERENCES day (start_ms),
    process_id INTEGER NOT NULL REFERENCES process (id),
    endpoint_id INTEGER NOT NULL REFERENCES endpoint (id),
    meaning TEXT NOT NULL,
    connections INTEGER NOT NULL,
    bytes_sent INTEGER NOT NULL,
    bytes_received INTEGER NOT NULL,
    uncertainty_bytes INTEGER NOT NULL,
    lower_bound_connections INTEGER NOT NULL,
    PRIMARY KEY (start_ms, process_id, endpoint_id, meaning)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE day (
    start_ms INTEGER PRIMARY KEY,
    end_ms INTEGER NOT NULL
  ) STRICT;

  CREATE TABLE loss (
    start_ms INTEGER NOT NULL, -- of the hour
    cause TEXT NOT NULL,
    count INTEGER NOT NULL,
    bytes INTEGER, -- NULL: not known
    PRIMARY KEY (start_ms, cause)
  ) STRICT, WITHOUT ROWID;

  -- When a monitor recorded.
  CREATE TABLE coverage (
    id INTEGER PRIMARY KEY,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL
  ) STRICT;

  -- When one should have and did not.
  CREATE TABLE gap (
    id INTEGER PRIMARY KEY,
    from_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    reason TEXT NOT NULL,
    message TEXT NOT NULL
  ) STRICT;

  -- How far the bytes of each living flow are recorded: where the next recorder goes on.
  CREATE TABLE mark (
    id TEXT PRIMARY KEY,
    bytes_sent INTEGER,
    bytes_received INTEGER,
    uncertainty_bytes INTEGER NOT NULL,
    lower_bound_connections INTEGER NOT NULL,
    start_ms INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE state (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    last_commit_ms INTEGER NOT NULL, -- 0: nothing was ever recorded
    clean INTEGER NOT NULL, -- 1: the recorder closed the history, or there never was one
    window_ms INTEGER NOT NULL, -- the most that can be missing after last_commit_ms when the recorder was killed
    scope TEXT NOT NULL, -- boot, network namespace and method within which flow ids mean the same flow
    marks_complete INTEGER NOT NULL,
    hourly_from_ms INTEGER NOT NULL -- everything before is in daily
  ) STRICT;

  INSERT INTO state VALUES (1, 0, 1, 0, '', 0, 0);
`;

/** Each brings the database from its index to the next version (PRAGMA user_version). */
export const MIGRATIONS: readonly string[] = [VERSION_1];

export const TABLES = [
  "process",
  "endpoint",
  "hourly",
  "daily",
  "day",
  "loss",
  "coverage",
  "gap",
  "mark",
  "state",
];
