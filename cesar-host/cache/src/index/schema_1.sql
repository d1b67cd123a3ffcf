-- Schema 1 of the cache index. Frozen: a change is a new migration, never an edit.
-- Times are milliseconds since 1970 (UTC). Keys and digests are 32 bytes.

-- digest -> bytes. Narrow, so that scans for sizes do not pass over the bytes themselves.
CREATE TABLE contents (
    id         INTEGER PRIMARY KEY,
    digest     BLOB    NOT NULL UNIQUE CHECK (length(digest) = 32),
    size       INTEGER NOT NULL CHECK (size >= 0),
    inline     INTEGER NOT NULL CHECK (inline IN (0, 1)),  -- 1: bytes in `blobs`; 0: a file under objects/
    created_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE blobs (
    content_id INTEGER PRIMARY KEY REFERENCES contents (id) ON DELETE CASCADE,
    bytes      BLOB    NOT NULL
) STRICT;

-- key -> digest, and what is worth knowing for eviction and for people.
CREATE TABLE results (
    id             INTEGER PRIMARY KEY,
    key            BLOB    NOT NULL UNIQUE CHECK (length(key) = 32),
    content_id     INTEGER NOT NULL REFERENCES contents (id),
    stage          TEXT    NOT NULL,
    plugin         TEXT    NOT NULL,
    plugin_version TEXT    NOT NULL,
    inputs_digest  BLOB    NOT NULL CHECK (length(inputs_digest) = 32),  -- over the inputs alone: earlier work on the same
    cost_ms        INTEGER NOT NULL,
    created_ms     INTEGER NOT NULL,
    last_used_ms   INTEGER NOT NULL,
    expires_ms     INTEGER,
    label          TEXT,           -- what a person calls the input; never part of the key
    details        TEXT,           -- JSON of the stage that stored it, such as an ETag; opaque to the cache
    seal           BLOB    NOT NULL CHECK (length(seal) = 16)  -- over all of the above but `last_used_ms`, and the content's digest
) STRICT;

CREATE INDEX results_by_content ON results (content_id);            -- is a content still referenced?
CREATE INDEX results_by_inputs ON results (inputs_digest, stage);   -- what else was done with these inputs?

-- The parts of each key as JSON, to tell two keys apart. Apart from `results`, to keep that narrow.
CREATE TABLE parts (
    result_id INTEGER PRIMARY KEY REFERENCES results (id) ON DELETE CASCADE,
    json      TEXT    NOT NULL
) STRICT;

-- Entries that a running job needs: not evicted before `expires_ms`.
CREATE TABLE leases (
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    owner      TEXT    NOT NULL,
    expires_ms INTEGER NOT NULL,
    PRIMARY KEY (key, owner)
) STRICT, WITHOUT ROWID;

-- What is finished of a result that is still being computed, under the key that the whole will have.
-- Dropped in the transaction that stores the whole.
CREATE TABLE partials (
    id         INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL CHECK (length(key) = 32),
    position   INTEGER NOT NULL,   -- order within the result, from 0
    digest     BLOB    NOT NULL CHECK (length(digest) = 32),
    bytes      BLOB    NOT NULL,
    cost_ms    INTEGER NOT NULL,
    created_ms INTEGER NOT NULL,
    UNIQUE (key, position)
) STRICT;

-- SHA-256 of files outside the cache, trusted while all of these are unchanged.
-- Unsigned 64-bit numbers are stored with the same bits.
CREATE TABLE file_digests (
    device    INTEGER NOT NULL,
    inode     INTEGER NOT NULL,
    size      INTEGER NOT NULL,
    mtime_ns  INTEGER NOT NULL,
    ctime_ns  INTEGER NOT NULL,
    digest    BLOB    NOT NULL CHECK (length(digest) = 32),
    hashed_ms INTEGER NOT NULL,
    PRIMARY KEY (device, inode)
) STRICT, WITHOUT ROWID;

-- Counters that outlive the process: hits, misses, bytes_saved, ms_saved, healed, evicted, waited.
CREATE TABLE statistics (
    name  TEXT    PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- When housekeeping was last done, by its name.
CREATE TABLE maintenance (
    name    TEXT    PRIMARY KEY,
    done_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The size of everything, kept up to date so that each put can tell at once whether a limit is crossed.
CREATE TABLE totals (
    id    INTEGER PRIMARY KEY CHECK (id = 1),
    count INTEGER NOT NULL,
    bytes INTEGER NOT NULL
) STRICT;
INSERT INTO totals (id, count, bytes) VALUES (1, 0, 0);

CREATE TRIGGER contents_added AFTER INSERT ON contents BEGIN
    UPDATE totals SET count = count + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER contents_removed AFTER DELETE ON contents BEGIN
    UPDATE totals SET count = count - 1, bytes = bytes - old.size;
END;
CREATE TRIGGER contents_resized AFTER UPDATE OF size ON contents BEGIN
    UPDATE totals SET bytes = bytes + new.size - old.size;
END;
