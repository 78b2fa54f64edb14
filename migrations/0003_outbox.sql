-- The log of what is to be announced, and the ledger of what was. Neither is ever updated: no dead rows, whatever
-- transactions are held open elsewhere.

CREATE SEQUENCE outbox_id_seq AS bigint CACHE 1;

CREATE TABLE outbox (
    id             bigint NOT NULL DEFAULT nextval('outbox_id_seq'),
    -- A function of the market. Within a lane, the order of ids is the order of commits.
    lane           smallint NOT NULL CHECK (lane BETWEEN 0 AND 15),
    record_type    text NOT NULL,
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    trace_id       text,
    traceparent    text,
    -- The message as it leaves. Text and not jsonb: jsonb would rewrite it.
    body           text NOT NULL,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, id)
) PARTITION BY RANGE (id);

ALTER SEQUENCE outbox_id_seq OWNED BY outbox.id;

-- Each entry says that the rows of a lane after `after_id` up to and with `upto_id` are done, and starts where the one
-- before ended: a lane's entries form a chain, which two relays can't both extend.
CREATE TABLE outbox_deliveries (
    lane         smallint NOT NULL,
    after_id     bigint NOT NULL,
    upto_id      bigint NOT NULL CHECK (upto_id > after_id),
    rows         integer NOT NULL CHECK (rows >= 0),
    relay        text NOT NULL,
    attempt      integer NOT NULL DEFAULT 1,
    confirmed_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (lane, after_id)
);

-- Rows that the chain goes past although the broker did not confirm them.
CREATE TABLE outbox_exceptions (
    outbox_id   bigint PRIMARY KEY,
    lane        smallint NOT NULL,
    state       text NOT NULL CHECK (state IN ('parked', 'superseded')),
    attempts    integer NOT NULL DEFAULT 0,
    last_error  text,
    recorded_at timestamptz NOT NULL DEFAULT now()
);

-- Who relays a lane, for people to read. What decides is an advisory lock; `released_at` tells the next owner whether
-- the last one stopped in good order, or may have published more than the ledger says.
CREATE TABLE lane_owners (
    lane        smallint PRIMARY KEY,
    relay       text NOT NULL,
    claimed_at  timestamptz NOT NULL DEFAULT now(),
    released_at timestamptz
);

-- Makes partitions until at least `ahead` ids are free beyond the last one drawn; returns how many it made. A new
-- partition is built beside the log and attached, so that neither writers nor relays wait for it.
CREATE FUNCTION outbox_make_partitions(ahead bigint DEFAULT 10000000, width bigint DEFAULT 5000000)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    next_id bigint;
    upper_bound bigint;
    partition text;
    made integer := 0;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtext('candlepost.outbox_make_partitions'));
    SELECT last_value INTO next_id FROM outbox_id_seq;
    LOOP
        SELECT coalesce(max((regexp_match(pg_get_expr(c.relpartbound, c.oid), 'TO \(''(\d+)''\)'))[1]::bigint), 1)
        INTO upper_bound
        FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent = 'outbox'::regclass;
        EXIT WHEN upper_bound - next_id >= ahead;
        partition := format('outbox_from_%s', upper_bound);
        EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                       partition, upper_bound, upper_bound + width);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

SELECT outbox_make_partitions();

CREATE VIEW outbox_audit AS
SELECT o.id,
       o.record_type,
       o.market_id,
       e.external_exchange_id AS exchange,
       m.symbol,
       o.interval_start,
       o.interval_end,
       CASE WHEN x.state IS NOT NULL THEN x.state
            WHEN d.upto_id >= o.id THEN 'published'
            ELSE 'pending' END AS state,
       CASE WHEN x.state IS NOT NULL THEN x.attempts
            WHEN d.upto_id >= o.id THEN d.attempt
            ELSE 0 END AS attempts,
       o.created_at,
       CASE WHEN x.state IS NULL AND d.upto_id >= o.id THEN d.confirmed_at END AS published_at,
       x.last_error,
       o.trace_id,
       o.lane,
       CASE WHEN x.state IS NULL AND d.upto_id >= o.id THEN d.relay END AS relay
FROM outbox o
LEFT JOIN markets m ON m.id = o.market_id
LEFT JOIN exchanges e ON e.id = m.exchange_id
LEFT JOIN outbox_exceptions x ON x.outbox_id = o.id
LEFT JOIN LATERAL (
    SELECT upto_id, attempt, relay, confirmed_at
    FROM outbox_deliveries
    WHERE lane = o.lane AND after_id < o.id
    ORDER BY after_id DESC
    LIMIT 1
) d ON true;
