-- Finding events by time and by tag; and the outbox: events that wait until every exporter has sent them, in the order of
-- `place`, which is never used twice. A cursor is the place up to which an exporter has sent them.

CREATE INDEX victor_events_by_time ON victor_events (at, id);

CREATE TABLE victor_event_tags (
    tag TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL REFERENCES victor_events (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, event)
);
CREATE INDEX victor_event_tags_by_event ON victor_event_tags (event);

CREATE TABLE victor_outbox (
    place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id TEXT COLLATE "C" NOT NULL UNIQUE,
    session TEXT COLLATE "C",
    event TEXT NOT NULL
);
CREATE INDEX victor_outbox_by_session ON victor_outbox (session);

CREATE TABLE victor_outbox_cursors (
    exporter TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    place BIGINT NOT NULL
);

CREATE TABLE victor_dead_letters (
    place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    exporter TEXT COLLATE "C" NOT NULL,
    event TEXT COLLATE "C" NOT NULL,
    session TEXT COLLATE "C",
    letter TEXT NOT NULL,
    UNIQUE (exporter, event)
);
CREATE INDEX victor_dead_letters_by_session ON victor_dead_letters (session);
