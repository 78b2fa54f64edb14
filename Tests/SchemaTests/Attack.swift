/// Something that a role tries in SQL.
struct Attack: Sendable, CustomStringConvertible {
    /// What the role was granted; `nobody`: that it may connect.
    let part: String
    let sql: String
    /// The SQLSTATE that refuses it.
    let sqlstate: String

    var description: String { "\(part): \(sql)" }

    /// One line each: `sqlstate sql`.
    private static func lines(_ part: String, _ text: String) -> [Attack] {
        text.split(separator: "\n").map {
            Attack(part: part, sql: String($0.dropFirst(6)), sqlstate: String($0.prefix(5)))
        }
    }

    /// Lasting harm: none of these may change a row, a right or an object.
    static let all: [Attack] =
        lines("writer", writer) + lines("relay", relay) + lines("operator", `operator`)
        + ["writer", "relay", "operator", "auditor", "console", "nobody"].flatMap { lines($0, anybody) }
        + ["writer", "auditor", "console", "nobody"].flatMap { lines($0, ledger) }
        + ["auditor", "console", "nobody"].flatMap { lines($0, reader) }

    private static let outbox = "INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body"

    private static let writer = """
        22023 SELECT outbox_make_partitions(9100000000000000000, 4600000000000000000)
        22023 SELECT outbox_make_partitions(9100000000000000000)
        22023 SELECT outbox_make_partitions(1000000000)
        22023 SELECT outbox_make_partitions(-1)
        55000 SELECT outbox_arrive(9000000000000000000)
        55000 SELECT outbox_arrive(100000000)
        22023 SELECT outbox_make_partitions(20000000, 1)
        22023 SELECT outbox_make_partitions(NULL, 1)
        22023 SELECT outbox_make_partitions(NULL, -5000000)
        42501 \(outbox), id) VALUES (9, 'Trade', 1, 'epoch', 'epoch', '', 9000000000000000000)
        42501 \(outbox), id) OVERRIDING SYSTEM VALUE VALUES (9, 'Trade', 1, 'epoch', 'epoch', '', 1)
        42501 \(outbox), created_at) VALUES (9, 'Trade', 1, 'epoch', 'epoch', '', 'infinity')
        42501 \(outbox)) VALUES (8, 'Trade', 1, 'epoch', 'epoch', '')
        42501 \(outbox)) VALUES (16, 'Trade', 1, 'epoch', 'epoch', '')
        42501 \(outbox)) VALUES (0, 'Trade', 0, 'epoch', 'epoch', '')
        42501 \(outbox)) VALUES (0, 'Trade', -1, 'epoch', 'epoch', '')
        42501 INSERT INTO outbox_from_1 SELECT * FROM outbox
        42501 INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts, created_at) VALUES (9, 'epoch', 'epoch', '{}', 'infinity')
        42501 INSERT INTO trades (market_id, interval_start, interval_end, trades_info, created_at) VALUES (9, 'epoch', 'epoch', '{}', '-infinity')
        42501 INSERT INTO tickers (market_id, interval_start, interval_end, created_at) VALUES (9, 'epoch', 'epoch', 'epoch')
        42501 UPDATE candle_sticks SET charts = '{}'
        42501 DELETE FROM candle_sticks
        42501 TRUNCATE candle_sticks
        23514 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', -1, -1, 0, 0)
        23514 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 2, 0, -1)
        23514 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 1, 1, 0)
        23514 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined, received_at) VALUES ('w', 1, 1, 0, 0, 'infinity')
        23514 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES (repeat('w', 1000), 1, 1, 0, 0)
        42501 INSERT INTO ingest_batches (id, writer, received, stored, duplicate, quarantined) OVERRIDING SYSTEM VALUE VALUES (9000000000000000000, 'w', 1, 1, 0, 0)
        42501 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined, committed_at) VALUES ('w', 1, 1, 0, 0, 'infinity')
        42501 UPDATE ingest_batches SET stored = 0
        42501 DELETE FROM ingest_batches
        42501 INSERT INTO quarantine (id, queue, reason, detail, body) OVERRIDING SYSTEM VALUE VALUES (9000000000000000000, 'q', 'r', '', '')
        42501 INSERT INTO quarantine (queue, reason, detail, body, received_at) VALUES ('q', 'r', '', '', '-infinity')
        42501 INSERT INTO quarantine (queue, reason, detail, body, resolved_at, resolution) VALUES ('q', 'r', '', '', now(), 'stored')
        42501 INSERT INTO quarantine (queue, reason, detail, body) VALUES ('q', 'r', repeat('x', 100000), '')
        42501 UPDATE quarantine SET resolved_at = now(), resolution = 'stored' WHERE id = 1
        42501 UPDATE quarantine SET resolved_at = now(), resolution = 'discarded' WHERE id = 1
        42501 UPDATE quarantine SET resolved_at = NULL, resolution = NULL WHERE id = 2
        42501 UPDATE quarantine SET resolution = 'stored' WHERE id = 2
        42501 UPDATE quarantine SET attempts = -1 WHERE id = 1
        42501 UPDATE quarantine SET attempts = 2000000000 WHERE id = 1
        42501 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, body) VALUES (1, 'edited', '', '', '')
        42501 UPDATE quarantine SET body = ''
        428C9 UPDATE quarantine SET id = 9
        42501 DELETE FROM quarantine
        42501 WITH x AS (UPDATE quarantine SET resolved_at = now(), resolution = 'discarded' WHERE id = 1 RETURNING id) INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by) SELECT id, 'retried', '', '' FROM x
        42501 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by) VALUES (1, 'discarded', '', 'somebody')
        42501 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by) VALUES (1, 'requeued', '', 'somebody')
        42501 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, acted_at) VALUES (1, 'retried', '', 'somebody', 'epoch')
        23503 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by) VALUES (99, 'retried', '', 'somebody')
        42501 INSERT INTO conflicting_duplicates (record_type, market_id, interval_start, interval_end, payload, received_at) VALUES ('Trade', 1, 'epoch', 'epoch', '', 'infinity')
        42501 DELETE FROM conflicting_duplicates
        42501 SELECT outbox_close_partition('-1 day')
        42501 SELECT * FROM outbox_prune('1 day', '')
        42501 INSERT INTO markets (id, exchange_id, external_market_id, symbol) VALUES (99, 1, '', '')
        42501 UPDATE markets SET active = false
        42501 SELECT FROM outbox
        """

    private static let deliveries = "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay"
    private static let exceptions = "INSERT INTO outbox_exceptions (outbox_id, lane, state"

    private static let relay = """
        42501 \(deliveries)) VALUES (9, 2, 9000000000000000000, 3, 'r')
        42501 \(deliveries)) VALUES (9, 2, 6, 3, 'r')
        42501 \(deliveries)) VALUES (9, 2, 5, 2, 'r')
        42501 \(deliveries)) VALUES (9, 2, 5, 0, 'r')
        42501 \(deliveries)) VALUES (9, 2, 5, 2000000000, 'r')
        42501 \(deliveries)) VALUES (9, 3, 5, 2, 'r')
        42501 \(deliveries)) VALUES (9, 1, 5, 4, 'r')
        23505 \(deliveries)) VALUES (9, 0, 5, 5, 'r')
        42501 \(deliveries)) VALUES (8, 0, 5, 0, 'r')
        42501 \(deliveries)) VALUES (8, 0, 9000000000000000000, 0, 'r')
        42501 \(deliveries)) VALUES (16, 0, 5, 0, 'r')
        42501 \(deliveries)) VALUES (-1, -5, 5, 0, 'r')
        42501 \(deliveries)) VALUES (9, 2, 3, 1, 'r'), (9, 4, 5, 1, 'r')
        23514 \(deliveries)) VALUES (9, 2, 2, 0, 'r')
        42501 \(deliveries)) VALUES (9, 2, 5, 3, repeat('r', 1000))
        42501 \(deliveries), published_at) VALUES (9, 2, 5, 3, 'r', 'infinity')
        42501 \(deliveries), published_at) VALUES (9, 2, 5, 3, 'r', now() + interval '1 day')
        42501 \(deliveries), published_at) VALUES (9, 2, 5, 3, 'r', '-infinity')
        42501 \(deliveries), confirmed_at) VALUES (9, 2, 5, 3, 'r', 'infinity')
        42501 \(deliveries), attempt) VALUES (9, 2, 5, 3, 'r', 7)
        42501 UPDATE outbox_deliveries SET upto_id = 9000000000000000000
        42501 DELETE FROM outbox_deliveries
        42501 TRUNCATE outbox_deliveries
        42501 \(exceptions)) VALUES (4, 9, 'superseded')
        42501 \(exceptions)) SELECT id, lane, 'superseded' FROM outbox WHERE id = 4
        42501 \(exceptions)) VALUES (1, 9, 'parked')
        42501 \(exceptions)) VALUES (9000000000000000000, 9, 'parked')
        42501 \(exceptions)) VALUES (4, 8, 'parked')
        42501 \(exceptions)) VALUES (4, 16, 'parked')
        23514 \(exceptions)) VALUES (4, 9, 'published')
        42501 \(exceptions), attempts) VALUES (4, 9, 'parked', -1)
        42501 \(exceptions), last_error) VALUES (4, 9, 'parked', repeat('x', 100000))
        42501 \(exceptions), published_at) VALUES (4, 9, 'parked', now())
        42501 \(exceptions), recorded_at) VALUES (4, 9, 'parked', 'infinity')
        42501 UPDATE outbox_exceptions SET state = 'superseded'
        42501 UPDATE outbox_exceptions SET attempts = 2000000000
        42501 UPDATE outbox_exceptions SET published_at = NULL WHERE outbox_id = 2
        42501 UPDATE outbox_exceptions SET relay = repeat('x', 1000) WHERE outbox_id = 3
        42501 DELETE FROM outbox_exceptions
        42501 INSERT INTO lane_owners (lane, relay) VALUES (99, 'r')
        42501 INSERT INTO lane_owners (lane, relay) VALUES (1, repeat('x', 1000))
        42501 INSERT INTO lane_owners (lane, relay, claimed_at) VALUES (1, 'r', 'infinity')
        42501 UPDATE lane_owners SET lane = 3
        42501 DELETE FROM lane_owners
        42501 INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll) VALUES ('r', '-infinity', 0, 0, 0)
        42501 INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll) VALUES ('r', now(), -1, 0, 0)
        42501 INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll) VALUES (repeat('r', 1000), now(), 0, 0, 0)
        42501 INSERT INTO relays (relay, started_at, seen_at, published, by_doorbell, by_poll) VALUES ('r', now(), 'infinity', 0, 0, 0)
        42501 UPDATE relays SET relay = 'other'
        22023 SELECT outbox_make_partitions(9100000000000000000, 4600000000000000000)
        22023 SELECT outbox_make_partitions(20000000, 1)
        55000 SELECT outbox_arrive(9000000000000000000)
        22023 SELECT outbox_close_partition('-1 day')
        22023 SELECT outbox_close_partition('0')
        22023 SELECT outbox_close_partition('14 minutes')
        22023 SELECT outbox_close_partition(NULL)
        42501 SELECT outbox_close_partition_now('-1 day')
        22023 SELECT * FROM outbox_prune('-1 day', 'r')
        22023 SELECT * FROM outbox_prune('0', 'r')
        22023 SELECT * FROM outbox_prune('59 minutes', 'r')
        22023 SELECT * FROM outbox_prune(NULL, 'r')
        42501 SELECT * FROM outbox_prune_now('0', 'r')
        22023 SELECT candlepost_prune_kept('0', NULL, NULL)
        22023 SELECT candlepost_prune_kept(NULL, '23 hours', '1 year')
        22023 SELECT candlepost_prune_kept('1 year', '1 year', '-1 day')
        42501 INSERT INTO pruned_rows (relation, rows, why) VALUES ('quarantine', 5, 'retention')
        42501 SELECT outbox_hold_ledger()
        42501 INSERT INTO outbox_gaps (from_id, upto_id) VALUES (1, 9000000000000000000)
        42501 INSERT INTO outbox_pruned (from_id, upto_id, rows, superseded, pruned_by) VALUES (1, 9000000000000000000, 0, 0, '')
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('superseded', '', 1, 'somebody')
        42501 \(outbox)) VALUES (9, 'Trade', 1, 'epoch', 'epoch', '')
        42501 SELECT FROM candle_sticks
        42501 SELECT FROM quarantine
        """

    private static let `operator` = """
        42501 UPDATE quarantine SET body = ''
        42501 WITH a AS (INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, body) VALUES (1, 'edited', '', '', 'not what it was')) UPDATE quarantine SET body = '' WHERE id = 1
        42501 \(exceptions)) VALUES (4, 9, 'superseded')
        42501 UPDATE outbox_exceptions SET state = 'superseded' WHERE outbox_id = 3
        42501 UPDATE outbox_exceptions SET state = 'parked' WHERE outbox_id = 5
        42501 UPDATE outbox_exceptions SET state = 'parked', published_at = NULL WHERE outbox_id = 2
        42501 UPDATE outbox_exceptions SET attempts = 0 WHERE outbox_id = 3
        42501 DELETE FROM outbox_exceptions
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by, began_at) VALUES ('replayed', '', 1, 'x', 'epoch')
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by, ended_at) VALUES ('replayed', '', 1, 'x', now())
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by, done) VALUES ('replayed', '', 1, 'x', 5)
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('replayed', '', -1, 'x')
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('replayed', repeat('x', 100000), 1, 'x')
        42501 INSERT INTO outbox_acts (id, act, selection, rows, acted_by) OVERRIDING SYSTEM VALUE VALUES (9000000000000000000, 'replayed', '', 1, 'x')
        42501 UPDATE outbox_acts SET acted_by = 'somebody else'
        42501 UPDATE outbox_acts SET began_at = 'epoch'
        42501 UPDATE outbox_acts SET done = 0 WHERE id = 1
        42501 UPDATE outbox_acts SET ended_at = NULL WHERE id = 1
        42501 UPDATE outbox_acts SET done = -1 WHERE id = 2
        42501 UPDATE outbox_acts SET done = 9000000000000000000 WHERE id = 2
        42501 DELETE FROM outbox_acts
        42501 INSERT INTO outbox_replays (outbox_id, act_id) VALUES (9000000000000000000, 2)
        42501 INSERT INTO outbox_replays (outbox_id, act_id) VALUES (1, 1)
        42501 INSERT INTO outbox_replays (outbox_id, act_id, confirmed_at) VALUES (1, 2, 'infinity')
        42501 DELETE FROM outbox_replays
        42501 UPDATE quarantine SET resolved_at = now(), resolution = 'discarded' WHERE id = 1
        42501 UPDATE quarantine SET resolved_at = NULL, resolution = NULL WHERE id = 2
        42501 INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, acted_at) VALUES (1, 'discarded', '', 'x', 'epoch')
        42501 UPDATE quarantine_acts SET acted_by = 'x'
        42501 DELETE FROM quarantine_acts
        42501 UPDATE markets SET id = 1000 WHERE id = 1
        42501 DELETE FROM markets
        42501 DELETE FROM exchanges
        42501 TRUNCATE markets
        42501 \(deliveries)) VALUES (9, 2, 9000000000000000000, 3, 'r')
        42501 \(deliveries)) VALUES (9, 2, 5, 2, 'r')
        22023 SELECT outbox_close_partition('-1 day')
        22023 SELECT * FROM outbox_prune('0', 'x')
        22023 SELECT outbox_make_partitions(9100000000000000000, 4600000000000000000)
        42501 INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts, created_at) VALUES (9, 'epoch', 'epoch', '{}', 'infinity')
        """

    /// Whatever the part.
    private static let anybody = """
        42501 SELECT setval('outbox_id_seq', 1, false)
        42501 SELECT setval('outbox_id_seq', 9223372036854775807)
        42501 ALTER SEQUENCE outbox_id_seq RESTART
        42501 ALTER SEQUENCE outbox_id_seq CACHE 1000
        42501 UPDATE outbox SET body = ''
        42501 DELETE FROM outbox
        42501 TRUNCATE outbox
        42501 DROP TABLE outbox_from_1
        42501 ALTER TABLE outbox DETACH PARTITION outbox_from_1
        42501 ALTER TABLE outbox_deliveries DISABLE TRIGGER ALL
        42501 DROP TRIGGER outbox_check_lane ON outbox
        42501 CREATE INDEX ON outbox (body)
        42501 CREATE TABLE mine ()
        42501 CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'
        42501 CREATE OR REPLACE FUNCTION outbox_check_lane() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'
        42501 CREATE TRIGGER mine BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()
        42501 CREATE RULE mine AS ON INSERT TO outbox DO INSTEAD NOTHING
        42501 DO 'BEGIN LOCK TABLE outbox IN ACCESS EXCLUSIVE MODE; END'
        42501 DO 'BEGIN LOCK TABLE outbox_deliveries IN SHARE ROW EXCLUSIVE MODE; END'
        42501 SELECT candlepost_grant('operator', session_user::regrole)
        42501 SELECT candlepost_revoke(session_user::regrole)
        42501 SELECT candlepost_grant_insert('outbox', session_user::regrole)
        42501 SELECT outbox_share_partition('outbox_from_1')
        42501 SELECT outbox_await_writers()
        42501 INSERT INTO schema_migrations (version, name, checksum) VALUES (1000000, '', '')
        42501 DELETE FROM schema_migrations
        42501 SET session_replication_role = replica
        42501 ALTER SYSTEM SET fsync = off
        42501 CREATE SCHEMA mine
        42501 CREATE PUBLICATION mine
        42501 COPY (SELECT 1) TO PROGRAM 'true'
        42501 SELECT pg_read_file('PG_VERSION')
        42501 COMMENT ON TABLE outbox IS 'mine'
        42501 CREATE ROLE mine
        """

    /// For all but relays and operators.
    private static let ledger = """
        42501 \(deliveries)) VALUES (9, 2, 5, 3, 'r')
        42501 \(exceptions)) VALUES (4, 9, 'parked')
        42501 INSERT INTO lane_owners (lane, relay) VALUES (1, 'r')
        42501 INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll) VALUES ('r', now(), 0, 0, 0)
        42501 INSERT INTO outbox_acts (act, selection, rows, acted_by) VALUES ('superseded', '', 1, 'somebody')
        42501 INSERT INTO outbox_replays (outbox_id, act_id) VALUES (1, 2)
        42501 SELECT outbox_hold_ledger()
        """

    /// For those who only read.
    private static let reader = """
        42501 \(outbox)) VALUES (9, 'Trade', 1, 'epoch', 'epoch', '')
        42501 SELECT nextval('outbox_id_seq')
        42501 SELECT outbox_make_partitions()
        42501 SELECT outbox_arrive()
        42501 SELECT outbox_take_lanes(1, '{1}')
        42501 SELECT outbox_close_partition('1 day')
        42501 SELECT * FROM outbox_prune('1 day', '')
        42501 INSERT INTO candle_sticks (market_id, interval_start, interval_end, charts) VALUES (9, 'epoch', 'epoch', '{}')
        42501 INSERT INTO quarantine (queue, reason, detail, body) VALUES ('q', 'r', '', '')
        42501 UPDATE quarantine SET attempts = attempts + 1
        42501 INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 1, 1, 0, 0)
        42501 UPDATE markets SET active = false
        """
}
