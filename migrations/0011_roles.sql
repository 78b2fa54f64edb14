-- Rights for roles that do one thing each, beside the owner of the schema, who may do everything and is needed for
-- migrations only. Roles belong to the whole cluster, so an administrator makes them, under any name; the owner says what
-- they do here, and says so again after a migration:
--
--   SELECT candlepost_grant('writer', 'some_role');     -- or relay, operator, auditor; a role may do several
--   SELECT candlepost_revoke('some_role');

-- Readers of the log may read its partitions themselves, which `relay verify` does.
CREATE FUNCTION outbox_share_partition(partition regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    reader regrole;
BEGIN
    FOR reader IN
        SELECT a.grantee FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'outbox'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON %s TO %s', partition, reader);
    END LOOP;
END $$;

-- As in 0003, and shares them.
CREATE OR REPLACE FUNCTION outbox_make_partitions(ahead bigint DEFAULT 10000000, width bigint DEFAULT 5000000)
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
        PERFORM outbox_share_partition(partition::regclass);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                       partition, upper_bound, upper_bound + width);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- No relay extends a chain until the end of the caller's transaction. LOCK TABLE itself would need the right to change
-- the ledger.
CREATE FUNCTION outbox_hold_ledger() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE outbox_deliveries IN SHARE ROW EXCLUSIVE MODE;
END $$;

-- Everything that can be read here.
CREATE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT unnest(ARRAY[
        'schema_migrations', 'exchanges', 'markets', 'candle_sticks', 'candles', 'order_books', 'tickers', 'trades',
        'exchange_rates', 'ingest_batches', 'ingest_pruned', 'quarantine', 'quarantine_acts', 'conflicting_duplicates',
        'outbox', 'outbox_id_seq', 'outbox_partitions', 'outbox_gaps', 'outbox_audit', 'outbox_deliveries',
        'outbox_exceptions', 'outbox_acts', 'outbox_replays', 'outbox_pruned', 'lane_owners', 'relays']::regclass[])
    UNION ALL
    SELECT partition::regclass FROM outbox_partitions
$$;

CREATE FUNCTION candlepost_functions() RETURNS SETOF regprocedure LANGUAGE sql STABLE AS $$
    SELECT oid::regprocedure FROM pg_proc
    WHERE pronamespace = current_schema()::regnamespace AND proname ~ '^(outbox|candlepost|markets)_'
$$;

-- Lets a role do what one part of Candlepost does, and nothing else.
CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), role);
    EXECUTE format('GRANT SELECT ON schema_migrations TO %s', role);
    CASE part
    WHEN 'writer' THEN
        EXECUTE format($grants$
            GRANT SELECT ON markets TO %1$s;
            GRANT SELECT, INSERT ON candle_sticks, order_books, tickers, trades, exchange_rates TO %1$s;
            GRANT INSERT ON ingest_batches, conflicting_duplicates TO %1$s;
            -- Not the id and the time: those are the server's.
            GRANT INSERT (lane, record_type, market_id, interval_start, interval_end, trace_id, traceparent, body)
                ON outbox TO %1$s;
            GRANT USAGE ON SEQUENCE outbox_id_seq TO %1$s;
            -- Messages of unknown markets are tried again when their market comes.
            GRANT SELECT, INSERT, UPDATE (attempts, reason, detail, resolved_at, resolution) ON quarantine TO %1$s;
            GRANT INSERT ON quarantine_acts TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_make_partitions, outbox_ids_ahead TO %1$s;
        $grants$, role);
    WHEN 'relay' THEN
        EXECUTE format($grants$
            GRANT SELECT ON outbox, outbox_id_seq, outbox_gaps, outbox_acts TO %1$s;
            GRANT SELECT, INSERT ON outbox_deliveries TO %1$s;
            GRANT SELECT, INSERT, UPDATE (published_at, relay) ON outbox_exceptions TO %1$s;
            GRANT SELECT, INSERT, UPDATE (relay, claimed_at, released_at) ON lane_owners TO %1$s;
            GRANT SELECT, INSERT, UPDATE, DELETE ON relays TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_make_partitions, outbox_close_partition, outbox_prune TO %1$s;
        $grants$, role);
    WHEN 'operator' THEN
        PERFORM candlepost_grant('writer', role), candlepost_grant('relay', role), candlepost_grant('auditor', role);
        EXECUTE format($grants$
            GRANT INSERT, UPDATE (external_exchange_id, name) ON exchanges TO %1$s;
            GRANT INSERT, UPDATE (exchange_id, external_market_id, symbol, base, quote, active) ON markets TO %1$s;
            GRANT INSERT, UPDATE (done, ended_at) ON outbox_acts TO %1$s;
            GRANT INSERT ON outbox_replays TO %1$s;
            GRANT UPDATE (state, attempts, last_error) ON outbox_exceptions TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_hold_ledger TO %1$s;
        $grants$, role);
    WHEN 'auditor' THEN
        FOR relation IN SELECT candlepost_relations() LOOP
            EXECUTE format('GRANT SELECT ON %s TO %s', relation, role);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_ids_ahead TO %s', role);
    ELSE
        RAISE EXCEPTION 'a part is one of writer, relay, operator, auditor, not "%"', part
            USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    PERFORM outbox_share_partition(p.partition::regclass) FROM outbox_partitions p;
END $$;

-- Takes away everything that candlepost_grant gives, and what else a role may do with these tables.
CREATE FUNCTION candlepost_revoke(role regrole) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
    function regprocedure;
BEGIN
    FOR relation IN SELECT candlepost_relations() LOOP
        EXECUTE format('REVOKE ALL ON %s FROM %s', relation, role);
    END LOOP;
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM %s', function, role);
    END LOOP;
    EXECUTE format('REVOKE USAGE ON SCHEMA %I FROM %s', current_schema(), role);
END $$;

-- Partitions are made, closed and dropped with the owner's rights, whoever asks for it. Names are looked up in this
-- schema, never in a caller's temporary tables.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END $$;

ALTER FUNCTION outbox_make_partitions SECURITY DEFINER;
ALTER FUNCTION outbox_ids_ahead SECURITY DEFINER;
ALTER FUNCTION outbox_close_partition SECURITY DEFINER;
ALTER FUNCTION outbox_prune SECURITY DEFINER;
ALTER FUNCTION outbox_hold_ledger SECURITY DEFINER;
