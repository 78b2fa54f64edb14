import Postgres

extension PostgresConnection {
    /// Adds rows to the log, each with a lane and a market; ids rise from the last one on.
    func log(_ rows: [(lane: Int16, market: Int32)], kind: String = "CandleStick", body: String = "{}") async throws {
        var lanes = BinaryArray(elementType: .int2, capacity: rows.count)
        var markets = BinaryArray(elementType: .int4, capacity: rows.count)
        for row in rows {
            lanes.append(int2: row.lane)
            markets.append(int4: row.market)
        }
        _ = try await execute(
            """
            INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
            SELECT lane, $3, market, 'epoch', 'epoch'::timestamptz + interval '1 minute', $4
            FROM unnest($1::smallint[], $2::int[]) AS t(lane, market)
            """, [.array(lanes), .array(markets), .text(kind), .text(body)])
    }

    /// Adds `count` rows to the lanes in turn.
    func log(count: Int) async throws {
        _ = try await execute(
            """
            INSERT INTO outbox (lane, record_type, market_id, interval_start, interval_end, body)
            SELECT n % 16, 'CandleStick', n % 40 + 1, 'epoch', 'epoch'::timestamptz + interval '1 minute', '{}'
            FROM generate_series(0, $1 - 1) AS n
            """, [.int4(Int32(count))])
    }

    /// Adds an entry to the ledger.
    func deliver(lane: Int16, after: Int64, upTo: Int64, rows: Int32) async throws {
        _ = try await execute(
            "INSERT INTO outbox_deliveries (lane, after_id, upto_id, rows, relay) VALUES ($1, $2, $3, $4, 'before')",
            [.int2(lane), .int8(after), .int8(upTo), .int4(rows)])
    }
}
