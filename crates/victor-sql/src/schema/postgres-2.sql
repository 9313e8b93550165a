-- The lease of a session: who works on it, since when and until when. Without an owner there is none. The fence grows with
-- every lease that is taken.

ALTER TABLE victor_sessions ADD COLUMN fence BIGINT NOT NULL DEFAULT 0;
ALTER TABLE victor_sessions ADD COLUMN owner TEXT;
ALTER TABLE victor_sessions ADD COLUMN owner_turn TEXT;
ALTER TABLE victor_sessions ADD COLUMN held_since BIGINT;
ALTER TABLE victor_sessions ADD COLUMN held_until BIGINT;
