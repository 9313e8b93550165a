-- Workflows: runs, their records, the values that these name, and the definitions that runs began under. A run has one
-- holder at a time; `fence` grows with each. Records are JSON, numbered from 0 without gaps.

CREATE TABLE victor_workflows (
    hash BLOB NOT NULL PRIMARY KEY,
    definition TEXT NOT NULL
) STRICT;

CREATE TABLE victor_runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    workflow TEXT NOT NULL,
    start_key TEXT,
    definition BLOB NOT NULL,
    status TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    wake_at INTEGER,
    records INTEGER NOT NULL,
    fence INTEGER NOT NULL DEFAULT 0,
    owner TEXT,
    held_until INTEGER,
    UNIQUE (workflow, start_key)
) STRICT;
CREATE INDEX victor_runs_by_time ON victor_runs (created_at DESC, id DESC);
CREATE INDEX victor_runs_by_status ON victor_runs (status, created_at DESC);

CREATE TABLE victor_run_records (
    run INTEGER NOT NULL REFERENCES victor_runs (key) ON DELETE CASCADE,
    number INTEGER NOT NULL,
    record TEXT NOT NULL,
    PRIMARY KEY (run, number)
) STRICT;

CREATE TABLE victor_run_values (
    run INTEGER NOT NULL REFERENCES victor_runs (key) ON DELETE CASCADE,
    hash BLOB NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run, hash)
) STRICT;

CREATE TABLE victor_run_signals (
    run INTEGER NOT NULL REFERENCES victor_runs (key) ON DELETE CASCADE,
    key TEXT NOT NULL,
    PRIMARY KEY (run, key)
) STRICT;
