-- Tables of records as hypertables, in a database that has the extension timescaledb. Nothing here needs it: where it is not, all is
-- as before.

-- How a table of records lies: 'plain' in one piece, 'partitions' of PostgreSQL itself, or a 'hypertable'.
CREATE FUNCTION records_layout(its regclass) RETURNS text LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF (SELECT relkind = 'p' FROM pg_class WHERE oid = its) THEN
        RETURN 'partitions';
    END IF;
    IF to_regclass('timescaledb_information.hypertables') IS NOT NULL THEN
        IF EXISTS (SELECT FROM timescaledb_information.hypertables h JOIN pg_class c ON c.relname = h.hypertable_name
                   WHERE c.oid = its AND c.relnamespace::regnamespace::text = quote_ident(h.hypertable_schema)) THEN
            RETURN 'hypertable';
        END IF;
    END IF;
    RETURN 'plain';
END $$;

-- The chunks of a hypertable are partitions, too. Their bounds stand in a condition of each. What has digits only is no time, but a
-- bound of the log, which the server may look at first.
CREATE OR REPLACE VIEW record_partitions AS
SELECT t.relation, c.oid AS partition, c.relname AS name,
       coalesce((regexp_match(b.bound, '(?:FROM \(|>= )''([^'']*[^0-9''][^'']*)'''))[1]::timestamptz, '-infinity') AS from_time,
       coalesce((regexp_match(b.bound, '(?:TO \(|< )''([^'']*[^0-9''][^'']*)'''))[1]::timestamptz, 'infinity') AS upto_time
FROM record_tables t JOIN pg_inherits i ON i.inhparent = t.relation::regclass JOIN pg_class c ON c.oid = i.inhrelid
CROSS JOIN LATERAL (
    SELECT CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid)
                ELSE (SELECT pg_get_constraintdef(k.oid) FROM pg_constraint k
                      WHERE k.conrelid = c.oid AND k.contype = 'c' AND k.conname ~ '^constraint_[0-9]+$'
                      ORDER BY k.oid LIMIT 1) END) AS b(bound);

-- Partitions whose rows, or some of them, lie in a columnstore: what is read by places on disk misses these.
CREATE FUNCTION records_columnar_partitions() RETURNS SETOF oid LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF to_regclass('timescaledb_information.chunks') IS NOT NULL THEN
        RETURN QUERY SELECT p.partition FROM record_partitions p
                     JOIN pg_class c ON c.oid = p.partition JOIN pg_namespace n ON n.oid = c.relnamespace
                     JOIN timescaledb_information.chunks k ON k.chunk_schema = n.nspname AND k.chunk_name = c.relname
                     WHERE k.is_compressed;
    END IF;
END $$;

-- Rights of one table for another.
CREATE FUNCTION records_copy_rights(source regclass, target regclass) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    item record;
BEGIN
    FOR item IN
        SELECT a.privilege_type AS verb, '' AS columns, a.grantee, a.is_grantable FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = source AND a.grantee <> c.relowner
        UNION ALL SELECT a.privilege_type, format(' (%I)', t.attname), a.grantee, a.is_grantable
        FROM pg_attribute t, aclexplode(t.attacl) a WHERE t.attrelid = source AND NOT t.attisdropped
    LOOP
        EXECUTE format('GRANT %s%s ON %s TO %s%s', item.verb, item.columns, target,
                       CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE item.grantee::regrole::text END,
                       CASE WHEN item.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END);
    END LOOP;
END $$;

-- The time of the oldest record, by one walk down the key for each market.
CREATE FUNCTION records_oldest(its regclass) RETURNS timestamptz LANGUAGE plpgsql STABLE AS $$
DECLARE
    oldest timestamptz;
BEGIN
    EXECUTE format('
        WITH RECURSIVE firsts AS (
            (SELECT market_id, interval_start FROM %1$s ORDER BY market_id, interval_start LIMIT 1)
            UNION ALL
            SELECT later.* FROM firsts f CROSS JOIN LATERAL (
                SELECT r.market_id, r.interval_start FROM %1$s r WHERE r.market_id > f.market_id
                ORDER BY r.market_id, r.interval_start LIMIT 1) later)
        SELECT min(interval_start) FROM firsts', its)
    INTO oldest;
    RETURN oldest;
END $$;

-- Whether tables of records are to be hypertables: the extension was made in this database, and nobody has said
-- `ALTER DATABASE … SET candlepost.hypertables = off`.
CREATE FUNCTION records_wants_hypertables() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'timescaledb')
           AND coalesce(current_setting('candlepost.hypertables', true), '') NOT IN ('off', 'false', 'no', '0')
$$;

-- Puts a hypertable in the place of a table with partitions, which the caller holds. Partitions become chunks as they are; those that
-- have no records are dropped, as chunks are made when they are wanted.
CREATE FUNCTION records_replace_by_hypertable(its_relation text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    extension regnamespace := (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb');
    its regclass := its_relation::regclass;
    its_owner regrole := (SELECT relowner FROM pg_class WHERE oid = its);
    its_period text := (SELECT t.period FROM record_tables t WHERE t.relation = its_relation);
    parts oid[] := ARRAY(SELECT p.partition FROM record_partitions p WHERE p.relation = its_relation ORDER BY p.from_time);
    bounds timestamptz[] := ARRAY(SELECT unnest(ARRAY[p.from_time, p.upto_time]) FROM record_partitions p
                                  WHERE p.relation = its_relation ORDER BY p.from_time);
    views text[] := ARRAY(SELECT again FROM records_views_of(its));
    view text;
    index regclass;
    is_filled boolean;
    from_time timestamptz;
BEGIN
    EXECUTE format('ALTER TABLE %I RENAME TO %I', its_relation, its_relation || '_before');
    FOR index IN SELECT indexrelid FROM pg_index WHERE indrelid = its LOOP
        EXECUTE format('ALTER INDEX %s RENAME TO %I', index, 'records_before_' || index::oid);
    END LOOP;
    EXECUTE format('CREATE TABLE %I (LIKE %s INCLUDING ALL)', its_relation, its);
    IF its_owner <> current_user::regrole THEN
        EXECUTE format('ALTER TABLE %I OWNER TO %s', its_relation, its_owner);
    END IF;
    PERFORM records_copy_rights(its, its_relation::regclass);
    FOREACH view IN ARRAY views LOOP
        EXECUTE view;
    END LOOP;
    EXECUTE format('SELECT %s.create_hypertable(%L, %L, chunk_time_interval => %L::interval, create_default_indexes => false)',
                   extension, its_relation, 'interval_start', '1 ' || its_period);
    FOR n IN 1..cardinality(parts) LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', parts[n]::regclass) INTO is_filled;
        CONTINUE WHEN NOT is_filled;
        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s', its, parts[n]::regclass);
        IF bounds[2 * n] = 'infinity' THEN
            EXECUTE format('INSERT INTO %I SELECT * FROM %s', its_relation, parts[n]::regclass);
            EXECUTE format('DROP TABLE %s', parts[n]::regclass);
            CONTINUE;
        END IF;
        from_time := bounds[2 * n - 1];
        IF from_time = '-infinity' THEN
            from_time := records_period_after(its_period, records_oldest(parts[n]::regclass), 0);
        END IF;
        EXECUTE format('CALL %s.attach_chunk(%L, %L, %L)', extension, its_relation, parts[n]::regclass,
                       jsonb_build_object('interval_start', jsonb_build_array(from_time::text, (bounds[2 * n])::text)));
        PERFORM records_share_partition(its_relation::regclass, parts[n]::regclass);
    END LOOP;
    EXECUTE format('DROP TABLE %s', its);
END $$;

-- Makes a table with partitions a hypertable; returns why not, or NULL. Writers wait while TimescaleDB looks at each record's time
-- once (a second for each 10 million or so): `most_bytes` is how much there may be to look at.
CREATE FUNCTION records_become_hypertable(its_relation text, most_bytes bigint DEFAULT NULL) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    extension regnamespace := (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb');
    bytes bigint;
    last_rows bigint;
BEGIN
    IF extension IS NULL THEN
        RETURN 'the extension timescaledb is not in this database';
    END IF;
    IF records_layout(its_relation::regclass) <> 'partitions' THEN
        RETURN format('it has no partitions, but is %s', records_layout(its_relation::regclass));
    END IF;
    SELECT sum(pg_relation_size(p.partition)) INTO bytes FROM record_partitions p WHERE p.relation = its_relation;
    IF bytes > 0 AND (to_regprocedure(extension || '.attach_chunk(regclass,regclass,jsonb)') IS NULL
                      OR current_setting('timescaledb.license', true) = 'apache') THEN
        RETURN 'it has records, and taking partitions as chunks needs TimescaleDB 2.21 or newer, community edition';
    END IF;
    IF bytes > most_bytes THEN
        RETURN format('writers would wait while %s are read; if they may: SELECT records_become_hypertable(''%s'')',
                      pg_size_pretty(bytes), its_relation);
    END IF;
    PERFORM set_config('lock_timeout', '100ms', true);
    FOR try IN 1..600 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', its_relation);
            EXECUTE format('SELECT count(*) FROM (SELECT FROM %I LIMIT 20001) beyond', its_relation || '_last') INTO last_rows;
            IF last_rows > 20000 THEN
                RETURN format('%s_last has more than 20000 records: relays move them when there are partitions for them', its_relation);
            END IF;
            PERFORM records_replace_by_hypertable(its_relation);
            RETURN NULL;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.4);
        END;
    END LOOP;
    RETURN 'it is being read all the time: run it again later';
END $$;

-- As before, and then a hypertable where that is wanted.
ALTER FUNCTION records_adopt RENAME TO records_adopt_as_partitions;

CREATE FUNCTION records_adopt(its_relation text) RETURNS TABLE (progress text, detail text) LANGUAGE plpgsql AS $$
DECLARE
    obstacle text;
BEGIN
    progress := 'done';
    IF records_layout(its_relation::regclass) = 'plain' THEN
        SELECT a.progress, a.detail INTO progress, detail FROM records_adopt_as_partitions(its_relation) a;
    END IF;
    IF progress = 'done' AND records_layout(its_relation::regclass) = 'partitions' AND records_wants_hypertables() THEN
        -- Half a gigabyte is looked at in half a second.
        obstacle := records_become_hypertable(its_relation, 536870912);
        detail := CASE WHEN obstacle IS NULL THEN format('%s is a hypertable with chunks of a %s', its_relation,
                                                 (SELECT t.period FROM record_tables t WHERE t.relation = its_relation))
                       ELSE format('%s stays with partitions of PostgreSQL itself: %s', its_relation, obstacle) END;
    END IF;
    RETURN NEXT;
END $$;

-- Another length of partitions holds for chunks that are made later, too.
CREATE FUNCTION records_follow_period() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF records_layout(new.relation::regclass) = 'hypertable' THEN
        EXECUTE format('SELECT %s.set_chunk_time_interval(%L, %L::interval)',
                       (SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'timescaledb'), new.relation,
                       '1 ' || new.period);
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER records_follow_period AFTER UPDATE OF period ON record_tables
    FOR EACH ROW WHEN (new.period <> old.period) EXECUTE FUNCTION records_follow_period();

-- A backfill needs no room made for it where chunks are made as records come.
ALTER FUNCTION records_make_room RENAME TO records_make_room_in_partitions;

CREATE FUNCTION records_make_room(kind text, since timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM record_tables t WHERE t.record_type = kind AND records_layout(t.relation::regclass) = 'hypertable') THEN
        RETURN 0;
    END IF;
    RETURN records_make_room_in_partitions(kind, since);
END $$;

-- What is old goes by whole chunks. They are noted first, and counted and dropped one by one: TimescaleDB can't detach those that
-- are in its columnstore.
ALTER FUNCTION records_detach RENAME TO records_detach_partitions;

CREATE FUNCTION records_detach(kind text, retention interval, by_whom text, OUT detached integer, OUT kept text)
LANGUAGE plpgsql AS $$
DECLARE
    its_relation text := (SELECT t.relation FROM record_tables t WHERE t.record_type = kind);
    part record;
    is_old boolean;
BEGIN
    IF records_layout(its_relation::regclass) <> 'hypertable' THEN
        SELECT d.detached, d.kept INTO detached, kept FROM records_detach_partitions(kind, retention, by_whom) d;
        RETURN;
    END IF;
    IF (retention >= interval '1 day') IS NOT TRUE AND NOT candlepost_is_owner() THEN
        RAISE EXCEPTION 'records are kept for a day at least, not for %', retention USING ERRCODE = 'invalid_parameter_value';
    END IF;
    detached := 0;
    IF NOT pg_try_advisory_xact_lock(hashtext('candlepost.records_detach')) THEN
        RETURN;
    END IF;
    FOR part IN
        SELECT p.* FROM record_partitions p
        WHERE p.relation = its_relation AND p.upto_time <= now() - retention
          AND NOT EXISTS (SELECT FROM records_pruned r WHERE r.relation = p.relation AND r.partition = p.name AND r.rows IS NULL)
        ORDER BY p.from_time
    LOOP
        -- What came late has a chunk of its own, which goes a day later and not with each record that comes.
        EXECUTE format('SELECT EXISTS (SELECT FROM %1$s WHERE created_at < now() - interval ''1 day'')
                               OR NOT EXISTS (SELECT FROM %1$s)', part.partition::regclass) INTO is_old;
        CONTINUE WHEN NOT is_old;
        INSERT INTO records_pruned (relation, partition, from_time, upto_time, pruned_by)
        VALUES (its_relation, part.name, part.from_time, part.upto_time, candlepost_actor(by_whom));
        detached := detached + 1;
    END LOOP;
END $$;

-- Counts and drops one chunk that was noted; returns how many records it had. While it is counted it is read as ever, and only what
-- would be stored in it waits.
CREATE FUNCTION records_drop_chunk(pruned_id bigint) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    extension regnamespace := (SELECT extnamespace FROM pg_extension WHERE extname = 'timescaledb');
    pruned records_pruned := (SELECT r FROM records_pruned r WHERE r.id = pruned_id);
    chunk regclass := (SELECT p.partition FROM record_partitions p WHERE p.relation = pruned.relation AND p.name = pruned.partition);
    row_count bigint := 0;
BEGIN
    PERFORM set_config('lock_timeout', '100ms', true);
    IF chunk IS NOT NULL THEN
        EXECUTE format('LOCK TABLE ONLY %s IN SHARE ROW EXCLUSIVE MODE', chunk);
        EXECUTE format('SELECT count(*) FROM %s', chunk) INTO row_count;
    END IF;
    -- What came between the note and the lock goes, too.
    UPDATE records_pruned SET detached_at = clock_timestamp() WHERE id = pruned_id;
    FOR try IN 1..20 LOOP
        BEGIN
            EXECUTE format('SELECT %s.drop_chunks(%L, older_than => %L::timestamptz, newer_than => %s)', extension, pruned.relation,
                           pruned.upto_time, CASE WHEN isfinite(pruned.from_time) THEN format('%L::timestamptz', pruned.from_time)
                                                  ELSE 'NULL' END);
            RETURN row_count;
        EXCEPTION WHEN lock_not_available THEN
            PERFORM pg_sleep(0.2);
        END;
    END LOOP;
    RAISE EXCEPTION 'the chunk % is being read: it stays for now', pruned.partition USING ERRCODE = 'lock_not_available';
END $$;

-- As in 0017, with chunks.
CREATE OR REPLACE FUNCTION records_drop_detached() RETURNS TABLE (partition_name text, row_count bigint) LANGUAGE plpgsql AS $$
DECLARE
    pruned record;
    its regclass;
BEGIN
    SELECT * INTO pruned FROM records_pruned WHERE rows IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    partition_name := pruned.partition;
    its := to_regclass('records_pruned_' || pruned.id);
    IF its IS NULL AND records_layout(pruned.relation::regclass) = 'hypertable' THEN
        row_count := records_drop_chunk(pruned.id);
    ELSE
        EXECUTE format('SELECT count(*) FROM %I', 'records_pruned_' || pruned.id) INTO row_count;
    END IF;
    UPDATE records_pruned SET rows = row_count, dropped_at = now() WHERE id = pruned.id;
    DELETE FROM record_revisions
    WHERE record_type = (SELECT t.record_type FROM record_tables t WHERE t.relation = pruned.relation)
      AND interval_start >= pruned.from_time AND interval_start < pruned.upto_time
      AND stored_at <= (SELECT r.detached_at FROM records_pruned r WHERE r.id = pruned.id);
    IF its IS NOT NULL THEN
        PERFORM set_config('lock_timeout', '5s', true);
        EXECUTE format('DROP TABLE %s', its);
    END IF;
    RETURN NEXT;
END $$;

-- As in 0017, with hypertables; and how the tables lie where nothing is wrong.
CREATE OR REPLACE FUNCTION records_report() RETURNS TABLE (is_fine boolean, finding text) LANGUAGE plpgsql STABLE AS $$
DECLARE
    its record;
    is_filled boolean;
BEGIN
    FOR its IN
        SELECT t.relation, c.oid, records_layout(c.oid) AS layout FROM record_tables t JOIN pg_class c ON c.oid = t.relation::regclass
    LOOP
        is_fine := false;
        IF its.layout = 'plain' THEN
            finding := format('%s has no partitions: `writer migrate` makes them%s', its.relation,
                              coalesce(', but for ' || records_obstacle(its.oid), ''));
            RETURN NEXT;
        ELSIF its.layout = 'partitions' THEN
            EXECUTE format('SELECT EXISTS (SELECT FROM %I)', its.relation || '_last') INTO is_filled;
            IF is_filled THEN
                finding := format('%s_last has records for which there is no partition of their time yet', its.relation);
                RETURN NEXT;
            END IF;
        ELSIF EXISTS (SELECT FROM timescaledb_information.jobs j
                      WHERE j.proc_name = 'policy_retention' AND j.hypertable_name = its.relation
                        AND j.hypertable_schema = current_schema()) THEN
            finding := format('%s has a retention policy of TimescaleDB, of whose drops `relay verify` knows nothing: '
                              'SELECT remove_retention_policy(''%1$s''), and use RECORD_RETENTION', its.relation);
            RETURN NEXT;
        END IF;
    END LOOP;
    RETURN QUERY
    SELECT true, format(CASE l.layout WHEN 'hypertable' THEN '%s hypertables with %s chunks'
                                      WHEN 'partitions' THEN '%s tables with %s partitions' ELSE '%s tables in one piece' END,
                        count(DISTINCT l.relation), count(p.partition))
    FROM (SELECT t.relation, records_layout(t.relation::regclass) AS layout FROM record_tables t) l
    LEFT JOIN record_partitions p ON p.relation = l.relation
    GROUP BY l.layout ORDER BY l.layout;
END $$;

-- Locks records in the order of their keys, as in every writer.
CREATE FUNCTION records_lock(its regclass, markets integer[], starts timestamptz[], ends timestamptz[]) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    key record;
BEGIN
    EXECUTE format('SELECT FROM %s r JOIN (
                        SELECT DISTINCT * FROM unnest($1, $2, $3) AS k(m, s, e)) wanted
                        ON r.market_id = m AND r.interval_start = s AND r.interval_end = e
                            AND r.interval_start BETWEEN $4 AND $5
                    ORDER BY m, s, e FOR UPDATE OF r', its)
    USING markets, starts, ends, (SELECT min(s) FROM unnest(starts) AS s), (SELECT max(s) FROM unnest(starts) AS s);
EXCEPTION WHEN feature_not_supported THEN
    -- Some are in a columnstore, where rows can't be locked: a change that changes nothing takes them out of it.
    FOR key IN SELECT DISTINCT * FROM unnest(markets, starts, ends) AS k(m, s, e) ORDER BY m, s, e LOOP
        EXECUTE format('UPDATE %s SET revision = revision WHERE market_id = $1 AND interval_start = $2 AND interval_end = $3', its)
        USING key.m, key.s, key.e;
    END LOOP;
END $$;

-- As in 0017, with locks that a columnstore takes.
CREATE OR REPLACE FUNCTION records_revise(
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
    -- From here on each statement sees what others committed before.
    PERFORM records_lock(its_table, markets, starts, ends);
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

-- The one of before goes on doing what it did.
ALTER FUNCTION candlepost_grant RENAME TO candlepost_grant_before_hypertables;

CREATE FUNCTION candlepost_grant(part text, role regrole) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM candlepost_grant_before_hypertables(part, role);
    IF part IN ('auditor', 'console') THEN
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_columnar_partitions TO %s', role);
    END IF;
END $$;

-- What each migration that makes functions ends with: they find our tables only, and nobody may call them who was not given them.
CREATE FUNCTION candlepost_close_functions() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    function regprocedure;
BEGIN
    FOR function IN SELECT candlepost_functions() LOOP
        EXECUTE format('ALTER FUNCTION %s SET search_path = %I, pg_temp', function, current_schema());
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', function);
    END LOOP;
END $$;

DO $$
DECLARE
    role regrole;
BEGIN
    -- Roles that had a part in what has another name now.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_proc p, aclexplode(p.proacl) a
        WHERE p.oid = 'records_detach_partitions'::regproc AND a.grantee NOT IN (0, p.proowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_detach TO %1$s;
                        REVOKE EXECUTE ON FUNCTION records_detach_partitions FROM %1$s', role);
    END LOOP;
    PERFORM candlepost_close_functions();
    -- Roles that read everything already.
    FOR role IN
        SELECT a.grantee::regrole FROM pg_class c, aclexplode(c.relacl) a
        WHERE c.oid = 'pruned_rows'::regclass AND a.privilege_type = 'SELECT' AND a.grantee NOT IN (0, c.relowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION records_columnar_partitions TO %s', role);
    END LOOP;
END $$;

ALTER FUNCTION records_detach SECURITY DEFINER;
ALTER FUNCTION records_drop_detached SECURITY DEFINER;
ALTER FUNCTION records_report SECURITY DEFINER;
ALTER FUNCTION records_revise SECURITY DEFINER;
