-- What operators do with outbox rows, and what relays say of themselves.

-- A row that the chain went past may still be published: on an operator's request, or because it was on its way already
-- when it was superseded.
ALTER TABLE outbox_exceptions
    ADD COLUMN published_at timestamptz,
    ADD COLUMN relay text;

CREATE UNIQUE INDEX outbox_exceptions_lane ON outbox_exceptions (lane, outbox_id);

-- When the first row of the entry was published.
ALTER TABLE outbox_deliveries ADD COLUMN published_at timestamptz;

-- When the first message of the batch came. A batch's outbox rows have its committed_at as their created_at: both are
-- the time of the transaction.
ALTER TABLE ingest_batches ADD COLUMN received_at timestamptz;
CREATE INDEX ingest_batches_committed ON ingest_batches (committed_at);

-- Acts of operators: on how many rows, by whom, when and why.
CREATE TABLE outbox_acts (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    act       text NOT NULL CHECK (act IN ('replayed', 'retried', 'discarded', 'superseded')),
    selection text NOT NULL,
    -- How many rows were meant, and how many were done.
    rows      bigint NOT NULL,
    done      bigint NOT NULL DEFAULT 0,
    acted_by  text NOT NULL,
    why       text,
    began_at  timestamptz NOT NULL DEFAULT now(),
    -- NULL: at work, or interrupted.
    ended_at  timestamptz
);

-- Rows that an act published again, as the broker confirmed them.
CREATE TABLE outbox_replays (
    outbox_id    bigint NOT NULL,
    act_id       bigint NOT NULL REFERENCES outbox_acts,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (outbox_id, act_id)
);

-- What each relay last said of itself; one that is gone without a word stays for a day. Who owns a lane stands in lane_owners.
CREATE TABLE relays (
    relay            text PRIMARY KEY,
    started_at       timestamptz NOT NULL,
    seen_at          timestamptz NOT NULL DEFAULT now(),
    published        bigint NOT NULL,
    -- Wake-ups since the start.
    by_doorbell      bigint NOT NULL,
    by_poll          bigint NOT NULL,
    -- Whether the doorbell was heard when the relay tried it; NULL: not tried yet.
    doorbell_heard   boolean,
    last_error       text,
    last_error_at    timestamptz
) WITH (fillfactor = 50);

CREATE OR REPLACE VIEW outbox_audit AS
SELECT o.id,
       o.record_type,
       o.market_id,
       e.external_exchange_id AS exchange,
       m.symbol,
       o.interval_start,
       o.interval_end,
       CASE WHEN x.published_at IS NOT NULL THEN 'published'
            WHEN x.state IS NOT NULL THEN x.state
            WHEN d.upto_id >= o.id THEN 'published'
            ELSE 'pending' END AS state,
       CASE WHEN x.published_at IS NOT NULL THEN x.attempts + 1
            WHEN x.state IS NOT NULL THEN x.attempts
            WHEN d.upto_id >= o.id THEN d.attempt
            ELSE 0 END AS attempts,
       o.created_at,
       CASE WHEN x.state IS NOT NULL THEN x.published_at
            WHEN d.upto_id >= o.id THEN d.confirmed_at END AS published_at,
       x.last_error,
       o.trace_id,
       o.lane,
       CASE WHEN x.state IS NOT NULL THEN x.relay
            WHEN d.upto_id >= o.id THEN d.relay END AS relay
FROM outbox o
LEFT JOIN markets m ON m.id = o.market_id
LEFT JOIN exchanges e ON e.id = m.exchange_id
LEFT JOIN outbox_exceptions x ON x.outbox_id = o.id AND x.lane = o.lane
LEFT JOIN LATERAL (
    SELECT upto_id, attempt, relay, confirmed_at
    FROM outbox_deliveries
    WHERE lane = o.lane AND after_id < o.id
    ORDER BY after_id DESC
    LIMIT 1
) d ON true;
