-- What became of every message that was taken from a queue.

-- The writer's ledger: a row for each transaction. A message that leaves quarantine is an entry that received 0: it adds
-- 1 to `stored` or `duplicate` and -1 to `quarantined`, so that the sums over all entries are always those of today.
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

-- Messages that can't be a record, to the last byte. A row stays when it is resolved: by being stored after all
-- (`stored`, `duplicate`), or by an operator who gave it up (`discarded`).
CREATE TABLE quarantine (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    queue       text NOT NULL,
    reason      text NOT NULL,
    detail      text NOT NULL,
    body        bytea NOT NULL,
    headers     jsonb,
    market_id   integer,
    received_at timestamptz NOT NULL DEFAULT now(),
    -- How often it was tried again.
    attempts    integer NOT NULL DEFAULT 0,
    resolved_at timestamptz,
    resolution  text CHECK (resolution IN ('stored', 'duplicate', 'discarded')),
    CHECK ((resolved_at IS NULL) = (resolution IS NULL))
);

CREATE INDEX quarantine_open ON quarantine (reason, id) WHERE resolved_at IS NULL;
CREATE INDEX quarantine_received ON quarantine (received_at);

-- What was done to a quarantined message: by whom, when, why, and what came of it.
CREATE TABLE quarantine_acts (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    quarantine_id bigint NOT NULL REFERENCES quarantine ON DELETE CASCADE,
    act           text NOT NULL CHECK (act IN ('retried', 'requeued', 'discarded')),
    outcome       text NOT NULL,
    acted_by      text NOT NULL,
    acted_at      timestamptz NOT NULL DEFAULT now(),
    why           text
);

CREATE INDEX quarantine_acts_of ON quarantine_acts (quarantine_id);

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
