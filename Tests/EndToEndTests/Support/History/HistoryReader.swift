import Postgres
import Records
import TestSupport

/// Reads the part of a history that the database holds.
struct HistoryReader {
    let connection: PostgresConnection

    func read(into history: inout History) async throws {
        history.records = []
        for kind in RecordKind.all { history.records += try await records(kind) }
        history.outbox = try await outbox()
        let rows = try await connection.execute(
            "SELECT body, reason FROM quarantine WHERE resolved_at IS NULL ORDER BY id")
        history.quarantine = (0..<rows.count).map {
            History.Refused(body: Array(rows.bytes($0, 0)), reason: rows.text($0, 1))
        }
    }

    private func records(_ kind: RecordKind) async throws -> [History.StoredRecord] {
        let rows = try await connection.execute(
            """
            SELECT market_id, interval_start, interval_end, coalesce(bool_and(\(agrees(kind))), true)
            FROM \(kind.table) r
            LEFT JOIN (SELECT * FROM outbox WHERE record_type = '\(kind.name)') o
            USING (market_id, interval_start, interval_end)
            GROUP BY market_id, interval_start, interval_end
            """)
        return (0..<rows.count).map {
            History.StoredRecord(id: id(kind.name, rows, $0, firstColumn: 0), isAsAnnounced: rows.bool($0, 3))
        }
    }

    /// Compares what is stored with what is announced, number by number.
    private func agrees(_ kind: RecordKind) -> String {
        switch kind.name {
        // Without the NULLs that fill up shorter rows.
        case "CandleStick": numbers("charts", "charts", filter: " ? (@ != null)")
        case "OrderBook": numbers("bids", "bids") + " AND " + numbers("asks", "asks")
        case "Trade": numbers("tradesInfo", "trades_info")
        case "Ticker":
            ["high", "low", "vwap", "last"].map { field("\($0)", $0, "double precision") }.joined(separator: " AND ")
        case "ExchangeRate":
            [("poolASize", "pool_a_size"), ("poolBSize", "pool_b_size"), ("exchangeRate", "exchange_rate")]
                .map { field($0, $1, "numeric") }.joined(separator: " AND ")
        default: "true"
        }
    }

    private func numbers(_ name: String, _ column: String, filter: String = "") -> String {
        """
        jsonb_path_query_array(o.body::jsonb, '$.payload.\(name)[*][*]\(filter)')
            = (SELECT coalesce(jsonb_agg(n), '[]') FROM unnest(r.\(column)) AS n WHERE n IS NOT NULL)
        """
    }

    private func field(_ name: String, _ column: String, _ type: String) -> String {
        "(o.body::jsonb -> 'payload' ->> '\(name)')::\(type) IS NOT DISTINCT FROM r.\(column)"
    }

    private func outbox() async throws -> [History.OutboxRow] {
        let rows = try await connection.execute(
            """
            SELECT a.id, a.record_type, a.market_id, a.interval_start, a.interval_end, a.state, o.body
            FROM outbox_audit a JOIN outbox o USING (id) ORDER BY a.id
            """)
        return (0..<rows.count).map {
            History.OutboxRow(
                id: rows.int8($0, 0), record: id(rows.text($0, 1), rows, $0, firstColumn: 2), state: rows.text($0, 5),
                body: Array(rows.bytes($0, 6)))
        }
    }

    private func id(_ kind: String, _ rows: Rows, _ row: Int, firstColumn column: Int) -> RecordID {
        RecordID(
            kind: kind,
            key: RecordKey(
                market: rows.int4(row, column), intervalStart: rows.timestampMilliseconds(row, column + 1),
                intervalEnd: rows.timestampMilliseconds(row, column + 2)))
    }
}
