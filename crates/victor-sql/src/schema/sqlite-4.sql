-- Finding events by time and by tag; and the outbox: events that wait until every exporter has sent them, in the order of
-- `place`, which is never used twice. A cursor is the place up to which an exporter has sent them.

CREATE INDEX victor_events_by_time ON victor_events (at, id);

CREATE TABLE victor_event_tags (
    tag TEXT NOT NULL,
    event TEXT NOT NULL REFERENCES victor_events (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX victor_event_tags_by_event ON victor_event_tags (event);

CREATE TABLE victor_outbox (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    session TEXT,
    event TEXT NOT NULL
) STRICT;
CREATE INDEX victor_outbox_by_session ON victor_outbox (session);

CREATE TABLE victor_outbox_cursors (
    exporter TEXT NOT NULL PRIMARY KEY,
    place INTEGER NOT NULL
) STRICT;

CREATE TABLE victor_dead_letters (
    place INTEGER PRIMARY KEY AUTOINCREMENT,
    exporter TEXT NOT NULL,
    event TEXT NOT NULL,
    session TEXT,
    letter TEXT NOT NULL,
    UNIQUE (exporter, event)
) STRICT;
CREATE INDEX victor_dead_letters_by_session ON victor_dead_letters (session);
