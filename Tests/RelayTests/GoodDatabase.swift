import Postgres
import TestSupport

/// Runs `body` with a database in which every promise holds: two records of each kind, of which the first of each is
/// published, one trade parked, one ticker superseded, a duplicate and a message in quarantine.
func withGoodDatabase<R: Sendable>(
    _ body: (TestDatabase, PostgresConnection) async throws -> R
) async throws -> R {
    try await withMigratedDatabase { database, connection in
        try await connection.script(goodDatabase)
        return try await body(database, connection)
    }
}

/// Ids: 1 … 5 in lane 0 for market 13, 6 … 10 in lane 1 for market 5, each in the order of the kinds.
private let goodDatabase = """
    CREATE FUNCTION pg_temp.key(OUT s timestamptz, OUT e timestamptz) LANGUAGE sql AS
        $$SELECT 'epoch'::timestamptz, 'epoch'::timestamptz + interval '1 minute'$$;
    INSERT INTO candle_sticks SELECT m, s, e, '{}' FROM unnest('{13,5}'::int[]) AS m, pg_temp.key();
    INSERT INTO order_books SELECT m, s, e, '{}', '{}' FROM unnest('{13,5}'::int[]) AS m, pg_temp.key();
    INSERT INTO tickers (market_id, interval_start, interval_end)
        SELECT m, s, e FROM unnest('{13,5}'::int[]) AS m, pg_temp.key();
    INSERT INTO trades SELECT m, s, e, '{}' FROM unnest('{13,5}'::int[]) AS m, pg_temp.key();
    INSERT INTO exchange_rates SELECT m, s, e, 1, 1, 1 FROM unnest('{13,5}'::int[]) AS m, pg_temp.key();
    INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
        SELECT lane, kind, m, s, e, '{}'
        FROM (VALUES (0, 13), (1, 5)) AS l(lane, m),
             unnest('{CandleStick,OrderBook,Ticker,Trade,ExchangeRate}'::text[]) WITH ORDINALITY AS k(kind, n),
             pg_temp.key()
        ORDER BY lane, n;
    INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay)
        VALUES (0, 0, 2, 2, 'r'), (0, 2, 5, 3, 'r'), (1, 0, 6, 1, 'r');
    INSERT INTO outbox_exceptions (outbox_id, lane, state) VALUES (4, 0, 'parked'), (3, 0, 'superseded');
    INSERT INTO quarantine (queue, reason, detail, body) VALUES ('q', 'not_json', '', '');
    INSERT INTO ingest_batches (writer, received, stored, duplicate, quarantined)
        VALUES ('w', 5, 4, 1, 0), ('w', 7, 6, 0, 1);
    """
