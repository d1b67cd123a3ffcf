-- Schema 2 of the jobs in PostgreSQL. Frozen: a change is a new migration, never an edit.

-- The requests that became this job: clients of several servers may wait for it.
ALTER TABLE jobs ADD COLUMN requests int4 NOT NULL DEFAULT 1;

-- Texts that all servers share: keys, links, corrections, glossaries. One with another version than was read is not replaced.
CREATE TABLE records (
    name    text COLLATE "C" PRIMARY KEY,
    version int8 NOT NULL CHECK (version > 0),
    content text NOT NULL
);

CREATE FUNCTION notify_record() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cesar_' || TG_TABLE_SCHEMA, 'record ' || NEW.name);
    RETURN NULL;
END
$$;

CREATE TRIGGER records_notify AFTER INSERT OR UPDATE ON records FOR EACH ROW EXECUTE FUNCTION notify_record();

-- Leases on the stages that servers compute. One is valid as long as its owner has a registration that has not expired.
CREATE TABLE leases (
    name  text COLLATE "C" PRIMARY KEY,                   -- the key of the stage's result
    owner uuid NOT NULL,
    fence int8 NOT NULL                                   -- of the lease, never used again
);

CREATE SEQUENCE fences;

CREATE FUNCTION notify_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('cesar_' || TG_TABLE_SCHEMA, 'lease ' || OLD.name);
    RETURN NULL;
END
$$;

CREATE TRIGGER leases_notify AFTER DELETE ON leases FOR EACH ROW EXECUTE FUNCTION notify_lease();
