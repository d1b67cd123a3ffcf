-- Schema 1 of the corrections database. Frozen: a change is a new migration, never an edit.
-- Times are milliseconds since 1970 (UTC).

-- A recording, by the SHA-256 of its bytes. The row stays when its history is cleared: numbers of revisions are never used twice.
CREATE TABLE recordings (
    id       INTEGER PRIMARY KEY,
    media    BLOB    NOT NULL UNIQUE CHECK (length(media) = 32),
    current  INTEGER NOT NULL CHECK (current >= 0),
    cleared  INTEGER NOT NULL DEFAULT 0 CHECK (cleared <= current),
    bytes    INTEGER NOT NULL DEFAULT 0 CHECK (bytes >= 0)
) STRICT;

-- Accepted batches of operations.
CREATE TABLE revisions (
    recording_id INTEGER NOT NULL REFERENCES recordings (id) ON DELETE CASCADE,
    revision     INTEGER NOT NULL CHECK (revision > 0),
    author       TEXT    NOT NULL,
    created_ms   INTEGER NOT NULL,
    operations   TEXT    NOT NULL,  -- JSON
    PRIMARY KEY (recording_id, revision)
) STRICT, WITHOUT ROWID;
