-- Records that live long: what there is of each kind, and the questions that are asked of it.

CREATE TABLE record_tables (
    relation    text PRIMARY KEY,
    record_type text NOT NULL UNIQUE
);

INSERT INTO record_tables VALUES
    ('candle_sticks', 'CandleStick'), ('order_books', 'OrderBook'), ('tickers', 'Ticker'), ('trades', 'Trade'),
    ('exchange_rates', 'ExchangeRate');

-- The intervals of a market that are missing between `since` and `until`, from the records alone: a row for each hole, and how
-- many intervals of the market's usual length it has room for. A market without a record before `since` begins with its first
-- one; one without any is none of this kind's. `market` NULL: all that are active. `length` NULL: records of any length, the
-- most frequent one being the usual.
CREATE FUNCTION records_gaps(
    kind text, since timestamptz, until timestamptz, market integer DEFAULT NULL, length interval DEFAULT NULL
) RETURNS TABLE (market_id integer, gap_start timestamptz, gap_end timestamptz, usual_length interval, missing bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    its_table regclass := (SELECT t.relation::regclass FROM record_tables t WHERE t.record_type = kind);
BEGIN
    IF its_table IS NULL THEN
        RAISE EXCEPTION 'there is no kind "%"', kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY EXECUTE format($query$
        SELECT m.id, g.* FROM markets m CROSS JOIN LATERAL (
            WITH stored AS MATERIALIZED (
                (SELECT interval_start, interval_end FROM %1$s
                 WHERE market_id = m.id AND interval_start < $1 AND ($4 IS NULL OR interval_end - interval_start = $4)
                 ORDER BY interval_start DESC LIMIT 1)
                UNION ALL
                SELECT interval_start, interval_end FROM %1$s
                WHERE market_id = m.id AND interval_start >= $1 AND interval_start < $2
                  AND ($4 IS NULL OR interval_end - interval_start = $4)),
            usual AS (SELECT mode() WITHIN GROUP (ORDER BY interval_end - interval_start) AS length FROM stored),
            holes AS (
                SELECT greatest($1, max(interval_end) OVER so_far) AS hole_start,
                       coalesce(lead(interval_start) OVER so_far, $2) AS hole_end
                FROM stored WINDOW so_far AS (ORDER BY interval_start, interval_end))
            SELECT hole_start, hole_end, usual.length,
                   floor(extract(epoch FROM hole_end - hole_start) / extract(epoch FROM usual.length))::bigint
            FROM holes CROSS JOIN usual WHERE hole_end - hole_start >= usual.length
        ) g
        WHERE ($3 IS NULL AND m.active) OR m.id = $3
        ORDER BY m.id, g.hole_start $query$, its_table)
    USING since, until, market, length;
END $$;

-- The last candle of every market, whether or not anything was traded since. One walk down an index for each market.
CREATE VIEW latest_candles AS
SELECT m.id AS market_id, m.symbol, c.open_time, c.open, c.high, c.low, c.close, c.volume, c.interval_start, c.interval_end
FROM markets m CROSS JOIN LATERAL (
    SELECT to_timestamp(s.charts[n][1] / 1000) AS open_time, s.charts[n][2] AS open, s.charts[n][3] AS high,
           s.charts[n][4] AS low, s.charts[n][5] AS close, s.charts[n][6] AS volume, s.interval_start, s.interval_end
    FROM (SELECT charts, interval_start, interval_end FROM candle_sticks
          WHERE market_id = m.id AND cardinality(charts) > 0
          ORDER BY interval_start DESC, interval_end DESC LIMIT 1) s
    CROSS JOIN LATERAL generate_subscripts(s.charts, 1) AS n
    ORDER BY s.charts[n][1] DESC LIMIT 1) c;

-- A market's candles put together to larger ones, as of one minute to one hour or one day, counted from midnight UTC. What has no
-- price counts for the volume only. `of_length` NULL: the market has candles of one length only.
CREATE FUNCTION larger_candles(
    market integer, length interval, since timestamptz, until timestamptz, of_length interval DEFAULT NULL
) RETURNS TABLE (
    open_time timestamptz, open double precision, high double precision, low double precision, close double precision,
    volume double precision, candle_count bigint
) LANGUAGE sql STABLE AS $$
    SELECT date_bin(length, c.open_time, '2000-01-01 00:00:00+00'),
           (array_agg(c.open ORDER BY c.open_time) FILTER (WHERE c.open IS NOT NULL))[1], max(c.high), min(c.low),
           (array_agg(c.close ORDER BY c.open_time DESC) FILTER (WHERE c.close IS NOT NULL))[1], sum(c.volume), count(*)
    FROM candles c
    WHERE c.market_id = market AND c.interval_start >= since AND c.interval_start < until
      AND (of_length IS NULL OR c.interval_end - c.interval_start = of_length)
    GROUP BY 1 ORDER BY 1
$$;

-- As in 0013, with the names that came since.
CREATE OR REPLACE FUNCTION candlepost_functions() RETURNS SETOF regprocedure LANGUAGE sql STABLE AS $$
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = current_schema() AND p.proname ~ '^(outbox|candlepost|markets|quarantine|records)_'
$$;

-- As in 0015, with what came since.
CREATE OR REPLACE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT unnest(ARRAY[
        'schema_migrations', 'exchanges', 'markets', 'candle_sticks', 'candles', 'order_books', 'tickers', 'trades',
        'exchange_rates', 'ingest_batches', 'ingest_pruned', 'quarantine', 'quarantine_acts', 'conflicting_duplicates',
        'outbox', 'outbox_id_seq', 'outbox_partitions', 'outbox_gaps', 'outbox_audit', 'outbox_deliveries',
        'outbox_exceptions', 'outbox_acts', 'outbox_replays', 'outbox_pruned', 'outbox_servers', 'pruned_rows', 'lane_owners',
        'relays', 'record_tables', 'latest_candles']::regclass[])
    UNION ALL
    SELECT partition::regclass FROM outbox_partitions
$$;

-- What came with this migration, for a role that has a part. candlepost_grant calls it.
CREATE FUNCTION records_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF part IN ('writer', 'auditor', 'console') THEN
        EXECUTE format('GRANT SELECT ON record_tables TO %s', role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_gaps TO %s', role);
    END IF;
    IF part IN ('auditor', 'console') THEN
        EXECUTE format('GRANT SELECT ON latest_candles TO %s', role);
    END IF;
END $$;

-- The one of before goes on doing what it did.
ALTER FUNCTION candlepost_grant RENAME TO candlepost_grant_before_records;

CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_grant_before_records(part, role), records_grant(part, role);
END $$;

DO $$
DECLARE
    function regprocedure;
    role regrole;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
    -- Roles that write or read everything already.
    FOR role IN
        SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'candle_sticks'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        PERFORM records_grant(
            CASE WHEN has_table_privilege(role, 'pruned_rows', 'SELECT') THEN 'auditor' ELSE 'writer' END, role);
    END LOOP;
END $$;
