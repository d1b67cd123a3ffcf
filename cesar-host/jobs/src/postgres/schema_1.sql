-- Schema 1 of the jobs in PostgreSQL. Frozen: a change is a new migration, never an edit.
-- It runs with the schema of the address as its search path. Times are milliseconds since 1970 (UTC), of the database's clock.

-- The time of a statement. Tests give one.
CREATE FUNCTION now_ms(given int8) RETURNS int8 LANGUAGE sql STABLE
    RETURN coalesce(given, floor(extract(epoch FROM statement_timestamp()) * 1000)::int8);

-- The name of this store among those that share a storage of uploads.
CREATE TABLE identity (id uuid PRIMARY KEY DEFAULT gen_random_uuid());
INSERT INTO identity DEFAULT VALUES;

-- The living workers of all servers. A worker whose time has come may do nothing, and is removed by the next recovery.
CREATE TABLE workers (
    id         uuid PRIMARY KEY,
    expires_ms int8 NOT NULL
) WITH (fillfactor = 50);

CREATE INDEX workers_expired ON workers (expires_ms);

-- A job is one row. Its document is stored apart by PostgreSQL, and is not rewritten with the other columns.
CREATE TABLE jobs (
    id                   uuid    PRIMARY KEY,             -- ordered as the jobs were submitted
    state                text    NOT NULL CHECK (state IN
                             ('queued', 'downloading', 'processing', 'completed', 'partial', 'error', 'cancelled')),
    request              text    NOT NULL,                -- JSON as text: `jsonb` refuses the character U+0000
    upload               uuid    UNIQUE,                  -- the upload that the request names; none: it names an address
    needs                text[]  NOT NULL DEFAULT '{}',   -- what a worker must have to run it
    coalesce_key         text,
    idempotency_key      text    UNIQUE,
    fingerprint          bytea   CHECK (length(fingerprint) = 32),       -- of the request that came with the key

    attempts             int4    NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    max_attempts         int4    NOT NULL,
    not_before_ms        int8    NOT NULL,
    claims               int4    NOT NULL DEFAULT 0,      -- claims ever made, never set back
    lease                int4,                            -- the claim that holds the job while it runs: its fence
    owner                uuid,                            -- the worker that holds it
    cancel_requested     bool    NOT NULL DEFAULT false,
    refresh              bool    NOT NULL,
    retried              bool    NOT NULL DEFAULT false,  -- by a client: it may equal a job that was submitted since
    retry_stage          text,
    crashes              jsonb   NOT NULL DEFAULT '{}',   -- how often, by the plugin's digest

    error_code           text,
    error_message        text,
    error_stage          text,

    progress             float8  NOT NULL DEFAULT 0 CHECK (progress BETWEEN 0 AND 100),
    progress_phase       text    NOT NULL DEFAULT 'queued',
    progress_phase_pct   float8  NOT NULL DEFAULT 0 CHECK (progress_phase_pct BETWEEN 0 AND 100),
    transcription_cached bool,
    diarization_cached   bool,
    cache_hit_ratio      float8,
    timings              text    NOT NULL DEFAULT '{}',   -- JSON: ms by stage
    provenance           text    NOT NULL DEFAULT 'null', -- JSON

    created_ms           int8    NOT NULL,
    started_ms           int8,
    finished_ms          int8,

    webhook_state        text    CHECK (webhook_state IN ('waiting', 'pending', 'delivered', 'failed')),  -- none: none wanted
    webhook_attempts     int4    NOT NULL DEFAULT 0,
    webhook_claims       int4    NOT NULL DEFAULT 0,      -- claims ever made, never set back
    webhook_next_ms      int8,
    webhook_status       int4,
    webhook_error        text,

    document             text,                            -- JSON

    CHECK ((lease IS NOT NULL) = (state IN ('downloading', 'processing'))),
    CHECK ((owner IS NOT NULL) = (lease IS NOT NULL)),
    CHECK ((finished_ms IS NOT NULL) = (state IN ('completed', 'partial', 'error', 'cancelled'))),
    CHECK (NOT cancel_requested OR lease IS NOT NULL),
    CHECK (document IS NOT NULL OR state NOT IN ('completed', 'partial')),
    CHECK ((error_code IS NULL) = (error_message IS NULL)),
    CHECK (error_code IS NOT NULL OR state NOT IN ('error', 'partial')),
    CHECK (error_code IS NULL OR state NOT IN ('completed', 'cancelled')),
    CHECK ((fingerprint IS NULL) = (idempotency_key IS NULL)),
    CHECK ((webhook_next_ms IS NOT NULL) = (webhook_state IS NOT NULL AND webhook_state = 'pending'))
) WITH (
    -- Room for the next version of a row on its page: progress then changes no index.
    fillfactor = 80,
    -- A queue leaves dead rows at its head; the default waits for a fifth of the table.
    autovacuum_vacuum_scale_factor = 0.01,
    autovacuum_vacuum_threshold = 500
);

-- No column of an index or of its condition is one that progress changes.
CREATE INDEX jobs_queued ON jobs (id, not_before_ms) WHERE state = 'queued';        -- the next to claim
CREATE INDEX jobs_due ON jobs (not_before_ms) WHERE state = 'queued';               -- when to look again
CREATE INDEX jobs_held ON jobs (owner) WHERE owner IS NOT NULL;                     -- what a dead worker held
CREATE INDEX jobs_ended ON jobs (finished_ms) WHERE finished_ms IS NOT NULL;        -- what may be removed
CREATE INDEX jobs_by_state ON jobs (state, id);                                     -- lists and counts
CREATE INDEX jobs_equal ON jobs (coalesce_key, id) WHERE coalesce_key IS NOT NULL;  -- equal work
CREATE UNIQUE INDEX jobs_coalesced ON jobs (coalesce_key)                           -- one submission of equal work at a time
    WHERE finished_ms IS NULL AND NOT cancel_requested AND NOT retried;
CREATE INDEX jobs_webhooks ON jobs (webhook_next_ms, id) WHERE webhook_state = 'pending';

-- Events of running jobs, for listeners in other processes than the worker's.
CREATE TABLE events (
    job    uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    claim  int4 NOT NULL,                                 -- the claim of the run
    number int8 NOT NULL,                                 -- counted in the claim
    kind   text NOT NULL,
    data   text NOT NULL,                                 -- JSON
    PRIMARY KEY (job, claim, number)
);

-- Notifications are part of the transaction: none is sent for a change that is undone, and none is missing for one that is not.
-- The channel has the schema's name. A claim sends none: its worker reports progress soon, and commits that notify wait for each other.
CREATE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    kind text;
BEGIN
    IF TG_OP = 'DELETE' THEN
        PERFORM pg_notify('cesar_' || TG_TABLE_SCHEMA, 'removed ' || OLD.id);
        RETURN NULL;
    END IF;
    kind := CASE
        WHEN NEW.state = 'queued' AND (TG_OP = 'INSERT' OR OLD.state <> 'queued') THEN 'queued'
        WHEN NEW.finished_ms IS NOT NULL AND OLD.finished_ms IS NULL THEN 'ended'
        WHEN NEW.cancel_requested AND NOT OLD.cancel_requested THEN 'cancel'
        WHEN NEW.request <> OLD.request THEN 'changed'
        WHEN NEW.lease = OLD.lease AND (NEW.state, NEW.progress, NEW.progress_phase, NEW.progress_phase_pct)
            <> (OLD.state, OLD.progress, OLD.progress_phase, OLD.progress_phase_pct) THEN 'changed'
    END;
    IF kind IS NOT NULL THEN
        PERFORM pg_notify('cesar_' || TG_TABLE_SCHEMA, kind || ' ' || NEW.id);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER jobs_notify AFTER INSERT OR UPDATE OR DELETE ON jobs FOR EACH ROW EXECUTE FUNCTION notify_change();
