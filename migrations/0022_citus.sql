-- Tables of records spread over several servers by Citus. Nothing here needs it: where the extension is not, all is as before. The log of
-- announcements, the ledgers and all other tables stay on the coordinator; one transaction is over both.

CREATE FUNCTION records_is_distributed(its regclass) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        RETURN EXISTS (SELECT FROM pg_dist_partition d WHERE d.logicalrelid = its AND d.partmethod = 'h');
    END IF;
    RETURN false;
END $$;

-- Spreads a table with partitions by market; returns why not, or NULL. Writers wait while its records are copied.
CREATE FUNCTION records_distribute(its_relation text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    its regclass := its_relation::regclass;
    other text := (SELECT t.relation FROM record_tables t WHERE records_is_distributed(t.relation::regclass) LIMIT 1);
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RETURN 'the extension citus is not in this database';
    ELSIF records_is_distributed(its) THEN
        RETURN 'it is distributed already';
    ELSIF records_layout(its) <> 'partitions' THEN
        RETURN 'it has no partitions: `writer migrate` makes them';
    END IF;
    PERFORM create_distributed_table(its, 'market_id', colocate_with => coalesce(other, 'none'));
    PERFORM truncate_local_data_after_distributing_table(its);
    RETURN NULL;
END $$;

-- As in 0021; what lies on other servers has no place here, either.
CREATE OR REPLACE FUNCTION records_columnar_partitions() RETURNS SETOF oid LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass('timescaledb_information.chunks') IS NOT NULL THEN
        RETURN QUERY SELECT p.partition FROM record_partitions p
                     JOIN pg_class c ON c.oid = p.partition JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN timescaledb_information.chunks k ON k.chunk_schema = n.nspname AND k.chunk_name = c.relname
                     WHERE k.is_compressed;
    END IF;
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        RETURN QUERY SELECT p.partition FROM record_partitions p JOIN pg_dist_partition d ON d.logicalrelid = p.partition;
    END IF;
END $$;

-- Citus asks for a column where a query is only about whether there are rows.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN
        SELECT f FROM candlepost_functions() f JOIN pg_proc p ON p.oid = f
        WHERE p.prosrc ~ 'SELECT EXISTS \(SELECT FROM %|\(SELECT FROM %I' AND p.proname ~ '^records_'
    LOOP
        EXECUTE replace(pg_get_functiondef(function), '(SELECT FROM %', '(SELECT 1 FROM %');
    END LOOP;
END $$;

-- As in 0017. Over several servers each market is asked for by itself, which is a question to one of them.
CREATE OR REPLACE FUNCTION records_gaps(
    kind text, since timestamptz, until timestamptz, market integer DEFAULT NULL, length interval DEFAULT NULL
) RETURNS TABLE (market_id integer, gap_start timestamptz, gap_end timestamptz, usual_length interval, missing bigint)
LANGUAGE plpgsql STABLE AS $$
DECLARE
    its_table regclass := (SELECT t.relation::regclass FROM record_tables t WHERE t.record_type = kind);
    is_distributed boolean := false;
    its_market integer;
BEGIN
    IF its_table IS NULL THEN
        RAISE EXCEPTION 'there is no kind "%"', kind USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        is_distributed := EXISTS (SELECT FROM pg_dist_partition WHERE logicalrelid = its_table);
    END IF;
    IF is_distributed THEN
        FOR its_market IN SELECT m.id FROM markets m WHERE (market IS NULL AND m.active) OR m.id = market ORDER BY m.id LOOP
            RETURN QUERY EXECUTE format($query$
                WITH stored AS (
                    (SELECT interval_start, interval_end FROM %1$s
                     WHERE market_id = %2$s AND interval_start < $1 AND ($3 IS NULL OR interval_end - interval_start = $3)
                     ORDER BY interval_start DESC LIMIT 1)
                    UNION ALL
                    SELECT interval_start, interval_end FROM %1$s
                    WHERE market_id = %2$s AND interval_start >= $1 AND interval_start < $2
                      AND ($3 IS NULL OR interval_end - interval_start = $3)),
                usual AS (SELECT mode() WITHIN GROUP (ORDER BY interval_end - interval_start) AS length FROM stored),
                holes AS (
                    SELECT greatest($1, max(interval_end) OVER so_far) AS hole_start,
                           coalesce(lead(interval_start) OVER so_far, $2) AS hole_end
                    FROM stored WINDOW so_far AS (ORDER BY interval_start, interval_end))
                SELECT %2$s, hole_start, hole_end, usual.length,
                       floor(extract(epoch FROM hole_end - hole_start) / extract(epoch FROM usual.length))::bigint
                FROM holes CROSS JOIN usual WHERE hole_end - hole_start >= usual.length ORDER BY hole_start $query$, its_table, its_market)
            USING since, until, length;
        END LOOP;
        RETURN;
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

SELECT candlepost_close_functions();
