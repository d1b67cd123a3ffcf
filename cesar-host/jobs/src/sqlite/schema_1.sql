-- Schema 1 of the jobs database. Frozen: a change is a new migration, never an edit.
-- Times are milliseconds since 1970 (UTC). Ids are UUIDs as text, digests 32 bytes.

-- A job is one row. The document comes last: it may be large, and what reads the other columns does not pass over it.
CREATE TABLE jobs (
    id                   TEXT    PRIMARY KEY CHECK (length(id) = 36),   -- ordered as the jobs were submitted
    state                TEXT    NOT NULL CHECK (state IN
                             ('queued', 'downloading', 'processing', 'completed', 'partial', 'error', 'cancelled')),
    request              TEXT    NOT NULL,               -- JSON
    upload               TEXT    UNIQUE,                 -- the upload that the request names; none: it names an address
    coalesce_key         TEXT,
    idempotency_key      TEXT    UNIQUE,
    fingerprint          BLOB    CHECK (length(fingerprint) = 32),      -- of the request that came with the key

    attempts             INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts         INTEGER NOT NULL,
    not_before_ms        INTEGER NOT NULL,
    claims               INTEGER NOT NULL DEFAULT 0,     -- claims ever made, never set back
    lease                INTEGER,                        -- the claim that holds the job while it runs
    owner                TEXT,                           -- the worker that holds it: workers/<owner>.lock
    cancel_requested     INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    refresh              INTEGER NOT NULL CHECK (refresh IN (0, 1)),
    retry_stage          TEXT,
    crashes              TEXT    NOT NULL DEFAULT '{}',  -- JSON: how often, by the plugin's digest

    error_code           TEXT,
    error_message        TEXT,
    error_stage          TEXT,

    progress             REAL    NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    progress_phase       TEXT    NOT NULL DEFAULT 'queued',
    progress_phase_pct   REAL    NOT NULL DEFAULT 0 CHECK (progress_phase_pct BETWEEN 0 AND 100),
    transcription_cached INTEGER CHECK (transcription_cached IN (0, 1)),
    diarization_cached   INTEGER CHECK (diarization_cached IN (0, 1)),
    cache_hit_ratio      REAL,
    timings              TEXT    NOT NULL DEFAULT '{}',  -- JSON: ms by stage
    provenance           TEXT    NOT NULL DEFAULT 'null',  -- JSON

    created_ms           INTEGER NOT NULL,
    started_ms           INTEGER,
    finished_ms          INTEGER,

    webhook_state        TEXT    CHECK (webhook_state IN ('waiting', 'pending', 'delivered', 'failed')),  -- none: none wanted
    webhook_attempts     INTEGER NOT NULL DEFAULT 0,
    webhook_claims       INTEGER NOT NULL DEFAULT 0,     -- claims ever made, never set back
    webhook_next_ms      INTEGER,
    webhook_status       INTEGER,
    webhook_error        TEXT,

    document             TEXT,                           -- JSON

    CHECK ((lease IS NOT NULL) = (state IN ('downloading', 'processing'))),
    CHECK ((owner IS NOT NULL) = (lease IS NOT NULL)),
    CHECK ((finished_ms IS NOT NULL) = (state IN ('completed', 'partial', 'error', 'cancelled'))),
    CHECK (cancel_requested = 0 OR lease IS NOT NULL),
    CHECK (document IS NOT NULL OR state NOT IN ('completed', 'partial')),
    CHECK ((error_code IS NULL) = (error_message IS NULL)),
    CHECK (error_code IS NOT NULL OR state NOT IN ('error', 'partial')),
    CHECK (error_code IS NULL OR state NOT IN ('completed', 'cancelled')),
    CHECK ((fingerprint IS NULL) = (idempotency_key IS NULL)),
    CHECK ((webhook_next_ms IS NOT NULL) = (webhook_state IS NOT NULL AND webhook_state = 'pending'))
) STRICT;

CREATE INDEX jobs_queued ON jobs (id, not_before_ms) WHERE state = 'queued';        -- the next to claim
CREATE INDEX jobs_held ON jobs (owner) WHERE owner IS NOT NULL;                     -- what a dead worker held
CREATE INDEX jobs_ended ON jobs (finished_ms) WHERE finished_ms IS NOT NULL;        -- what may be removed
CREATE INDEX jobs_by_state ON jobs (state, id);                                     -- lists and counts
CREATE INDEX jobs_equal ON jobs (coalesce_key) WHERE coalesce_key IS NOT NULL;      -- equal work
CREATE INDEX jobs_webhooks ON jobs (webhook_next_ms, id) WHERE webhook_state = 'pending';
