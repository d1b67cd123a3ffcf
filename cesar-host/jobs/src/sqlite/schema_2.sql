-- Schema 2 of the jobs database. Frozen: a change is a new migration, never an edit.

-- Events of running jobs, for listeners in other processes than the worker's.
CREATE TABLE events (
    job    TEXT    NOT NULL,
    claim  INTEGER NOT NULL,                -- the claim of the run
    number INTEGER NOT NULL,                -- counted in the claim
    kind   TEXT    NOT NULL,
    data   TEXT    NOT NULL,                -- JSON
    PRIMARY KEY (job, claim, number)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER events_of_removed_jobs AFTER DELETE ON jobs BEGIN
    DELETE FROM events WHERE job = OLD.id;
END;
