-- Schema 3 of the jobs in PostgreSQL. Frozen: a change is a new migration, never an edit.

-- What a worker has of the needs of jobs, for those who look: a claim says it itself. NULL: it has not said.
ALTER TABLE workers ADD COLUMN offer text[];
