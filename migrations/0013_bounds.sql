-- What a role may do is checked here, whatever SQL it sends: which columns are the server's, which values can be, and which
-- changes follow one another. The owner of the schema is not held to it: who owns tables can change them anyway.

-- Whether the session is the owner's. By the role that logged in, as functions with the owner's rights run as the owner. Not in
-- SQL, whose functions are planned at each call.
CREATE FUNCTION candlepost_is_owner() RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN pg_has_role(session_user, (SELECT relowner FROM pg_class WHERE oid = 'outbox'::regclass), 'MEMBER');
END $$;

-- Whether the caller may do what an operator does.
CREATE FUNCTION candlepost_may_act() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT has_function_privilege(session_user, 'outbox_hold_ledger()', 'EXECUTE')
$$;

-- Who does something: the server's word, and beside it what the program says.
CREATE FUNCTION candlepost_actor(says text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT session_user || coalesce(' (' || left(nullif(says, ''), 200) || ')', '')
$$;

CREATE FUNCTION candlepost_refuse(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '%', what USING ERRCODE = 'insufficient_privilege';
END $$;

-- The columns of a table that are the server's: defaults that nobody gives.
CREATE FUNCTION candlepost_server_columns(relation regclass) RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE (SELECT relname::text FROM pg_class WHERE oid = relation)
        WHEN 'ingest_batches' THEN '{id,committed_at}'
        WHEN 'quarantine' THEN '{id,received_at,attempts,resolved_at,resolution}'
        WHEN 'quarantine_acts' THEN '{id,acted_at}'
        WHEN 'conflicting_duplicates' THEN '{id,received_at}'
        WHEN 'outbox' THEN '{id,created_at}'
        WHEN 'outbox_deliveries' THEN '{attempt,confirmed_at}'
        WHEN 'outbox_exceptions' THEN '{recorded_at,published_at,relay}'
        WHEN 'outbox_acts' THEN '{id,done,began_at,ended_at}'
        WHEN 'outbox_replays' THEN '{confirmed_at}'
        WHEN 'lane_owners' THEN '{claimed_at,released_at}'
        WHEN 'relays' THEN '{seen_at}'
        ELSE '{created_at}' END::text[]
$$;

-- INSERT on all columns that are not the server's.
CREATE FUNCTION candlepost_grant_insert(relation regclass, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT INSERT (%s) ON %s TO %s',
                   (SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
                    WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped
                      AND attname <> ALL (candlepost_server_columns(relation))), relation, role);
END $$;

CREATE OR REPLACE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    relation regclass;
BEGIN
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO %s', current_schema(), role);
    EXECUTE format('GRANT SELECT ON schema_migrations TO %s', role);
    EXECUTE format('GRANT EXECUTE ON FUNCTION candlepost_waits, candlepost_strangers, outbox_ids_report TO %s', role);
    CASE part
    WHEN 'writer' THEN
        EXECUTE format($grants$
            GRANT SELECT ON markets, candle_sticks, order_books, tickers, trades, exchange_rates TO %1$s;
            GRANT USAGE ON SEQUENCE outbox_id_seq TO %1$s;
            -- Messages of unknown markets are tried again when their market comes.
            GRANT SELECT, UPDATE (attempts, reason, detail, resolved_at, resolution) ON quarantine TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_make_partitions, outbox_ids_ahead, outbox_ids_wanted, outbox_arrive,
                outbox_take_lanes TO %1$s;
        $grants$, role);
        PERFORM candlepost_grant_insert(r, role) FROM unnest(ARRAY[
            'candle_sticks', 'order_books', 'tickers', 'trades', 'exchange_rates', 'ingest_batches',
            'conflicting_duplicates', 'outbox', 'quarantine', 'quarantine_acts']::regclass[]) AS r;
    WHEN 'relay' THEN
        EXECUTE format($grants$
            GRANT SELECT ON outbox, outbox_id_seq, outbox_gaps, outbox_acts, outbox_deliveries TO %1$s;
            GRANT SELECT, UPDATE (published_at, relay) ON outbox_exceptions TO %1$s;
            GRANT SELECT, UPDATE (relay, claimed_at, released_at) ON lane_owners TO %1$s;
            GRANT SELECT, DELETE ON relays TO %1$s;
            GRANT UPDATE (started_at, seen_at, published, by_doorbell, by_poll, doorbell_heard, last_error, last_error_at)
                ON relays TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_make_partitions, outbox_close_partition, outbox_prune, outbox_arrive,
                candlepost_prune_kept TO %1$s;
        $grants$, role);
        PERFORM candlepost_grant_insert(r, role) FROM unnest(ARRAY[
            'outbox_deliveries', 'outbox_exceptions', 'lane_owners', 'relays']::regclass[]) AS r;
    WHEN 'operator' THEN
        PERFORM candlepost_grant('writer', role), candlepost_grant('relay', role), candlepost_grant('auditor', role);
        EXECUTE format($grants$
            GRANT INSERT, UPDATE (external_exchange_id, name) ON exchanges TO %1$s;
            GRANT INSERT, UPDATE (exchange_id, external_market_id, symbol, base, quote, active) ON markets TO %1$s;
            GRANT UPDATE (done, ended_at) ON outbox_acts TO %1$s;
            GRANT UPDATE (state, attempts, last_error) ON outbox_exceptions TO %1$s;
            GRANT EXECUTE ON FUNCTION outbox_hold_ledger TO %1$s;
        $grants$, role);
        PERFORM candlepost_grant_insert(r, role) FROM unnest(ARRAY['outbox_acts', 'outbox_replays']::regclass[]) AS r;
    WHEN 'auditor', 'console' THEN
        FOR relation IN SELECT candlepost_relations() LOOP
            EXECUTE format('GRANT SELECT ON %s TO %s', relation, role);
        END LOOP;
        EXECUTE format('GRANT EXECUTE ON FUNCTION outbox_ids_ahead, outbox_ids_wanted TO %s', role);
    ELSE
        RAISE EXCEPTION 'a part is one of writer, relay, operator, auditor, console, not "%"', part
            USING ERRCODE = 'invalid_parameter_value';
    END CASE;
    PERFORM outbox_share_partition(p.partition::regclass) FROM outbox_partitions p;
END $$;

-- Roles that were granted before: what they may insert, without the server's columns.
DO $$
DECLARE
    was record;
BEGIN
    FOR was IN
        SELECT c.oid::regclass AS relation, a.grantee::regrole AS role, a.privilege_type AS verb
        FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.relnamespace = current_schema()::regnamespace AND a.grantee NOT IN (0, c.relowner)
          AND (a.privilege_type = 'INSERT' AND c.relname = ANY ('{candle_sticks,order_books,tickers,trades,exchange_rates,
                   ingest_batches,conflicting_duplicates,quarantine,quarantine_acts,outbox_deliveries,outbox_exceptions,
                   lane_owners,relays,outbox_acts,outbox_replays}')
               OR a.privilege_type = 'UPDATE' AND c.relname = 'relays')
    LOOP
        EXECUTE format('REVOKE %s ON %s FROM %s', was.verb, was.relation, was.role);
        IF was.verb = 'INSERT' THEN
            PERFORM candlepost_grant_insert(was.relation, was.role);
        ELSE
            EXECUTE format('GRANT UPDATE (started_at, seen_at, published, by_doorbell, by_poll, doorbell_heard, last_error,
                            last_error_at) ON relays TO %s', was.role);
        END IF;
    END LOOP;
END $$;

-- The outbox: a row is in its market's lane. The condition is the server's own code; the function is called for what
-- breaks it only.
CREATE FUNCTION outbox_check_lane() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT candlepost_is_owner() THEN
        PERFORM candlepost_refuse(format('market %s is not in lane %s', new.market_id, new.lane));
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_lane BEFORE INSERT ON outbox FOR EACH ROW
    WHEN ((new.lane = (new.market_id::bigint * 2654435761 & 4294967295) >> 28 AND new.market_id > 0) IS NOT TRUE)
    EXECUTE FUNCTION outbox_check_lane();

-- The relay's ledger: an entry goes on where its lane's chain ends, ends with a row of the log, and counts the rows between.
CREATE FUNCTION outbox_check_deliveries() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    IF candlepost_is_owner() THEN
        RETURN NULL;
    END IF;
    SELECT n.* INTO wrong FROM entries n
    CROSS JOIN LATERAL (SELECT count(*) AS found, max(o.id) AS last FROM outbox o
                        WHERE o.lane = n.lane AND o.id > n.after_id AND o.id <= n.upto_id) log
    WHERE (n.lane BETWEEN 0 AND 15 AND length(n.relay) <= 300 AND n.rows = log.found AND n.upto_id = log.last
           AND coalesce(n.published_at > '2000-01-01' AND n.published_at <= n.confirmed_at, true)
           AND n.after_id = coalesce((SELECT d.upto_id FROM outbox_deliveries d WHERE d.lane = n.lane AND d.after_id < n.after_id
                                      ORDER BY d.after_id DESC LIMIT 1), 0)) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        PERFORM candlepost_refuse(format('lane %s has no %s rows after %s up to %s that could come next in the ledger',
                                         wrong.lane, wrong.rows, wrong.after_id, wrong.upto_id));
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_check_deliveries AFTER INSERT ON outbox_deliveries
    REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION outbox_check_deliveries();

-- Whether the session's role is at work on an act of this kind.
CREATE FUNCTION outbox_is_acting(kind text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT candlepost_may_act() AND EXISTS (
        SELECT FROM outbox_acts WHERE act = kind AND ended_at IS NULL
          AND (acted_by = session_user OR starts_with(acted_by, session_user || ' (')))
$$;

-- Exceptions are of rows that are pending; a relay parks, and gives up nothing.
CREATE FUNCTION outbox_check_exceptions() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wrong record;
BEGIN
    IF candlepost_is_owner() THEN
        RETURN NULL;
    END IF;
    SELECT * INTO wrong FROM entries n
    WHERE (n.attempts BETWEEN 0 AND 1000000 AND coalesce(length(n.last_error) <= 10000, true)
           AND EXISTS (SELECT FROM outbox o WHERE o.lane = n.lane AND o.id = n.outbox_id)
           AND n.outbox_id > coalesce((SELECT d.upto_id FROM outbox_deliveries d WHERE d.lane = n.lane
                                       ORDER BY d.after_id DESC LIMIT 1), 0)) IS NOT TRUE
    LIMIT 1;
    IF FOUND THEN
        PERFORM candlepost_refuse(format('row %s of lane %s is not pending', wrong.outbox_id, wrong.lane));
    END IF;
    IF EXISTS (SELECT FROM entries WHERE state <> 'parked') AND NOT outbox_is_acting('superseded') THEN
        PERFORM candlepost_refuse('rows are superseded by an act that was begun by the same role, and by nothing else');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_check_exceptions AFTER INSERT ON outbox_exceptions
    REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION outbox_check_exceptions();

-- What was published stays so. A parked row may be given up, by an act.
CREATE FUNCTION outbox_check_exception() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF old.published_at IS NOT NULL THEN
        PERFORM candlepost_refuse(format('row %s was published', old.outbox_id));
    END IF;
    IF new.state <> old.state AND NOT (new.state = 'superseded' AND outbox_is_acting('discarded')) THEN
        PERFORM candlepost_refuse('parked rows are given up by an act that was begun by the same role, and by nothing else');
    END IF;
    IF (new.attempts BETWEEN old.attempts AND old.attempts + 1 AND coalesce(length(new.last_error) <= 10000, true)
        AND coalesce(length(new.relay) <= 300, true)) IS NOT TRUE THEN
        PERFORM candlepost_refuse('attempts are counted one by one, texts have a limit');
    END IF;
    IF new.published_at IS NOT NULL THEN
        new.published_at := now();
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_exception BEFORE UPDATE ON outbox_exceptions
    FOR EACH ROW EXECUTE FUNCTION outbox_check_exception();

-- Who relays: times are the server's.
CREATE FUNCTION outbox_check_owner() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF (new.lane BETWEEN 0 AND 15 AND length(new.relay) <= 300) IS NOT TRUE THEN
        PERFORM candlepost_refuse('lanes are 0 to 15, and relays have short names');
    END IF;
    IF TG_OP = 'INSERT' OR new.claimed_at IS DISTINCT FROM old.claimed_at THEN
        new.claimed_at := now();
    END IF;
    IF new.released_at IS NOT NULL THEN
        new.released_at := now();
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_owner BEFORE INSERT OR UPDATE ON lane_owners
    FOR EACH ROW EXECUTE FUNCTION outbox_check_owner();

CREATE FUNCTION outbox_check_relay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    new.seen_at := now();
    new.started_at := least(new.started_at, now());
    new.last_error_at := least(new.last_error_at, now());
    IF (length(new.relay) <= 300 AND coalesce(length(new.last_error) <= 10000, true) AND new.started_at > '2000-01-01'
        AND coalesce(new.last_error_at > '2000-01-01', true) AND new.published >= 0 AND new.by_doorbell >= 0
        AND new.by_poll >= 0) IS NOT TRUE THEN
        PERFORM candlepost_refuse('a relay says of itself what can be');
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_relay BEFORE INSERT OR UPDATE ON relays
    FOR EACH ROW EXECUTE FUNCTION outbox_check_relay();

-- Acts: begun by the role that says so, at work until they end, once.
CREATE FUNCTION outbox_check_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        new.acted_by := candlepost_actor(new.acted_by);
    END IF;
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF TG_OP = 'INSERT' THEN
        IF (new.rows >= 0 AND length(new.selection) <= 10000 AND coalesce(length(new.why) <= 10000, true)) IS NOT TRUE THEN
            PERFORM candlepost_refuse('an act is about some rows, and its texts have a limit');
        END IF;
        RETURN new;
    END IF;
    IF old.ended_at IS NOT NULL OR (new.done BETWEEN old.done AND old.done + 1000000) IS NOT TRUE THEN
        PERFORM candlepost_refuse('an act that has ended stays as it is, and what was done is not undone');
    END IF;
    IF new.ended_at IS NOT NULL THEN
        new.ended_at := now();
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_act BEFORE INSERT OR UPDATE ON outbox_acts
    FOR EACH ROW EXECUTE FUNCTION outbox_check_act();

CREATE FUNCTION outbox_check_replays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT candlepost_is_owner()
        AND EXISTS (SELECT FROM entries entry WHERE NOT EXISTS (
                        SELECT FROM generate_series(0, 15) AS l(n) JOIN outbox o ON o.lane = l.n::smallint AND o.id = entry.outbox_id)
                    OR NOT EXISTS (SELECT FROM outbox_acts a WHERE a.id = entry.act_id AND a.ended_at IS NULL
                                   AND a.act IN ('replayed', 'retried'))) THEN
        PERFORM candlepost_refuse('rows of the log are sent again by an act that is at work, and by nothing else');
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER outbox_check_replays AFTER INSERT ON outbox_replays
    REFERENCING NEW TABLE AS entries FOR EACH STATEMENT EXECUTE FUNCTION outbox_check_replays();

-- The writer's ledger.
ALTER TABLE ingest_batches
    ADD CONSTRAINT ingest_batches_sane CHECK (
        received >= 0 AND stored >= 0 AND duplicate >= 0 AND duplicate_other >= 0 AND (quarantined >= 0 OR received = 0)
        AND isfinite(received_at) AND length(writer) <= 300) NOT VALID;

-- Quarantine: what is resolved stays so, and who resolved it stands in an act of the same transaction.
CREATE FUNCTION quarantine_check() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF old.resolved_at IS NOT NULL THEN
            PERFORM candlepost_refuse(format('message %s has left quarantine', old.id));
        END IF;
        IF new.resolution = 'discarded' AND NOT candlepost_may_act() THEN
            PERFORM candlepost_refuse('messages are given up by operators only');
        END IF;
        IF (new.attempts BETWEEN old.attempts AND old.attempts + 1) IS NOT TRUE THEN
            PERFORM candlepost_refuse('attempts are counted one by one');
        END IF;
        IF new.resolved_at IS NOT NULL THEN
            new.resolved_at := now();
        END IF;
    END IF;
    IF (length(new.queue) <= 300 AND length(new.reason) <= 100 AND length(new.detail) <= 10000) IS NOT TRUE THEN
        PERFORM candlepost_refuse('queue, reason and detail have a limit');
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER quarantine_check BEFORE INSERT OR UPDATE ON quarantine FOR EACH ROW EXECUTE FUNCTION quarantine_check();

CREATE FUNCTION quarantine_check_resolved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT candlepost_is_owner() AND NOT EXISTS (
        SELECT FROM quarantine_acts WHERE quarantine_id = new.id AND acted_at = new.resolved_at) THEN
        PERFORM candlepost_refuse(format('message %s leaves quarantine by an act, and by nothing else', new.id));
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER quarantine_check_resolved AFTER UPDATE OF resolution ON quarantine
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
    WHEN (new.resolution IS DISTINCT FROM old.resolution) EXECUTE FUNCTION quarantine_check_resolved();

CREATE FUNCTION quarantine_check_act() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.acted_by := candlepost_actor(new.acted_by);
    IF candlepost_is_owner() THEN
        RETURN new;
    END IF;
    IF new.act <> 'retried' AND NOT candlepost_may_act() THEN
        PERFORM candlepost_refuse('this act is for operators only');
    END IF;
    IF (length(new.outcome) <= 10000 AND coalesce(length(new.why) <= 10000, true)) IS NOT TRUE THEN
        PERFORM candlepost_refuse('outcome and reason have a limit');
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER quarantine_check_act BEFORE INSERT ON quarantine_acts FOR EACH ROW EXECUTE FUNCTION quarantine_check_act();

CREATE FUNCTION outbox_check_pruned() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    new.pruned_by := candlepost_actor(new.pruned_by);
    RETURN new;
END $$;

CREATE TRIGGER outbox_check_pruned BEFORE INSERT ON outbox_pruned FOR EACH ROW EXECUTE FUNCTION outbox_check_pruned();

-- How many ids are wide enough for a partition: a sixth of those that were drawn for what is still in the log. So a
-- retention has some tens of partitions, whatever the rate, and cost does not grow with what is kept.
CREATE FUNCTION outbox_partition_width() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT least(10000000000, greatest(5000000, (
        s.last_value - coalesce((SELECT min(from_id) FROM outbox_partitions), 1)
        - coalesce((SELECT sum(least(g.upto_id, s.last_value) - g.from_id) FROM outbox_gaps g WHERE g.from_id < s.last_value), 0)
        )::bigint / 6))
    FROM outbox_id_seq s
$$;

-- How many ids are kept ready beyond the last one drawn.
CREATE FUNCTION outbox_ids_wanted() RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT greatest(10000000, outbox_partition_width())
$$;

-- Makes partitions until at least `ahead` ids are free beyond the last one drawn; returns how many it made. Both arguments
-- follow the rate where they are not given. A new partition is built beside the log and attached, so that neither writers nor
-- relays wait for it.
CREATE OR REPLACE FUNCTION outbox_make_partitions(ahead bigint DEFAULT NULL, width bigint DEFAULT NULL)
RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    next_id bigint;
    upper_bound bigint;
    partition text;
    made integer := 0;
BEGIN
    IF (coalesce(ahead BETWEEN 0 AND 1000000000000 AND width BETWEEN 1 AND 1000000000000, true)) IS NOT TRUE
        OR (NOT candlepost_is_owner() AND (ahead NOT BETWEEN 0 AND 100000000 OR width < 5000000)) THEN
        RAISE EXCEPTION 'partitions for % ids ahead, of % ids each, are out of range', ahead, width
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM set_config('lock_timeout', '20s', true);
    PERFORM pg_advisory_xact_lock(hashtext('candlepost.outbox_make_partitions'));
    ahead := coalesce(ahead, outbox_ids_wanted());
    width := CASE WHEN candlepost_is_owner() THEN coalesce(width, outbox_partition_width()) ELSE outbox_partition_width() END;
    SELECT last_value INTO next_id FROM outbox_id_seq;
    LOOP
        SELECT coalesce(max(upto_id), 1) INTO upper_bound FROM outbox_partitions;
        EXIT WHEN upper_bound - next_id >= ahead;
        partition := format('outbox_from_%s', upper_bound);
        EXECUTE format('CREATE TABLE %I (LIKE outbox INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', partition);
        PERFORM outbox_share_partition(partition::regclass);
        EXECUTE format('ALTER TABLE outbox ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)',
                       partition, upper_bound, greatest(upper_bound, next_id) + width);
        made := made + 1;
    END LOOP;
    RETURN made;
END $$;

-- The bounds of what a role may ask for; the work is done by the functions of 0010.
ALTER FUNCTION outbox_close_partition RENAME TO outbox_close_partition_now;
ALTER FUNCTION outbox_prune RENAME TO outbox_prune_now;

CREATE FUNCTION outbox_close_partition(age interval) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF (age >= interval '15 minutes') IS NOT TRUE AND NOT candlepost_is_owner() THEN
        RAISE EXCEPTION 'a partition is closed after 15 minutes at least, not after %', age
            USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN outbox_close_partition_now(age);
END $$;

CREATE FUNCTION outbox_prune(retention interval, by_whom text)
RETURNS TABLE (partition_name text, first_id bigint, end_id bigint, row_count bigint, kept text) LANGUAGE plpgsql AS $$
BEGIN
    IF (retention >= interval '1 hour') IS NOT TRUE AND NOT candlepost_is_owner() THEN
        RAISE EXCEPTION 'rows are kept for an hour at least, not for %', retention USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY SELECT * FROM outbox_prune_now(retention, by_whom);
END $$;

-- Which sessions of the caller's role have waited for a lock for longer than `least_wait`, and who holds it, as far as
-- PostgreSQL tells: for a prepared transaction, which has no session, the process is 0.
CREATE FUNCTION candlepost_waits(least_wait interval) RETURNS TABLE (
    waiting_pid integer, waiting_application text, seconds double precision, holder_pid integer, holder_role text,
    holder_application text
) LANGUAGE sql AS $$
    SELECT w.pid, w.application_name, extract(epoch FROM clock_timestamp() - l.waitstart)::double precision, h.pid,
           b.usename::text, b.application_name
    FROM pg_locks l
    JOIN pg_stat_activity w ON w.pid = l.pid AND w.usename = session_user AND w.datname = current_database()
    CROSS JOIN LATERAL unnest(pg_blocking_pids(l.pid)) AS h(pid)
    LEFT JOIN pg_stat_activity b ON b.pid = h.pid
    WHERE NOT l.granted AND l.waitstart < clock_timestamp() - least_wait
$$;

-- Who could call the functions that were renamed may call what is before them now.
DO $$
DECLARE
    was record;
BEGIN
    FOR was IN
        SELECT p.proname, a.grantee::regrole AS role FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid IN ('outbox_close_partition_now'::regproc, 'outbox_prune_now'::regproc) AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %I FROM %s', was.proname, was.role);
        EXECUTE format('GRANT EXECUTE ON FUNCTION %I TO %s', left(was.proname, -4), was.role);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION candlepost_functions() RETURNS SETOF regprocedure LANGUAGE sql STABLE AS $$
    SELECT p.oid::regprocedure FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
    WHERE n.nspname = current_schema() AND p.proname ~ '^(outbox|candlepost|markets|quarantine)_'
$$;

-- Triggers look at what their caller may not see.
DO $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
        IF function::text ~ '_check' THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER', function);
        END IF;
    END LOOP;
END $$;

-- Its plan is made once and kept: planned while the log was small, it could read all of it at each entry.
ALTER FUNCTION outbox_check_deliveries SET enable_seqscan = off;
ALTER FUNCTION outbox_check_deliveries SET enable_bitmapscan = off;
ALTER FUNCTION outbox_check_deliveries SET jit = off;
ALTER FUNCTION outbox_check_deliveries SET plan_cache_mode = force_generic_plan;

ALTER FUNCTION outbox_make_partitions SECURITY DEFINER;
ALTER FUNCTION outbox_close_partition SECURITY DEFINER;
ALTER FUNCTION outbox_prune SECURITY DEFINER;
ALTER FUNCTION outbox_ids_wanted SECURITY DEFINER;
