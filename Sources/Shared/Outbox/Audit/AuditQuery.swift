import Postgres
import Records

/// What rows of the log are asked for, with names and times resolved, as statements. There is no index on the log but its
/// key (lane, id), so a page is a range of ids in some lanes, and everything else is looked at row by row.
package struct AuditQuery: Sendable {
    /// A time as the server wrote it, and in microseconds since 1970.
    package struct Moment: Sendable, Equatable {
        package let text: String
        package let microseconds: Int64
    }

    package var ids: [Int64] = []
    /// nil: all.
    package var markets: [Int32]?
    package var kind: String?
    package var state: OutboxFilter.State?
    package var trace: String?
    package var since: Moment?
    package var until: Moment?

    /// The lanes that can hold such rows: a market is in one only.
    var lanes: [Int] {
        guard let markets else { return Array(0..<Lane.count) }
        return Set(markets.map(Lane.of(market:))).sorted()
    }

    /// Whether the rows that are asked for may be few among the others.
    var isSelective: Bool { markets != nil || kind != nil || trace != nil }

    /// Parked and superseded rows stand in a table of their own, which is small.
    var isByException: Bool { ids.isEmpty && (state == .parked || state == .superseded) }

    /// Whether a statement reads no more of the log than up to the last row that is wanted, however many ids its page has.
    var stopsAtTheLastRow: Bool { state == nil && lanes.count == 1 }

    /// The columns of the listing, those of the view `outbox_audit`, in SQL. Times are written as text by the server.
    static let columns = """
        a.id, a.record_type, a.market_id, a.exchange, a.symbol, \(time("a.interval_start")), \(time("a.interval_end")),
        a.state, a.attempts, \(time("a.created_at")), \(time("a.published_at")), a.last_error, a.trace_id,
        a.lane::integer, a.relay
        """

    static func time(_ column: String) -> String {
        "to_char(\(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
    }

    /// The newest rows of the page, at most `limit`.
    func statement(_ page: IDWalk.Page, limit: Int) -> Statement {
        var text = Conditions()
        // In a single lane the key's order is that of ids, so that the server stops at the last row that is wanted.
        let lanes =
            page.lanes.count == 1
            ? text.add(.int2(Int16(page.lanes[0]))) : "ANY(\(text.add(.array(page.lanes.map(Int16.init)))))"
        let (low, high) = (text.add(.int8(page.low)), text.add(.int8(page.high)))
        if isByException {
            text.add("x.lane = \(lanes) AND x.outbox_id BETWEEN \(low) AND \(high)")
            text.add("x.published_at IS NULL")
            addFilters(&text, "a")
            return text.statement(
                """
                outbox_exceptions x CROSS JOIN LATERAL (
                    SELECT * FROM outbox_audit v WHERE v.lane = x.lane AND v.id = x.outbox_id OFFSET 0) a
                """, orderedBy: "x.outbox_id", limit: limit)
        }
        guard state == nil else {
            text.add("a.lane = \(lanes) AND a.id BETWEEN \(low) AND \(high)")
            addFilters(&text, "a")
            return text.statement("outbox_audit a", orderedBy: "a.id", limit: limit)
        }
        text.add("o.lane = \(lanes) AND o.id BETWEEN \(low) AND \(high)")
        addFilters(&text, "o")
        return text.statementInTwoSteps(
            limit: limit, within: "v.lane = \(lanes) AND v.id BETWEEN \(low) AND \(high)")
    }

    /// Rows by their ids: each is looked for in all lanes.
    func statementByIDs(limit: Int) -> Statement {
        var text = Conditions()
        let (wanted, lanes) = (text.add(.array(Set(ids).sorted())), text.add(.array(self.lanes.map(Int16.init))))
        addFilters(&text, "a")
        return text.statement(
            """
            unnest(\(wanted)::bigint[]) AS wanted(id) CROSS JOIN unnest(\(lanes)::smallint[]) AS l(lane)
            CROSS JOIN LATERAL (SELECT * FROM outbox_audit v WHERE v.lane = l.lane AND v.id = wanted.id OFFSET 0) a
            """, orderedBy: "a.id", limit: limit)
    }

    private func addFilters(_ text: inout Conditions, _ table: String) {
        if let markets {
            text.add("\(table).market_id = ANY(?)", .array(markets))
        }
        text.add("\(table).record_type = ?", kind.map(Parameter.text))
        text.add("\(table).trace_id = ?", trace.map(Parameter.text))
        text.add("\(table).created_at >= ?::timestamptz", since.map { .text($0.text) })
        text.add("\(table).created_at < ?::timestamptz", until.map { .text($0.text) })
        text.add("\(table).state = ?", state.map { .text($0.rawValue) })
    }
}

/// Conditions and their parameters, put together to a page's statement.
private struct Conditions {
    private var conditions: [String] = []
    private var parameters: [Parameter] = []

    mutating func add(_ parameter: Parameter) -> String {
        parameters.append(parameter)
        return "$\(parameters.count)"
    }

    mutating func add(_ condition: String) { conditions.append(condition) }

    mutating func add(_ condition: String, _ value: Parameter?) {
        guard let value else { return }
        conditions.append(condition.replacing("?", with: add(value)))
    }

    private var clause: String { conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ") }

    // Without a name, so that the server plans it for these very values and leaves partitions out that they exclude.

    func statement(_ source: String, orderedBy key: String, limit: Int) -> Statement {
        Statement(
            "SELECT \(AuditQuery.columns) FROM \(source) \(clause) ORDER BY \(key) DESC LIMIT \(limit)", parameters)
    }

    /// Finds the rows in the log alone, and what became of them for the few that are left: one by one (`OFFSET 0`), for at
    /// the log's end, where statistics are always old, the planner expects a single row and would join all with all.
    /// - Parameter range: The page's range once more: the planner doesn't carry it over.
    func statementInTwoSteps(limit: Int, within range: String) -> Statement {
        Statement(
            """
            SELECT \(AuditQuery.columns) FROM (
                SELECT o.lane, o.id FROM outbox o \(clause) ORDER BY o.id DESC LIMIT \(limit)) page
            CROSS JOIN LATERAL (
                SELECT * FROM outbox_audit v WHERE v.lane = page.lane AND v.id = page.id AND \(range) OFFSET 0) a
            ORDER BY a.id DESC
            """, parameters)
    }
}
