-- What became of every message that was taken from a queue.

-- The writer's ledger: a row for each transaction.
CREATE TABLE ingest_batches (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    writer          text NOT NULL,
    received        integer NOT NULL,
    stored          integer NOT NULL,
    -- All that were stored already; of these, `duplicate_other` came with other content.
    duplicate       integer NOT NULL,
    duplicate_other integer NOT NULL DEFAULT 0 CHECK (duplicate_other <= duplicate),
    quarantined     integer NOT NULL,
    committed_at    timestamptz NOT NULL DEFAULT now(),
    CHECK (received = stored + duplicate + quarantined)
);

-- Messages that can't be a record, to the last byte.
CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue       text NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    body        bytea NOT NULL,
    headers     jsonb,
    market_id   integer,
    received_at timestamptz NOT NULL DEFAULT now(),
    attempts    integer NOT NULL DEFAULT 0,
    resolved_at timestamptz,
    resolution  text,
    resolved_by text
);

CREATE INDEX quarantine_open ON quarantine (reason, id) WHERE resolved_at IS NULL;

-- The first record of a key wins; one that came later with other content is kept here.
CREATE TABLE conflicting_duplicates (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    record_type    text NOT NULL,
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    trace_id       text,
    payload        text NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now()
);
