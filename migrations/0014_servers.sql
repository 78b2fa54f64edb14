-- Ids rise, whatever is done to the server. Where a log comes to another server, another timeline or an older state, ids may have
-- been drawn that this database knows nothing of: so they go on far beyond.

-- On which servers the log has been, the last one being where it is.
CREATE TABLE outbox_servers (
    id                bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    system_identifier bigint NOT NULL,
    timeline          integer NOT NULL,
    -- The last id that was drawn before, and the one from which ids went on.
    last_id           bigint NOT NULL,
    went_on_after     bigint NOT NULL,
    why               text NOT NULL,
    noted_by          text NOT NULL DEFAULT session_user,
    noted_at          timestamptz NOT NULL DEFAULT now()
);

-- The server of this session. On a standby the timeline is that of its last checkpoint.
CREATE FUNCTION candlepost_server() RETURNS TABLE (system_identifier bigint, timeline integer, is_standby boolean)
LANGUAGE sql AS $$
    SELECT s.system_identifier,
           CASE WHEN pg_is_in_recovery() THEN (SELECT c.timeline_id FROM pg_control_checkpoint() AS c)
                ELSE ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::integer END,
           pg_is_in_recovery()
    FROM pg_control_system() AS s
$$;

-- The highest id that this database knows of.
CREATE FUNCTION outbox_highest_id() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest(
        (SELECT max((SELECT o.id FROM outbox o WHERE o.lane = l.n::smallint ORDER BY o.id DESC LIMIT 1))
         FROM generate_series(0, 15) AS l(n)),
        (SELECT max((SELECT d.upto_id FROM outbox_deliveries d WHERE d.lane = l.n::smallint ORDER BY d.after_id DESC LIMIT 1))
         FROM generate_series(0, 15) AS l(n)),
        (SELECT max(upto_id) - 1 FROM outbox_gaps), (SELECT max(upto_id) - 1 FROM outbox_pruned),
        (SELECT max(went_on_after) FROM outbox_servers), 0)
$$;

-- What is wrong with the log's sequence, and the line that mends it; no row if nothing is.
CREATE FUNCTION outbox_sequence_faults() RETURNS TABLE (fault text, mends text) LANGUAGE sql STABLE AS $$
    SELECT format('the sequence outbox_id_seq has increment %s, cache %s, maximum %s%s: its ids would not rise',
                  seqincrement, seqcache, seqmax, CASE WHEN seqcycle THEN ', cycle' ELSE '' END),
           'ALTER SEQUENCE outbox_id_seq AS bigint INCREMENT 1 CACHE 1 MAXVALUE 9223372036854775807 NO CYCLE'
    FROM pg_sequence WHERE seqrelid = 'outbox_id_seq'::regclass
      AND (seqincrement <> 1 OR seqcache <> 1 OR seqcycle OR seqmax < 9000000000000000000)
$$;

-- Sequences of identity columns that are behind their tables: the next row would be refused.
CREATE FUNCTION candlepost_sequences_behind() RETURNS TABLE (relation text, sequence_name text, last_id bigint, highest bigint)
LANGUAGE plpgsql STABLE AS $$
BEGIN
    FOR relation, sequence_name IN
        SELECT c.relname::text, pg_get_serial_sequence(quote_ident(n.nspname) || '.' || quote_ident(c.relname), a.attname)
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
        WHERE n.nspname = current_schema() AND c.relkind = 'r' AND a.attidentity <> '' AND a.attname = 'id' AND NOT a.attisdropped
    LOOP
        EXECUTE format('SELECT s.last_value - CASE WHEN s.is_called THEN 0 ELSE 1 END, coalesce((SELECT max(id) FROM %I), 0)
                        FROM %s s', relation, sequence_name) INTO last_id, highest;
        IF last_id < highest THEN
            RETURN NEXT;
        END IF;
    END LOOP;
END $$;

-- For a program that has connected, and each second: says which server it is, and sees to it that ids rise from here on.
-- Where nothing has changed it only looks. `seen_id` is the highest id that the caller has seen, on whichever server.
CREATE FUNCTION outbox_arrive(seen_id bigint DEFAULT 0) RETURNS TABLE (
    system_identifier bigint, timeline integer, last_id bigint, went_on_after bigint, why text
) LANGUAGE plpgsql AS $$
DECLARE
    here record;
    before record;
    behind record;
    fault record;
    highest bigint;
    newest timestamptz;
BEGIN
    SELECT * INTO here FROM candlepost_server();
    IF here.is_standby THEN
        RAISE EXCEPTION 'this server is a standby' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    system_identifier := here.system_identifier;
    timeline := here.timeline;
    FOR fault IN SELECT * FROM outbox_sequence_faults() LOOP
        RAISE EXCEPTION '%. The owner mends it by: %', fault.fault, fault.mends
            USING ERRCODE = 'object_not_in_prerequisite_state';
    END LOOP;
    FOR behind IN SELECT * FROM candlepost_sequences_behind() LOOP
        PERFORM setval(behind.sequence_name::regclass, behind.highest);
        why := concat_ws('; ', why, format('ids of %s went on after %s', behind.relation, behind.highest));
    END LOOP;
    SELECT * INTO before FROM outbox_servers ORDER BY id DESC LIMIT 1;
    SELECT last_value INTO last_id FROM outbox_id_seq;
    IF before.system_identifier = here.system_identifier AND before.timeline = here.timeline AND last_id >= seen_id
        AND NOT outbox_is_behind(last_id) THEN
        RETURN NEXT;
        RETURN;
    END IF;

    -- As a writer that had every lane: nobody draws an id meanwhile.
    PERFORM set_config('lock_timeout', '10s', true);
    PERFORM pg_advisory_xact_lock(hashtext('candlepost.outbox_arrive'));
    PERFORM pg_advisory_xact_lock(x'434157'::int, lane) FROM generate_series(0, 15) AS lane;
    SELECT * INTO before FROM outbox_servers ORDER BY id DESC LIMIT 1;
    SELECT last_value INTO last_id FROM outbox_id_seq;
    highest := outbox_highest_id();
    IF before.id IS NULL THEN
        why := 'the first server that was noted';
        went_on_after := greatest(last_id, highest);
    ELSIF (before.system_identifier, before.timeline) IS DISTINCT FROM (here.system_identifier, here.timeline) THEN
        -- What was drawn and lost was drawn after the newest row that is left: 100,000 a second are more than there can be.
        SELECT max((SELECT o.created_at FROM outbox o WHERE o.lane = l.n::smallint ORDER BY o.id DESC LIMIT 1)) INTO newest
        FROM generate_series(0, 15) AS l(n);
        newest := greatest(newest, (SELECT max(confirmed_at) FROM (
            SELECT (SELECT d.confirmed_at FROM outbox_deliveries d WHERE d.lane = l.n::smallint ORDER BY d.after_id DESC LIMIT 1)
            FROM generate_series(0, 15) AS l(n)) AS ends(confirmed_at)), before.noted_at);
        why := CASE WHEN before.system_identifier = here.system_identifier
                    THEN format('timeline %s after %s', here.timeline, before.timeline) ELSE 'another server' END;
        went_on_after := greatest(last_id, highest)
            + least(1000000000000, (100000 * (3600 + greatest(0, extract(epoch FROM now() - newest))))::bigint);
    ELSIF last_id < highest THEN
        why := 'the sequence was behind the log';
        went_on_after := highest;
    ELSIF last_id < seen_id AND seen_id - last_id <= 10000000000 AND before.noted_at < now() - interval '1 minute' THEN
        -- The same server in an older state: a copy that was started without recovery.
        why := format('id %s was seen here before', seen_id);
        went_on_after := seen_id + 360000000;
    ELSIF last_id < seen_id THEN
        RAISE EXCEPTION 'id % was seen here before, and the sequence outbox_id_seq is at %. The owner mends it by: %',
            seen_id, last_id, format('SELECT setval(''outbox_id_seq'', %s)', seen_id)
            USING ERRCODE = 'object_not_in_prerequisite_state';
    ELSE
        RETURN NEXT;  -- somebody else was first
        RETURN;
    END IF;
    INSERT INTO outbox_servers (system_identifier, timeline, last_id, went_on_after, why)
    VALUES (here.system_identifier, here.timeline, outbox_arrive.last_id, outbox_arrive.went_on_after, outbox_arrive.why);
    IF went_on_after > greatest(last_id, highest) THEN
        INSERT INTO outbox_gaps (from_id, upto_id) VALUES (greatest(last_id, highest) + 1, went_on_after + 1)
        ON CONFLICT DO NOTHING;
    END IF;
    IF went_on_after > last_id THEN
        PERFORM setval('outbox_id_seq', went_on_after);
    END IF;
    IF outbox_ids_ahead() < outbox_ids_wanted() / 2 THEN
        PERFORM outbox_make_partitions();
    END IF;
    IF before.id IS NULL AND went_on_after = last_id THEN
        why := NULL;  -- nothing was moved
    END IF;
    RETURN NEXT;
END $$;

-- Whether a row of the log lies beyond the last id drawn: in these lanes, or in any. Not in SQL, whose functions are planned at
-- each call.
CREATE FUNCTION outbox_is_behind(last_id bigint, lanes integer[] DEFAULT '{0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15}')
RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (
        SELECT FROM unnest(lanes) AS l(n)
        CROSS JOIN LATERAL (SELECT FROM outbox o WHERE o.lane = l.n::smallint AND o.id > last_id LIMIT 1) row_beyond);
END $$;

-- Takes lanes for a writer, in the order given, and makes sure that the ids that it draws next are above all of theirs.
CREATE FUNCTION outbox_take_lanes(lock_class integer, lanes integer[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    last_id bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(lock_class, lane) FROM unnest(lanes) AS lane;
    SELECT last_value INTO last_id FROM outbox_id_seq;
    IF EXISTS (
        SELECT FROM unnest(lanes) AS l(n)
        CROSS JOIN LATERAL (SELECT FROM outbox o WHERE o.lane = l.n::smallint AND o.id > last_id LIMIT 1) row_beyond) THEN
        RAISE EXCEPTION 'the sequence outbox_id_seq is behind the log' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
END $$;

-- For `check`: where ids stand, or what would keep them from rising and what mends it. Changes nothing.
CREATE FUNCTION outbox_ids_report() RETURNS TABLE (is_fine boolean, finding text) LANGUAGE plpgsql AS $$
DECLARE
    here record;
    last bigint;
    highest bigint := outbox_highest_id();
    ahead bigint := outbox_ids_ahead();
BEGIN
    SELECT * INTO here FROM candlepost_server();
    SELECT last_value INTO last FROM outbox_id_seq;
    RETURN QUERY SELECT false, format('%s; the owner mends it by: %s', fault, mends) FROM outbox_sequence_faults();
    RETURN QUERY SELECT false, format('ids of %s are at %s, its rows at %s; a program that starts mends it, or: SELECT setval(%L, %s)',
                                      b.relation, b.last_id, b.highest, b.sequence_name, b.highest)
                 FROM candlepost_sequences_behind() b;
    IF last < highest THEN
        RETURN QUERY SELECT false, format('outbox_id_seq is at %s, the log at %s; a program that starts mends it, or: '
                                          'SELECT setval(''outbox_id_seq'', %s)', last, highest, highest);
    END IF;
    IF ahead < outbox_ids_wanted() / 2 THEN
        RETURN QUERY SELECT false, format('there are partitions for %s rows only; a program that runs makes more, or: '
                                          'SELECT outbox_make_partitions()', greatest(ahead, 0));
    END IF;
    IF (SELECT (s.system_identifier, s.timeline) IS DISTINCT FROM (here.system_identifier, here.timeline)
        FROM outbox_servers s ORDER BY id DESC LIMIT 1) THEN
        RETURN QUERY SELECT true, 'the log has come to another server: the program that starts first moves ids ahead'::text;
    END IF;
    RETURN QUERY SELECT true, format('timeline %s, last id %s, partitions for %s more', here.timeline, last, ahead);
END $$;

-- Who holds locks of these classes without a part in writing or relaying: such a lock stops a lane, or counts as a relay.
CREATE FUNCTION candlepost_strangers(lock_classes integer[]) RETURNS TABLE (holder_pid integer, holder_role text, holder_application text)
LANGUAGE sql AS $$
    SELECT DISTINCT l.pid, a.usename::text, a.application_name
    FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 AND l.classid::bigint IN (SELECT c::bigint & 4294967295 FROM unnest(lock_classes) AS c)
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (has_any_column_privilege(a.usesysid, 'outbox', 'INSERT')
           OR has_any_column_privilege(a.usesysid, 'outbox_deliveries', 'INSERT')) IS NOT TRUE
$$;

-- As in 0011, with what came since.
CREATE OR REPLACE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT unnest(ARRAY[
        'schema_migrations', 'exchanges', 'markets', 'candle_sticks', 'candles', 'order_books', 'tickers', 'trades',
        'exchange_rates', 'ingest_batches', 'ingest_pruned', 'quarantine', 'quarantine_acts', 'conflicting_duplicates',
        'outbox', 'outbox_id_seq', 'outbox_partitions', 'outbox_gaps', 'outbox_audit', 'outbox_deliveries',
        'outbox_exceptions', 'outbox_acts', 'outbox_replays', 'outbox_pruned', 'outbox_servers', 'lane_owners',
        'relays']::regclass[])
    UNION ALL
    SELECT partition::regclass FROM outbox_partitions
$$;

DO $$
DECLARE
    function regprocedure;
    role regrole;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
    -- Roles that write or relay already.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'outbox_make_partitions'::regproc AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_arrive, outbox_ids_wanted, outbox_ids_report, candlepost_strangers,
                        candlepost_waits TO %s', role);
        IF has_column_privilege(role, 'outbox', 'body', 'INSERT') THEN
            EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_take_lanes TO %s', role);
        END IF;
    END LOOP;
END $$;

-- Plans are made once and kept: planned while the log was small, they could read all of it.
ALTER FUNCTION outbox_take_lanes SET enable_seqscan = off;
ALTER FUNCTION outbox_take_lanes SET enable_bitmapscan = off;
ALTER FUNCTION outbox_take_lanes SET jit = off;
ALTER FUNCTION outbox_take_lanes SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION outbox_is_behind SET enable_seqscan = off;
ALTER FUNCTION outbox_is_behind SET enable_bitmapscan = off;
ALTER FUNCTION outbox_is_behind SET jit = off;
ALTER FUNCTION outbox_is_behind SET plan_cache_mode = force_generic_plan;

ALTER FUNCTION outbox_arrive SECURITY DEFINER;
ALTER FUNCTION outbox_ids_report SECURITY DEFINER;
ALTER FUNCTION outbox_take_lanes SECURITY DEFINER;
