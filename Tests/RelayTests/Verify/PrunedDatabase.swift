import Postgres
import TestSupport

/// Runs `body` with a database from which the first partition was dropped, and in which every promise holds. Left are the
/// rows 5000001 … 5000003 in lane 0 for market 13, and 5000004 in lane 1 for market 5, which is pending; 5000001 is of a
/// transaction that began before the last one of the dropped rows.
func withPrunedDatabase(_ body: (PostgresConnection) async throws -> Void) async throws {
    try await withGoodDatabase { _, connection in
        try await connection.script(prunable)
        let pruned = try await connection.execute("SELECT row_count, kept FROM outbox_prune('7 days', 'tests')")
        guard pruned.count == 1, pruned.isNull(0, 1), pruned.int8(0, 0) == 10 else { throw NotPruned() }
        try await body(connection)
    }
}

private struct NotPruned: Error {}

private let prunable = """
    UPDATE outbox_exceptions SET published_at = now() WHERE state = 'parked';
    INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (1, 6, 10, 4, 'r');
    UPDATE outbox SET created_at = created_at - interval '30 days';
    UPDATE candle_sticks SET created_at = created_at - interval '30 days';
    UPDATE order_books SET created_at = created_at - interval '30 days';
    UPDATE tickers SET created_at = created_at - interval '30 days';
    UPDATE trades SET created_at = created_at - interval '30 days';
    UPDATE exchange_rates SET created_at = created_at - interval '30 days';
    UPDATE ingest_batches SET committed_at = committed_at - interval '30 days';
    SELECT setval('outbox_id_seq', 5000000);
    INSERT INTO candle_sticks
        SELECT m, t, t + interval '1 minute', '{}', now() - age
        FROM (VALUES (13, 1, '31 days'::interval), (13, 2, '0'), (13, 3, '0'), (5, 1, '0')) AS new(m, n, age),
             LATERAL (SELECT 'epoch'::timestamptz + make_interval(mins => n)) AS k(t);
    INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body, created_at)
        SELECT CASE market_id WHEN 13 THEN 0 ELSE 1 END, 'CandleStick', market_id, interval_start, interval_end, '{}', created_at
        FROM candle_sticks WHERE interval_start > 'epoch' ORDER BY market_id DESC, interval_start;
    INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES (0, 5, 5000001, 1, 'r'), (0, 5000001, 5000003, 2, 'r');
    INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined) VALUES ('w', 4, 4, 0, 0);
    """
