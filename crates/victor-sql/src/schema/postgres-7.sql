-- Several processes on one database: those who wait, the events of turns, and the queues that they share.

-- The time that a lease lasts from each renewal on.
ALTER TABLE victor_sessions ADD COLUMN held_for BIGINT;

-- Those who wait for something, in the order in which they came; `until` is when one counts as gone. Whoever makes it
-- happen notifies them, and nobody else, since a commit that notifies is alone on the server for a moment. The table is
-- empty after a crash of the server, and those who wait enter themselves again.
CREATE UNLOGGED TABLE victor_waiters (
    ticket BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    topic TEXT COLLATE "C" NOT NULL,
    waiter TEXT COLLATE "C" NOT NULL UNIQUE,
    until BIGINT NOT NULL
);
CREATE INDEX victor_waiters_by_topic ON victor_waiters (topic, ticket);

CREATE FUNCTION victor_wake(of_topic TEXT, most BIGINT) RETURNS VOID LANGUAGE SQL AS $$
    SELECT pg_notify('victor', waiter) FROM (
        SELECT waiter FROM victor_waiters
        WHERE topic = of_topic AND until > (extract(epoch FROM clock_timestamp()) * 1000000)::bigint
        ORDER BY ticket LIMIT most
    ) AS next
$$;

CREATE FUNCTION victor_session_freed() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM victor_wake('session ' || NEW.id, 1);
    RETURN NULL;
END $$;
CREATE TRIGGER victor_session_freed AFTER UPDATE OF owner ON victor_sessions
    FOR EACH ROW WHEN (OLD.owner IS NOT NULL AND NEW.owner IS NULL) EXECUTE FUNCTION victor_session_freed();

-- The events of turns, a batch in each row: JSON texts of the events from number `first` on, up to `next`.
CREATE TABLE victor_turn_events (
    turn TEXT COLLATE "C" NOT NULL,
    first BIGINT NOT NULL,
    next BIGINT NOT NULL,
    session TEXT COLLATE "C" NOT NULL,
    at BIGINT NOT NULL,
    events TEXT NOT NULL,
    PRIMARY KEY (turn, first)
);
CREATE INDEX victor_turn_events_by_session ON victor_turn_events (session);
CREATE INDEX victor_turn_events_by_time ON victor_turn_events (at);

CREATE FUNCTION victor_turn_went_on() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM victor_wake('turn ' || NEW.turn, NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER victor_turn_went_on AFTER INSERT ON victor_turn_events
    FOR EACH ROW EXECUTE FUNCTION victor_turn_went_on();

-- The events of the outbox that a process is sending for an exporter, and until when they are its own.
CREATE TABLE victor_outbox_claims (
    exporter TEXT COLLATE "C" NOT NULL,
    first BIGINT NOT NULL,
    last BIGINT NOT NULL,
    sender TEXT COLLATE "C" NOT NULL,
    until BIGINT NOT NULL,
    PRIMARY KEY (exporter, first)
);

-- A run that was offered to a worker is offered to nobody else until then.
ALTER TABLE victor_runs ADD COLUMN offered_until BIGINT;
CREATE INDEX victor_runs_by_wake ON victor_runs (status, wake_at, key);

CREATE FUNCTION victor_run_due() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    PERFORM victor_wake('runs', NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER victor_run_created AFTER INSERT ON victor_runs
    FOR EACH ROW WHEN (NEW.status = 'running' AND NEW.owner IS NULL) EXECUTE FUNCTION victor_run_due();
CREATE TRIGGER victor_run_due AFTER UPDATE ON victor_runs
    FOR EACH ROW WHEN (NEW.status = 'running' AND NEW.owner IS NULL AND (OLD.owner IS NOT NULL OR OLD.status <> 'running'))
    EXECUTE FUNCTION victor_run_due();
