-- Records that live long: what there is of each kind, and the questions that are asked of it.

CREATE TABLE record_tables (
    relation    text PRIMARY KEY,
    record_type text NOT NULL UNIQUE,
    -- How much time a partition holds. May be changed: partitions that are made later are of that length.
    period      text NOT NULL CHECK (period IN ('day', 'week', 'month'))
);

INSERT INTO record_tables VALUES
    ('candle_sticks', 'CandleStick', 'month'), ('order_books', 'OrderBook', 'day'), ('tickers', 'Ticker', 'week'),
    ('trades', 'Trade', 'week'), ('exchange_rates', 'ExchangeRate', 'month');

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

-- Partitions by time of the interval. The first one of a table takes all that is older than the others, the last one all that is
-- newer: no record is ever without a place, whatever its time and whether or not anybody made partitions.

CREATE VIEW record_partitions AS
SELECT t.relation, c.oid AS partition, c.relname AS name,
       coalesce((regexp_match(b.bound, 'FROM \(''([^'']+)''\)'))[1]::timestamptz, '-infinity') AS from_time,
       coalesce((regexp_match(b.bound, 'TO \(''([^'']+)''\)'))[1]::timestamptz, 'infinity') AS upto_time
FROM record_tables t JOIN pg_inherits i ON i.inhparent = t.relation::regclass JOIN pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL pg_get_expr(c.relpartbound, c.oid) AS b(bound);

-- The start of the n-th period after the one of this time. In UTC, where every day has 24 hours.
CREATE FUNCTION records_period_after(period text, at timestamptz, n integer) RETURNS timestamptz LANGUAGE sql STABLE AS $$
    SELECT (date_trunc(period, at AT TIME ZONE 'UTC') + n * ('1 ' || period)::interval) AT TIME ZONE 'UTC'
$$;

-- How many periods are kept ready; made when fewer than half of them are left.
CREATE FUNCTION records_periods_ahead(period text) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE period WHEN 'day' THEN 6 WHEN 'week' THEN 3 ELSE 2 END
$$;

-- Who may read the table may read its partition, which `relay verify` does.
CREATE FUNCTION records_share_partition(relation regclass, partition regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reader regrole;
BEGIN
    FOR reader IN
        SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = relation AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', partition, reader);
    END LOOP;
END $$;

-- A table like the others of these records, not attached yet.
CREATE FUNCTION records_new_partition(relation text, partition text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING GENERATED INCLUDING STORAGE
                    INCLUDING COMPRESSION)', partition, relation);
    PERFORM records_share_partition(relation::regclass, partition::regclass);
END $$;

-- Makes partitions from one time up to another, which no other partition covers; returns how many.
CREATE FUNCTION records_fill(its_relation text, its_period text, from_time timestamptz, upto timestamptz) RETURNS integer
LANGUAGE plpgsql AS $$
DECLARE
    partition text;
    next_time timestamptz;
    made integer := 0;
BEGIN
    WHILE from_time < upto LOOP
        next_time := least(upto, records_period_after(its_period, from_time, 1));
        partition := its_relation || to_char(from_time AT TIME ZONE 'UTC', '"_from_"YYYYMMDD');
        PERFORM records_new_partition(its_relation, partition);
        EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', its_relation, partition, from_time,
                       next_time);
        from_time := next_time;
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- Makes partitions of a table up to the time given, from where they end now. The caller holds the table: the last partition is
-- detached, gives up what belongs into the new ones, and comes back behind them.
CREATE FUNCTION records_extend(its_relation text, its_period text, upto timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    last_name text := its_relation || '_last';
    ends timestamptz := (SELECT p.from_time FROM record_partitions p WHERE p.relation = its_relation AND p.upto_time = 'infinity');
    made integer;
BEGIN
    IF ends >= upto THEN
        RETURN 0;
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', its_relation, last_name);
    made := records_fill(its_relation, its_period, ends, upto);
    EXECUTE format('WITH early AS (DELETE FROM %I WHERE interval_start < %L RETURNING *) INSERT INTO %I SELECT * FROM early',
                   last_name, upto, its_relation);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (MAXVALUE)', its_relation, last_name, upto);
    RETURN made;
END $$;

-- Makes what partitions are wanted ahead; returns how many. Writers wait for it no longer than a tenth of a second at a time. Where
-- a table is being read for long, or its last partition has more than `most_rows` rows to give up, it stays as it is: everything
-- is stored all the same.
CREATE FUNCTION records_make_partitions(most_rows integer DEFAULT 20000) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    kept record;
    rows_beyond integer;
    made integer := 0;
BEGIN
    IF NOT candlepost_is_owner() AND (most_rows BETWEEN 0 AND 20000) IS NOT TRUE THEN
        RAISE EXCEPTION 'at most 20000 rows are moved at once' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.records_make_partitions')) THEN
        RETURN 0;
    END IF;
    PERFORM records_give_up_adoption();
    FOR kept IN
        SELECT t.relation, t.period, (SELECT p.from_time FROM record_partitions p
                                      WHERE p.relation = t.relation AND p.upto_time = 'infinity') AS ends
        FROM record_tables t JOIN pg_class c ON c.oid = t.relation::regclass WHERE c.relkind = 'p'
    LOOP
        CONTINUE WHEN kept.ends >= records_period_after(kept.period, now(), 1 + records_periods_ahead(kept.period) / 2);
        EXECUTE format('SELECT count(*) FROM (SELECT FROM %I LIMIT %s) beyond', kept.relation || '_last', most_rows + 1)
        INTO rows_beyond;
        CONTINUE WHEN rows_beyond > most_rows;
        PERFORM set_config('lock_timeout', '100ms', true);
        FOR try IN 1..5 LOOP
            BEGIN
                EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', kept.relation);
                made := made + records_extend(kept.relation, kept.period,
                    records_period_after(kept.period, now(), 1 + records_periods_ahead(kept.period)));
                EXIT;
            EXCEPTION WHEN lock_not_available THEN
                PERFORM pg_sleep(0.2);
            END;
        END LOOP;
    END LOOP;
    RETURN made;
END $$;

-- Partitions for what is older than all of them, before a backfill of years: the first one is shortened to end at `since`, if it
-- has no records from there on. For the owner; without it they all go into the first partition.
CREATE FUNCTION records_make_room(kind text, since timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    its record;
    first_name text;
    ends timestamptz;
    is_filled boolean;
BEGIN
    SELECT t.relation, t.period INTO its FROM record_tables t WHERE t.record_type = kind;
    SELECT p.name, p.upto_time INTO first_name, ends FROM record_partitions p
    WHERE p.relation = its.relation AND p.from_time = '-infinity';
    since := records_period_after(its.period, since, 0);
    IF ends IS NULL OR since >= ends THEN
        RETURN 0;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', its.relation);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE interval_start >= %L)', first_name, since) INTO is_filled;
    IF is_filled THEN
        RAISE EXCEPTION '% has records from % on', first_name, since USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', its.relation, first_name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', its.relation, first_name, since);
    RETURN records_fill(its.relation, its.period, since, ends);
END $$;

-- A table in one piece becomes the first partition of one with the same name, rows and all, without anything being copied:
--
--   1. a condition says that all its records begin before a time soon to come;
--   2. the server makes sure of it, beside readers and writers;
--   3. the table gets another name, one with partitions takes its place, and it is attached, which the condition makes cheap.
--
-- Each is a transaction of its own; `writer migrate` calls records_adopt until all is done, and whoever calls it after a crash
-- goes on. 1 and 3 need the table for themselves: for milliseconds, tried for a tenth of a second at a time.

-- Views that name a table, and how they are made again.
CREATE FUNCTION records_views_of(its regclass) RETURNS TABLE (view_name regclass, view_rule oid, view_owner oid, again text)
LANGUAGE sql STABLE AS $$
    SELECT DISTINCT v.oid::regclass, r.oid, v.relowner, format('CREATE OR REPLACE VIEW %s%s AS %s', v.oid::regclass,
           coalesce(' WITH (' || array_to_string(v.reloptions, ', ') || ')', ''), pg_get_viewdef(v.oid))
    FROM pg_depend d JOIN pg_rewrite r ON r.oid = d.objid JOIN pg_class v ON v.oid = r.ev_class
    WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = its AND v.relkind = 'v'
      AND v.oid <> its
$$;

-- Why a table has to stay as it is; NULL if it need not.
CREATE FUNCTION records_obstacle(its regclass) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT string_agg(what, ', ') FROM (
        SELECT format('trigger %s', tgname) FROM pg_trigger WHERE tgrelid = its AND NOT tgisinternal
        UNION ALL SELECT format('policy %s', polname) FROM pg_policy WHERE polrelid = its
        UNION ALL SELECT format('publication %s', p.pubname) FROM pg_publication_rel r JOIN pg_publication p ON p.oid = r.prpubid
                  WHERE r.prrelid = its
        UNION ALL SELECT format('rule %s', rulename) FROM pg_rewrite WHERE ev_class = its
        UNION ALL SELECT format('%s inherits from it', inhrelid::regclass) FROM pg_inherits WHERE inhparent = its
        UNION ALL SELECT format('unique index %s without interval_start', i.indexrelid::regclass) FROM pg_index i
                  WHERE i.indrelid = its AND (i.indisunique OR i.indisexclusion) AND NOT (
                      SELECT a.attnum = ANY (i.indkey::int2[]) FROM pg_attribute a
                      WHERE a.attrelid = its AND a.attname = 'interval_start')
        UNION ALL SELECT DISTINCT pg_describe_object(d.classid, d.objid, 0) FROM pg_depend d
                  WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = its AND d.deptype = 'n'
                    AND NOT EXISTS (SELECT FROM pg_constraint c WHERE d.classid = 'pg_constraint'::regclass AND c.oid = d.objid
                                      AND c.conrelid = its)
                    AND NOT EXISTS (SELECT FROM pg_attrdef a WHERE d.classid = 'pg_attrdef'::regclass AND a.oid = d.objid
                                      AND a.adrelid = its)
                    AND NOT EXISTS (SELECT FROM records_views_of(its) v
                                    WHERE d.classid = 'pg_rewrite'::regclass AND v.view_rule = d.objid
                                      AND pg_has_role(v.view_owner, 'USAGE'))
    ) AS obstacles(what)
$$;

-- The time that the condition of step 1 names, and whether the server has made sure of it; no row if there is none.
CREATE FUNCTION records_condition(its regclass) RETURNS TABLE (upto timestamptz, is_sure boolean) LANGUAGE sql STABLE AS $$
    SELECT (regexp_match(pg_get_constraintdef(oid), '''([^'']+)'''))[1]::timestamptz, convalidated
    FROM pg_constraint WHERE conrelid = its AND conname = 'records_first_until'
$$;

-- A condition that nobody is at work with any more would refuse records as its time comes near: it is taken away.
CREATE FUNCTION records_give_up_adoption() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    its record;
BEGIN
    FOR its IN
        SELECT t.relation FROM record_tables t JOIN pg_class c ON c.oid = t.relation::regclass
        WHERE c.relkind = 'r' AND EXISTS (SELECT FROM records_condition(c.oid))
    LOOP
        -- The lock of migrations.
        CONTINUE WHEN NOT pg_try_advisory_xact_lock(18930627848717568);
        PERFORM set_config('lock_timeout', '100ms', true);
        BEGIN
            EXECUTE format('ALTER TABLE %I DROP CONSTRAINT records_first_until', its.relation);
        EXCEPTION WHEN lock_not_available THEN
            NULL;  -- a minute later
        END;
    END LOOP;
END $$;

-- Puts a table with partitions in the place of one that the caller holds, which becomes the first partition.
CREATE FUNCTION records_replace(its_relation text, its_period text, upto timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    first_name text := its_relation || '_first';
    last_name text := its_relation || '_last';
    its regclass := its_relation::regclass;
    its_owner regrole := (SELECT relowner FROM pg_class WHERE oid = its);
    is_sure boolean := EXISTS (SELECT FROM records_condition(its));
    views text[] := ARRAY(SELECT again FROM records_views_of(its));
    view text;
    item record;
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', its_relation, first_name);
    FOR item IN
        SELECT c.oid::regclass AS index, c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = its
    LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', item.index,
                       CASE WHEN starts_with(item.relname, its_relation)
                            THEN first_name || substr(item.relname, length(its_relation) + 1) ELSE item.relname || '_first' END);
    END LOOP;
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL) PARTITION BY RANGE (interval_start)', its_relation, first_name);
    IF is_sure THEN
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT records_first_until', its_relation);
    END IF;
    IF its_owner <> current_user::regrole THEN
        EXECUTE format('ALTER TABLE %I OWNER TO %s', its_relation, its_owner);
    END IF;
    FOR item IN
        SELECT a.privilege_type AS verb, '' AS columns, a.grantee, a.is_grantable FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = its AND a.grantee <> c.relowner
        UNION ALL SELECT a.privilege_type, format(' (%I)', t.attname), a.grantee, a.is_grantable
        FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = its AND NOT t.attisdropped
    LOOP
        EXECUTE format('GRANT %s%s ON %I TO %s%s', item.verb, item.columns, its_relation,
                       CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END,
                       CASE WHEN item.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
    FOREACH view IN ARRAY views LOOP
        EXECUTE view;
    END LOOP;
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', its_relation, first_name, upto);
    IF is_sure THEN
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT records_first_until', first_name);
    END IF;
    PERFORM records_new_partition(its_relation, last_name);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (MAXVALUE)', its_relation, last_name, upto);
    PERFORM records_extend(its_relation, its_period,
                           records_period_after(its_period, now(), 1 + records_periods_ahead(its_period)));
END $$;

-- One step of the way there. `progress` is 'done', 'again' where the next call goes on, 'kept' where the table stays as it is.
CREATE FUNCTION records_adopt(its_relation text) RETURNS TABLE (progress text, detail text) LANGUAGE plpgsql AS $$
DECLARE
    its regclass := its_relation::regclass;
    its_period text := (SELECT t.period FROM record_tables t WHERE t.relation = its_relation);
    is_small boolean := pg_relation_size(its) < 8388608;
    condition record;
    newest timestamptz;
    upto timestamptz;
BEGIN
    progress := 'done';
    IF (SELECT relkind <> 'r' FROM pg_class WHERE oid = its) THEN
        RETURN NEXT;
        RETURN;
    END IF;
    progress := 'kept';
    detail := records_obstacle(its);
    IF detail IS NOT NULL THEN
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT * INTO condition FROM records_condition(its);
    IF NOT is_small AND condition.upto >= now() + interval '1 day' AND NOT condition.is_sure THEN
        EXECUTE format('ALTER TABLE %I VALIDATE CONSTRAINT records_first_until', its_relation);
        RETURN QUERY SELECT 'again', format('all records of %s begin before %s', its_relation, condition.upto);
        RETURN;
    END IF;
    upto := CASE WHEN condition.upto >= now() + interval '1 day' THEN condition.upto END;
    IF NOT is_small AND upto IS NULL THEN
        EXECUTE format('SELECT max(interval_start) FROM %I', its_relation) INTO newest;
    END IF;

    -- Writers do not wait for this one; autovacuum, which would hold up what follows, goes away for it.
    PERFORM set_config('lock_timeout', '10s', true);
    BEGIN
        EXECUTE format('LOCK TABLE %I IN SHARE UPDATE EXCLUSIVE MODE', its_relation);
    EXCEPTION WHEN lock_not_available THEN
        detail := 'somebody else holds it: run it again later';
        RETURN NEXT;
        RETURN;
    END;
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..600 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', its_relation);
            IF NOT is_small AND upto IS NULL THEN
                upto := records_period_after(its_period, greatest(newest, now() + interval '3 days'), 1);
                EXECUTE format('ALTER TABLE %I %s ADD CONSTRAINT records_first_until CHECK (interval_start < %L) NOT VALID',
                               its_relation,
                               CASE WHEN condition.upto IS NOT NULL THEN 'DROP CONSTRAINT records_first_until,' ELSE '' END, upto);
                RETURN QUERY SELECT 'again', format('records of %s before %s will be its first partition', its_relation, upto);
                RETURN;
            END IF;
            IF is_small THEN
                EXECUTE format('SELECT max(interval_start) FROM %I', its_relation) INTO newest;
                upto := greatest(records_period_after(its_period, newest, 1), records_period_after(its_period, now(), 0));
            END IF;
            PERFORM records_replace(its_relation, its_period, upto);
            RETURN QUERY SELECT 'done', format('%s has partitions of a %s from %s on', its_relation, its_period, upto);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.4);
        END;
    END LOOP;
    detail := 'it is being read all the time: run it again later';
    RETURN NEXT;
END $$;

-- What is old goes by whole partitions: they are detached, then counted and dropped. Of records that begin before the highest
-- `upto_time` of a table, those stored by `detached_at` need not be there any more, and neither do their outbox rows.
CREATE TABLE records_pruned (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation    text NOT NULL,
    partition   text NOT NULL,
    from_time   timestamptz NOT NULL,
    -- Up to and without.
    upto_time   timestamptz NOT NULL,
    -- NULL: detached, to be counted and dropped.
    rows        bigint,
    pruned_by   text NOT NULL,
    detached_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    dropped_at  timestamptz
);

-- Detaches the partitions of a kind whose records are all older than `retention`; returns how many, and why none if they have to
-- stay. A new first partition takes what comes late. Writers wait for it no longer than a tenth of a second at a time.
CREATE FUNCTION records_detach(kind text, retention interval, by_whom text, OUT detached integer, OUT kept text)
LANGUAGE plpgsql AS $$
DECLARE
    its_relation text := (SELECT t.relation FROM record_tables t WHERE t.record_type = kind);
    upto timestamptz;
    is_filled boolean;
    part record;
    pruned_id bigint;
BEGIN
    IF (retention >= interval '1 day') IS NOT TRUE AND NOT candlepost_is_owner() THEN
        RAISE EXCEPTION 'records are kept for a day at least, not for %', retention USING ERRCODE = 'invalid_parameter_value';
    END IF;
    detached := 0;
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.records_detach')) THEN
        RETURN;
    END IF;
    SELECT max(p.upto_time) INTO upto FROM record_partitions p
    WHERE p.relation = its_relation AND p.upto_time <= now() - retention;
    IF upto IS NULL THEN
        RETURN;
    END IF;
    -- What came late stands in the first one, which is emptied with the others and not for each record that comes.
    SELECT count(*) > 1 INTO is_filled FROM record_partitions p WHERE p.relation = its_relation AND p.upto_time <= upto;
    IF NOT is_filled THEN
        EXECUTE format('SELECT EXISTS (SELECT FROM %I WHERE created_at < now() - interval ''1 day'')', its_relation || '_first')
        INTO is_filled;
    END IF;
    IF NOT is_filled THEN
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..20 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', its_relation);
            FOR part IN SELECT * FROM record_partitions p WHERE p.relation = its_relation AND p.upto_time <= upto LOOP
                INSERT INTO records_pruned (relation, partition, from_time, upto_time, pruned_by)
                VALUES (its_relation, part.name, part.from_time, part.upto_time, candlepost_actor(by_whom))
                RETURNING id INTO pruned_id;
                EXECUTE format('ALTER TABLE %I DETACH PARTITION %I', its_relation, part.name);
                EXECUTE format('ALTER TABLE %I RENAME TO %I', part.name, 'records_pruned_' || pruned_id);
                detached := detached + 1;
            END LOOP;
            PERFORM records_new_partition(its_relation, its_relation || '_first');
            EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', its_relation,
                           its_relation || '_first', upto);
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            detached := 0;
            PERFORM pg_sleep(0.2);
        END;
    END LOOP;
    kept := format('%s is being read', its_relation);
END $$;

-- Counts and drops one partition that was detached, and what its records were before; no row if there is none.
CREATE FUNCTION records_drop_detached() RETURNS TABLE (partition_name text, row_count bigint) LANGUAGE plpgsql AS $$
DECLARE
    pruned record;
BEGIN
    SELECT * INTO pruned FROM records_pruned WHERE rows IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    partition_name := pruned.partition;
    EXECUTE format('SELECT count(*) FROM %I', 'records_pruned_' || pruned.id) INTO row_count;
    UPDATE records_pruned SET rows = row_count, dropped_at = now() WHERE id = pruned.id;
    DELETE FROM record_revisions
    WHERE record_type = (SELECT t.record_type FROM record_tables t WHERE t.relation = pruned.relation)
      AND interval_start >= pruned.from_time AND interval_start < pruned.upto_time AND stored_at <= pruned.detached_at;
    PERFORM set_config('lock_timeout', '5s', true);
    EXECUTE format('DROP TABLE %I', 'records_pruned_' || pruned.id);
    RETURN NEXT;
END $$;

-- For `check`: how the tables of records lie.
CREATE FUNCTION records_report() RETURNS TABLE (is_fine boolean, finding text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    its record;
    is_filled boolean;
BEGIN
    FOR its IN
        SELECT t.relation, t.period, c.relkind, c.oid FROM record_tables t JOIN pg_class c ON c.oid = t.relation::regclass
    LOOP
        is_fine := false;
        IF its.relkind <> 'p' THEN
            finding := format('%s has no partitions: `writer migrate` makes them%s', its.relation,
                              coalesce(', but for ' || records_obstacle(its.oid), ''));
            RETURN NEXT;
            CONTINUE;
        END IF;
        EXECUTE format('SELECT EXISTS (SELECT FROM %I)', its.relation || '_last') INTO is_filled;
        IF is_filled THEN
            finding := format('%s_last has records for which there is no partition of their time yet', its.relation);
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY SELECT true, format('%s partitions', count(*)) FROM record_partitions;
END $$;

-- Revisions: a kind whose rule is `latest` takes a later version of a record in its place. The one before is kept, and the new one
-- is announced as an event of its own. Which rule a kind has is the writer's setting; here is how a version is taken.

ALTER TABLE candle_sticks ADD COLUMN revision integer NOT NULL DEFAULT 1, ADD COLUMN version numeric;
ALTER TABLE order_books ADD COLUMN revision integer NOT NULL DEFAULT 1, ADD COLUMN version numeric;
ALTER TABLE tickers ADD COLUMN revision integer NOT NULL DEFAULT 1, ADD COLUMN version numeric;
ALTER TABLE trades ADD COLUMN revision integer NOT NULL DEFAULT 1, ADD COLUMN version numeric;
ALTER TABLE exchange_rates ADD COLUMN revision integer NOT NULL DEFAULT 1, ADD COLUMN version numeric;

-- NULL: the first version of its record.
ALTER TABLE outbox ADD COLUMN revision integer;

-- Versions of records that were replaced, with the time at which each was stored and announced.
CREATE TABLE record_revisions (
    record_type    text NOT NULL,
    market_id      integer NOT NULL,
    interval_start timestamptz NOT NULL,
    interval_end   timestamptz NOT NULL,
    -- 1 is the one that was stored first.
    revision       integer NOT NULL,
    -- The columns of the kind.
    content        jsonb NOT NULL,
    content_hash   bigint NOT NULL,
    -- What the payload said of its version, where the kind's rule names a field.
    version        numeric,
    stored_at      timestamptz NOT NULL,
    replaced_at    timestamptz NOT NULL DEFAULT now(),
    -- Of the message that replaced it.
    trace_id       text,
    PRIMARY KEY (record_type, market_id, interval_start, interval_end, revision)
);

CREATE INDEX record_revisions_by_time ON record_revisions (record_type, interval_start);

-- The writers' ledger counts them. A conflict that an operator applies is an entry that received 0: it was a duplicate, and is a
-- revision now.
ALTER TABLE ingest_batches ADD COLUMN revised integer NOT NULL DEFAULT 0;
ALTER TABLE ingest_pruned ADD COLUMN revised bigint NOT NULL DEFAULT 0;

DO $$
DECLARE
    was record;
BEGIN
    FOR was IN
        SELECT conrelid::regclass AS relation, conname FROM pg_constraint
        WHERE conrelid IN ('ingest_batches'::regclass, 'ingest_pruned'::regclass) AND contype = 'c'
          AND (conname = 'ingest_batches_sane' OR pg_get_constraintdef(oid) ~ 'received = \(')
    LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', was.relation, was.conname);
    END LOOP;
END $$;

ALTER TABLE ingest_batches
    ADD CONSTRAINT ingest_batches_sum CHECK (received = stored + revised + duplicate + quarantined) NOT VALID,
    ADD CONSTRAINT ingest_batches_sane CHECK (
        received >= 0 AND stored >= 0 AND revised >= 0 AND (quarantined >= 0 OR received = 0)
        AND (duplicate >= 0 AND duplicate_other >= 0
             OR received = 0 AND duplicate = -revised AND duplicate_other = duplicate)
        AND isfinite(received_at) AND length(writer) <= 300) NOT VALID;
ALTER TABLE ingest_pruned
    ADD CONSTRAINT ingest_pruned_sum CHECK (received = stored + revised + duplicate + quarantined) NOT VALID;

-- What a payload says of its version: true is 1, false is 0, a number is itself; NULL for anything else, which is older than all.
CREATE FUNCTION records_version(payload text, field text) RETURNS numeric LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN said = 'true' THEN 1 WHEN said = 'false' THEN 0
                WHEN said ~ '^-?[0-9]{1,30}([.][0-9]{1,30})?$' THEN said::numeric END
    FROM (SELECT payload::json ->> field) AS field_of(said)
$$;

-- Takes messages whose records are stored already, in the order of arrival: each is the same content (outcome 0), other content
-- that does not replace what is stored (1), or a revision (2), which has replaced it.
--
-- What replaces: with `field`, a higher version; the same version, or without a field any, if its content was not there before.
-- So a replica that repeats an older version, or a message that comes again, changes nothing. `is_act`: an operator's will, which
-- asks for other content only.
--
-- `columns` has the values of all messages column by column, as text.
CREATE FUNCTION records_revise(
    kind text, field text, is_act boolean, markets integer[], starts timestamptz[], ends timestamptz[], traces text[], payloads text[],
    names text[], types text[], columns text[]
) RETURNS TABLE (place integer, outcome integer, revision_number integer) LANGUAGE plpgsql AS $$
DECLARE
    its_table regclass := (SELECT t.relation::regclass FROM record_tables t WHERE t.record_type = kind);
    key_is text := 'r.market_id = $1 AND r.interval_start = $2 AND r.interval_end = $3';
    stored_row text := (SELECT string_agg(format('r.%I', n), ', ') FROM unnest(names) AS n);
    came_row text := (SELECT string_agg(format('($4)[%s]::%s', i, types[i]::regtype), ', ') FROM generate_subscripts(names, 1) AS i);
    message_count integer := cardinality(markets);
    came text[];
    came_version numeric;
    stored record;
BEGIN
    IF is_act AND NOT candlepost_is_owner() AND NOT candlepost_may_act() THEN
        PERFORM candlepost_refuse('what was kept as a conflict is applied by operators only');
    END IF;
    IF names && '{market_id,interval_start,interval_end,created_at,revision,version}'::text[] THEN
        PERFORM candlepost_refuse('a key stays as it is');
    END IF;
    -- In the order of keys, as in every writer; and from here on each statement sees what others committed before.
    EXECUTE format('SELECT FROM %s r JOIN (
                        SELECT DISTINCT * FROM unnest($1, $2, $3) AS k(m, s, e)) wanted
                        ON r.market_id = m AND r.interval_start = s AND r.interval_end = e
                            AND r.interval_start BETWEEN $4 AND $5
                    ORDER BY m, s, e FOR UPDATE OF r', its_table)
    USING markets, starts, ends, (SELECT min(s) FROM unnest(starts) AS s), (SELECT max(s) FROM unnest(starts) AS s);
    FOR i IN 1..message_count LOOP
        place := i;
        came := ARRAY(SELECT columns[(c - 1) * message_count + i] FROM generate_subscripts(names, 1) AS c ORDER BY c);
        came_version := CASE WHEN field IS NOT NULL THEN records_version(payloads[i], field) END;
        EXECUTE format('SELECT r.revision, r.version, r.created_at, ROW(%1$s) IS DISTINCT FROM ROW(%2$s) AS differs,
                               hash_record_extended(ROW(%1$s), 0) AS hash, hash_record_extended(ROW(%2$s), 0) AS came_hash,
                               to_jsonb(r) AS content
                        FROM %3$s r WHERE %4$s', stored_row, came_row, its_table, key_is)
        INTO stored USING markets[i], starts[i], ends[i], came;
        IF stored.revision IS NULL THEN
            CONTINUE;  -- gone: whoever called counts what it gets
        END IF;
        revision_number := stored.revision;
        IF NOT stored.differs THEN
            outcome := 0;
            -- The same candle, now said to be closed: what is stored is of that version from here on.
            IF came_version > coalesce(stored.version, '-infinity') THEN
                EXECUTE format('UPDATE %s r SET version = $4 WHERE %s', its_table, key_is)
                USING markets[i], starts[i], ends[i], came_version;
            END IF;
        ELSIF is_act OR (CASE WHEN field IS NULL OR came_version IS NOT DISTINCT FROM stored.version
                              THEN NOT EXISTS (SELECT FROM record_revisions v
                                               WHERE v.record_type = kind AND v.market_id = markets[i]
                                                 AND v.interval_start = starts[i] AND v.interval_end = ends[i]
                                                 AND v.content_hash = stored.came_hash)
                              ELSE coalesce(came_version, '-infinity') > coalesce(stored.version, '-infinity') END) THEN
            INSERT INTO record_revisions (record_type, market_id, interval_start, interval_end, revision, content, content_hash,
                                          version, stored_at, trace_id)
            VALUES (kind, markets[i], starts[i], ends[i], stored.revision,
                    (SELECT jsonb_object_agg(n, stored.content -> n) FROM unnest(names) AS n), stored.hash, stored.version,
                    stored.created_at, traces[i]);
            EXECUTE format('UPDATE %s r SET (%s) = ROW(%s), revision = r.revision + 1, version = $5, created_at = now() WHERE %s',
                           its_table, (SELECT string_agg(quote_ident(n), ', ') FROM unnest(names) AS n), came_row, key_is)
            USING markets[i], starts[i], ends[i], came, came_version;
            outcome := 2;
            revision_number := stored.revision + 1;
        ELSE
            outcome := 1;
        END IF;
        RETURN NEXT;
    END LOOP;
END $$;

-- What became of a conflict, and by whom. NULL: it is kept, and nobody has looked.
ALTER TABLE conflicting_duplicates
    ADD COLUMN resolution text,
    ADD COLUMN resolved_at timestamptz,
    ADD COLUMN resolved_by text,
    ADD COLUMN why text,
    ADD CONSTRAINT conflicting_duplicates_resolution CHECK (resolution IN ('applied', 'discarded')) NOT VALID;

CREATE FUNCTION candlepost_check_conflict() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.resolved_by := candlepost_actor(new.resolved_by);
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF old.resolution IS NOT NULL OR new.resolution IS NULL OR coalesce(length(new.why) > 10000, false) THEN
        PERFORM candlepost_refuse(format('conflict %s is resolved once, and texts have a limit', old.id));
    END IF;
    new.resolved_at := now();
    RETURN new;
END $$;

CREATE TRIGGER candlepost_check_conflict BEFORE UPDATE ON conflicting_duplicates
    FOR EACH ROW EXECUTE FUNCTION candlepost_check_conflict();

-- As in 0013, with what came since.
CREATE OR REPLACE FUNCTION candlepost_server_columns(relation regclass) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE (SELECT relname::text FROM pg_class WHERE oid = relation)
        WHEN 'ingest_batches' THEN '{id,committed_at}'
        WHEN 'quarantine' THEN '{id,received_at,attempts,resolved_at,resolution}'
        WHEN 'quarantine_acts' THEN '{id,acted_at}'
        WHEN 'conflicting_duplicates' THEN '{id,received_at,resolution,resolved_at,resolved_by,why}'
        WHEN 'outbox' THEN '{id,created_at}'
        WHEN 'outbox_deliveries' THEN '{attempt,confirmed_at}'
        WHEN 'outbox_exceptions' THEN '{recorded_at,published_at,relay}'
        WHEN 'outbox_acts' THEN '{id,done,began_at,ended_at}'
        WHEN 'outbox_replays' THEN '{confirmed_at}'
        WHEN 'lane_owners' THEN '{claimed_at,released_at}'
        WHEN 'relays' THEN '{seen_at}'
        ELSE '{created_at,revision}' END::text[]
$$;

-- As in 0010, with the revisions among the sums.
CREATE OR REPLACE FUNCTION outbox_prune_now(retention interval, by_whom text)
RETURNS TABLE (partition_name text, first_id bigint, end_id bigint, row_count bigint, kept text) LANGUAGE plpgsql AS $$
DECLARE
    oldest record;
    pending bigint;
    newest_row timestamptz;
    superseded_rows bigint;
    parked_rows bigint;
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.outbox_prune')) THEN
        RETURN;
    END IF;
    SELECT p.* INTO oldest FROM outbox_partitions p ORDER BY from_id LIMIT 1;
    IF NOT FOUND OR (SELECT last_value FROM outbox_id_seq) < oldest.upto_id - 1 THEN
        RETURN;
    END IF;
    partition_name := oldest.name;
    first_id := oldest.from_id;
    end_id := oldest.upto_id;
    row_count := 0;

    -- Cheap looks first, by the last row of each lane.
    EXECUTE format('SELECT max(created_at) FROM generate_series(0, 15) AS l(lane) CROSS JOIN LATERAL (
                        SELECT created_at FROM %I WHERE lane = l.lane::smallint ORDER BY id DESC LIMIT 1) newest',
                   oldest.name)
    INTO newest_row;
    IF newest_row > now() - retention THEN
        kept := 'not older than the retention';
        RETURN NEXT;
        RETURN;
    END IF;
    PERFORM set_config('lock_timeout', '5s', true);
    BEGIN
        PERFORM outbox_await_writers();
    EXCEPTION WHEN lock_not_available THEN
        kept := 'a writer''s transaction is open';
        RETURN NEXT;
        RETURN;
    END;
    EXECUTE format('SELECT count(*) FROM generate_series(0, 15) AS l(lane)
                    WHERE EXISTS (SELECT FROM %I WHERE lane = l.lane::smallint AND id > coalesce(
                        (SELECT upto_id FROM outbox_deliveries d WHERE d.lane = l.lane::smallint
                         ORDER BY after_id DESC LIMIT 1), 0))', oldest.name)
    INTO pending;
    IF pending > 0 THEN
        kept := format('rows of %s lanes are pending', pending);
        RETURN NEXT;
        RETURN;
    END IF;
    SELECT count(*) FILTER (WHERE state = 'parked'), count(*) FILTER (WHERE state = 'superseded')
    INTO parked_rows, superseded_rows
    FROM outbox_exceptions WHERE outbox_id >= first_id AND outbox_id < end_id AND published_at IS NULL;
    IF parked_rows > 0 THEN
        kept := format('%s rows are parked', parked_rows);
        RETURN NEXT;
        RETURN;
    END IF;

    EXECUTE format('SELECT count(*), max(created_at) FROM %I', oldest.name) INTO row_count, newest_row;
    IF newest_row > now() - retention THEN
        kept := 'not older than the retention';
        RETURN NEXT;
        RETURN;
    END IF;

    -- The last entry of each lane stays, for it is where a relay goes on; it counts the rows that are left.
    DELETE FROM outbox_deliveries d
    WHERE upto_id < end_id
      AND EXISTS (SELECT FROM outbox_deliveries later WHERE later.lane = d.lane AND later.after_id > d.after_id);
    EXECUTE format('UPDATE outbox_deliveries d
                    SET rows = rows - (SELECT count(*) FROM %I o
                                       WHERE o.lane = d.lane AND o.id > d.after_id AND o.id <= d.upto_id)
                    WHERE after_id < $1', oldest.name)
    USING end_id - 1;
    WITH gone AS (DELETE FROM ingest_batches WHERE committed_at <= newest_row RETURNING *)
    INSERT INTO ingest_pruned (received, stored, revised, duplicate, duplicate_other, quarantined)
    SELECT sum(received), sum(stored), sum(revised), sum(duplicate), sum(duplicate_other), sum(quarantined)
    FROM gone HAVING count(*) > 0;
    DELETE FROM outbox_exceptions WHERE outbox_id >= first_id AND outbox_id < end_id;
    DELETE FROM outbox_replays WHERE outbox_id >= first_id AND outbox_id < end_id;
    DELETE FROM outbox_gaps WHERE upto_id <= end_id;
    INSERT INTO outbox_pruned (from_id, upto_id, rows, superseded, newest, pruned_by)
    VALUES (first_id, end_id, row_count, superseded_rows, newest_row, by_whom);

    -- Who reads the log, an analyst perhaps, holds up the drop, and writers would wait behind it: so it is tried in short.
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..20 LOOP
        BEGIN
            EXECUTE format('ALTER TABLE outbox DETACH PARTITION %I', oldest.name);
            EXECUTE format('DROP TABLE %I', oldest.name);
            RETURN NEXT;
            RETURN;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the partition % is being read: it stays for now', oldest.name USING ERRCODE = 'lock_not_available';
END $$;

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
        'relays', 'record_tables', 'record_partitions', 'records_pruned', 'record_revisions', 'latest_candles']::regclass[])
    UNION ALL SELECT partition::regclass FROM outbox_partitions
    UNION ALL SELECT partition::regclass FROM record_partitions
$$;

-- What came with this migration, for a role that has a part. candlepost_grant calls it.
CREATE FUNCTION records_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    IF part IN ('writer', 'auditor', 'console') THEN
        EXECUTE format('GRANT SELECT ON record_tables TO %s', role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_gaps, records_report TO %s', role);
    END IF;
    IF part IN ('writer', 'relay') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_make_partitions TO %s', role);
    END IF;
    CASE part
    WHEN 'writer' THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_revise, records_version TO %s', role);
    WHEN 'relay' THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_detach, records_drop_detached TO %s', role);
    WHEN 'operator' THEN
        EXECUTE format('GRANT UPDATE (resolution, resolved_by, why) ON conflicting_duplicates TO %s', role);
    ELSE
        EXECUTE format('GRANT SELECT ON record_partitions, records_pruned, latest_candles, record_revisions TO %s', role);
    END CASE;
    PERFORM records_share_partition(p.relation::regclass, p.partition::regclass) FROM record_partitions p;
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
    -- Roles that have a part already.
    FOR role IN
        SELECT DISTINCT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid IN ('candle_sticks'::regclass, 'outbox'::regclass) AND a.privilege_type = 'SELECT'
          AND a.grantee NOT IN (0, c.relowner)
    LOOP
        IF has_any_column_privilege(role, 'outbox_deliveries', 'INSERT') THEN
            PERFORM records_grant('relay', role);
        END IF;
        IF has_any_column_privilege(role, 'candle_sticks', 'INSERT') THEN
            PERFORM records_grant('writer', role);
            EXECUTE format('GRANT INSERT (version) ON candle_sticks, order_books, tickers, trades, exchange_rates TO %s', role);
            EXECUTE format('GRANT INSERT (revision) ON outbox TO %s', role);
            EXECUTE format('GRANT INSERT (revised) ON ingest_batches TO %s', role);
        END IF;
        IF has_table_privilege(role, 'pruned_rows', 'SELECT') THEN
            PERFORM records_grant('auditor', role);
        END IF;
        IF has_function_privilege(role, 'outbox_hold_ledger()', 'EXECUTE') THEN
            PERFORM records_grant('operator', role);
        END IF;
    END LOOP;
END $$;

ALTER FUNCTION records_make_partitions SECURITY DEFINER;
ALTER FUNCTION records_report SECURITY DEFINER;
ALTER FUNCTION records_detach SECURITY DEFINER;
ALTER FUNCTION records_drop_detached SECURITY DEFINER;
ALTER FUNCTION records_revise SECURITY DEFINER;
ALTER FUNCTION candlepost_check_conflict SECURITY DEFINER;
