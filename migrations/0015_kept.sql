-- What is kept for people has a retention, too. What goes stands as a sum in one table, whoever deletes it: so `relay verify`
-- proves what is left and what was dropped, and rows that were deleted by hand are named and break nothing.

CREATE TABLE pruned_rows (
    id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    relation  text NOT NULL,
    rows      bigint NOT NULL,
    -- Of messages in quarantine: those that had not left it, as nobody had decided or an operator had given them up.
    open      bigint NOT NULL DEFAULT 0,
    discarded bigint NOT NULL DEFAULT 0,
    why       text NOT NULL CHECK (why IN ('retention', 'by hand')),
    pruned_by text NOT NULL DEFAULT session_user,
    pruned_at timestamptz NOT NULL DEFAULT now()
);

CREATE FUNCTION candlepost_note_deleted(relation text, deleted bigint, open bigint DEFAULT 0, discarded bigint DEFAULT 0)
RETURNS void LANGUAGE sql AS $$
    INSERT INTO pruned_rows (relation, rows, open, discarded, why)
    SELECT relation, deleted, open, discarded,
           CASE WHEN current_setting('candlepost.retention', true) = 'on' THEN 'retention' ELSE 'by hand' END
    WHERE deleted > 0
$$;

CREATE FUNCTION quarantine_note_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_note_deleted(TG_TABLE_NAME, count(*), count(*) FILTER (WHERE resolution IS NULL),
                                    count(*) FILTER (WHERE resolution = 'discarded'))
    FROM gone;
    RETURN NULL;
END $$;

CREATE FUNCTION quarantine_note_truncated() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_note_deleted(TG_TABLE_NAME, count(*), count(*) FILTER (WHERE resolution IS NULL),
                                    count(*) FILTER (WHERE resolution = 'discarded'))
    FROM quarantine;
    RETURN NULL;
END $$;

CREATE TRIGGER quarantine_note_deleted AFTER DELETE ON quarantine
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION quarantine_note_deleted();
CREATE TRIGGER quarantine_note_truncated BEFORE TRUNCATE ON quarantine
    FOR EACH STATEMENT EXECUTE FUNCTION quarantine_note_truncated();

CREATE FUNCTION candlepost_note_rows_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_note_deleted(TG_TABLE_NAME, count(*)) FROM gone;
    RETURN NULL;
END $$;

CREATE TRIGGER conflicting_duplicates_note_deleted AFTER DELETE ON conflicting_duplicates
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION candlepost_note_rows_deleted();
CREATE TRIGGER outbox_acts_note_deleted AFTER DELETE ON outbox_acts
    REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION candlepost_note_rows_deleted();

-- Drops what is older than these, at most 10,000 rows of each table; NULL keeps all. Messages that nobody has decided on stay, and
-- acts whose rows are in the log. Returns how many rows went.
CREATE FUNCTION candlepost_prune_kept(quarantine_for interval, conflicts_for interval, acts_for interval) RETURNS bigint
LANGUAGE plpgsql AS $$
DECLARE
    gone bigint;
    total bigint := 0;
BEGIN
    IF least(quarantine_for, conflicts_for, acts_for) < interval '1 day' AND NOT candlepost_is_owner() THEN
        RAISE EXCEPTION 'rows are kept for a day at least' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.prune_kept')) THEN
        RETURN 0;
    END IF;
    PERFORM set_config('lock_timeout', '5s', true), set_config('candlepost.retention', 'on', true);
    DELETE FROM quarantine WHERE id IN (
        SELECT id FROM quarantine WHERE resolved_at < now() - quarantine_for ORDER BY id LIMIT 10000 FOR UPDATE SKIP LOCKED);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM conflicting_duplicates WHERE id IN (
        SELECT id FROM conflicting_duplicates WHERE received_at < now() - conflicts_for ORDER BY id LIMIT 10000);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    DELETE FROM outbox_acts WHERE id IN (
        SELECT id FROM outbox_acts a WHERE ended_at < now() - acts_for
          AND NOT EXISTS (SELECT FROM outbox_replays r WHERE r.act_id = a.id) ORDER BY id LIMIT 10000);
    GET DIAGNOSTICS gone = ROW_COUNT;
    total := total + gone;
    PERFORM set_config('candlepost.retention', '', true);
    RETURN total;
END $$;

CREATE INDEX outbox_replays_of ON outbox_replays (act_id);
CREATE INDEX quarantine_resolved ON quarantine (resolved_at) WHERE resolved_at IS NOT NULL;
CREATE INDEX conflicting_duplicates_received ON conflicting_duplicates (received_at);

-- As in 0014, with what came since.
CREATE OR REPLACE FUNCTION candlepost_relations() RETURNS SETOF regclass LANGUAGE sql STABLE AS $$
    SELECT unnest(ARRAY[
        'schema_migrations', 'exchanges', 'markets', 'candle_sticks', 'candles', 'order_books', 'tickers', 'trades',
        'exchange_rates', 'ingest_batches', 'ingest_pruned', 'quarantine', 'quarantine_acts', 'conflicting_duplicates',
        'outbox', 'outbox_id_seq', 'outbox_partitions', 'outbox_gaps', 'outbox_audit', 'outbox_deliveries',
        'outbox_exceptions', 'outbox_acts', 'outbox_replays', 'outbox_pruned', 'outbox_servers', 'pruned_rows', 'lane_owners',
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
        IF function::text ~ '_note_' THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', function);
        END IF;
    END LOOP;
    FOR role IN
        SELECT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'outbox_prune'::regproc AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION candlepost_prune_kept TO %s', role);
    END LOOP;
    -- Roles that read everything already.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'outbox_pruned'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT SELECT ON outbox_servers, pruned_rows TO %s', role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION candlepost_strangers, candlepost_waits, outbox_ids_report, outbox_ids_wanted
                        TO %s', role);
    END LOOP;
END $$;

ALTER FUNCTION candlepost_prune_kept SECURITY DEFINER;
