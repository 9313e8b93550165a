-- Runs of workflows know the process that works on them, so that nobody waits for one that has ended.

ALTER TABLE victor_runs ADD COLUMN process TEXT;
