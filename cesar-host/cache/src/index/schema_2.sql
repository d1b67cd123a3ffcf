-- Schema 2 of the cache index: what eviction needs. Frozen: a change is a new migration, never an edit.

-- What a result is worth, as the time for which it is kept beyond its last use (see `worth.rs`). Eviction goes by
-- `last_used_ms + bonus_ms`, lowest first. Not under the seal: a wrong value makes eviction blunter, no more.
ALTER TABLE results ADD COLUMN bonus_ms INTEGER NOT NULL DEFAULT 0;
-- How often the result was used since it was stored.
ALTER TABLE results ADD COLUMN hits INTEGER NOT NULL DEFAULT 0;

CREATE INDEX results_by_worth ON results (last_used_ms + bonus_ms);
CREATE INDEX results_by_expiry ON results (expires_ms) WHERE expires_ms IS NOT NULL;
CREATE INDEX partials_by_age ON partials (created_ms);

-- The number of results: the rows of each take space besides its content.
ALTER TABLE totals ADD COLUMN results INTEGER NOT NULL DEFAULT 0;
UPDATE totals SET results = (SELECT COUNT(*) FROM results);

CREATE TRIGGER results_added AFTER INSERT ON results BEGIN
    UPDATE totals SET results = results + 1;
END;
CREATE TRIGGER results_removed AFTER DELETE ON results BEGIN
    UPDATE totals SET results = results - 1;
END;
