-- Several processes on one file: the events of turns, and the queues that they share.

-- The time that a lease lasts from each renewal on.
ALTER TABLE victor_sessions ADD COLUMN held_for INTEGER;

-- The events of turns, a batch in each row: JSON texts of the events from number `first` on, up to `next`.
CREATE TABLE victor_turn_events (
    turn TEXT NOT NULL,
    first INTEGER NOT NULL,
    next INTEGER NOT NULL,
    session TEXT NOT NULL,
    at INTEGER NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (turn, first)
) STRICT;
CREATE INDEX victor_turn_events_by_session ON victor_turn_events (session);
CREATE INDEX victor_turn_events_by_time ON victor_turn_events (at);

-- The events of the outbox that a process is sending for an exporter, and until when they are its own.
CREATE TABLE victor_outbox_claims (
    exporter TEXT NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    sender TEXT NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (exporter, first)
) STRICT;

-- A run that was offered to a worker is offered to nobody else until then.
ALTER TABLE victor_runs ADD COLUMN offered_until INTEGER;
CREATE INDEX victor_runs_by_wake ON victor_runs (status, wake_at, key);
