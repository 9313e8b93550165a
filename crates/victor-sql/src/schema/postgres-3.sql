-- The ledger: one entry for each attempt of a model call. It outlives its session, since what was spent was spent; an
-- entry holds names, counts and amounts, and nothing that was said. `pending` is 1 until the attempt has ended.

CREATE TABLE victor_ledger (
    id TEXT COLLATE "C" NOT NULL PRIMARY KEY,
    session TEXT COLLATE "C",
    turn TEXT COLLATE "C",
    at BIGINT NOT NULL,
    pending BIGINT NOT NULL,
    entry TEXT NOT NULL
);
CREATE INDEX victor_ledger_by_time ON victor_ledger (at);
CREATE INDEX victor_ledger_by_session ON victor_ledger (session, at);
CREATE INDEX victor_ledger_by_turn ON victor_ledger (turn);

CREATE TABLE victor_ledger_tags (
    tag TEXT COLLATE "C" NOT NULL,
    entry TEXT COLLATE "C" NOT NULL REFERENCES victor_ledger (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, entry)
);
CREATE INDEX victor_ledger_tags_by_entry ON victor_ledger_tags (entry);
