import Candlepost
package import Postgres
import ProgramRuntime
import Records

/// Reads the rows that are asked for page by page, the newest first. Each page is a statement of its own: no transaction
/// stays open while somebody reads the listing.
package struct AuditReader: Sendable {
    /// Settings of the connection: whatever the tables' sizes and however old their statistics, the plan is a walk along the
    /// keys, with a look at the key for each row that is found.
    package static let plannerSettings = [
        "enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off",
        "enable_material": "off", "max_parallel_workers_per_gather": "0", "jit": "off",
    ]

    /// The most rows of a page, and so of what is held in memory.
    private static let pageSize = 1000

    /// The first page where not every row is one of those that are asked for.
    private static let firstWidth: Int64 = 4096

    private let connection: PostgresConnection

    package init(connection: PostgresConnection) { self.connection = connection }

    /// Turns names and times into what the log holds.
    package func resolve(_ filter: OutboxFilter) async throws -> AuditQuery {
        var query = AuditQuery(
            ids: filter.id, markets: filter.market.map { [$0] }, kind: filter.kind, state: filter.state,
            trace: filter.trace)
        if filter.namesMarkets {
            let rows = try await connection.execute(filter.marketsStatement())
            query.markets = try rows.map { row throws(PostgresError) in try row.int4(0) }
        }
        query.since = try await moment(filter.since, "--since")
        query.until = try await moment(filter.until, "--until")
        return query
    }

    private func moment(_ text: String?, _ flag: String) async throws -> AuditQuery.Moment? {
        guard let text else { return nil }
        let time = try SelectedTime(text, flag: flag)
        let sql = time.sql.replacing("?", with: "$1")
        let rows = try await connection.execute(
            "SELECT t::text, (extract(epoch FROM t) * 1000000)::bigint FROM (SELECT \(sql) AS t) AS given",
            [time.parameter])
        return AuditQuery.Moment(text: try rows[0].text(0), microseconds: try rows[0].int8(1))
    }

    /// Hands over the rows page by page.
    /// - Parameters:
    ///   - limit: The most rows; nil for all.
    ///   - page: Gets the rows of a page; the columns are those of ``AuditQuery/columns``.
    ///   - progress: Gets the share of the log that was walked, after each page.
    package func read(
        _ query: AuditQuery, limit: Int?, page: (Rows) throws(PostgresError) -> Void,
        progress: (Double) -> Void = { _ in }
    ) async throws {
        guard query.ids.isEmpty else {
            let rows = try await connection.pipeline([query.statementByIDs(limit: limit ?? query.ids.count)])
            return try page(rows[0])
        }
        var left = limit ?? .max
        guard var walk = try await walk(query, firstPage: min(left, Self.pageSize)) else { return }
        while left > 0, let wanted = walk.page {
            let most = min(left, Self.pageSize)
            let rows = try await read(wanted, of: query, limit: most, &walk)
            try page(rows)
            left -= rows.count
            progress(walk.share)
        }
    }

    /// How far a search came that did not go to the end of the log.
    package struct Reached: Sendable, Equatable {
        /// How many ids it looked through.
        package var ids: Int64 = 0
        /// Below this id the next search goes on; nil at the end.
        package var below: Int64?
        /// When the rows there were created, as the server writes it; nil at the end.
        package var time: String?
    }

    /// Hands over at most `limit` rows, the newest first, and stops looking when the time is over.
    /// - Parameter below: Ids from here on were looked through before; nil for all.
    package func readSome(
        _ query: AuditQuery, limit: Int, below: Int64?, within time: Duration,
        page: (Rows) throws(PostgresError) -> Void
    ) async throws -> Reached {
        guard query.ids.isEmpty else {
            try page(try await connection.execute(query.statementByIDs(limit: limit)))
            return Reached()
        }
        let end = ContinuousClock.now + time
        guard var walk = try await walk(query, firstPage: limit, below: below) else { return Reached() }
        let top = walk.page?.high
        var left = limit
        while left > 0, let wanted = walk.page {
            guard .now < end else { break }
            let rows = try await read(wanted, of: query, limit: left, &walk)
            try page(rows)
            left -= rows.count
        }
        guard let next = walk.page, let top else { return Reached(ids: (top ?? 0)) }
        let row = try await connection.execute(
            """
            SELECT \(AuditQuery.time("max(o.created_at)")) FROM generate_series(0, 15) AS l(lane) CROSS JOIN LATERAL (
                SELECT created_at FROM outbox WHERE lane = l.lane::smallint AND id <= $1 ORDER BY id DESC LIMIT 1) o
            """, [.int8(next.high)])
        return Reached(ids: top - next.high, below: next.high + 1, time: try row[0].optionalText(0))
    }

    /// Reads a page, and moves on.
    private func read(
        _ page: IDWalk.Page, of query: AuditQuery, limit: Int, _ walk: inout IDWalk
    ) async throws -> Rows {
        let rows = try await connection.execute(query.statement(page, limit: limit))
        let lowest = rows.count == 0 ? nil : try rows[rows.count - 1].int8(0)
        walk.advance(page, rows: rows.count, lowest: lowest, limit: limit)
        if rows.count == 0, !query.isByException, let next = walk.page {
            let previous = try await connection.execute(
                AuditBounds.previousStatement(walk.lanesLeft, upTo: next.high))
            walk.leap(to: try previous[0].isNull(0) ? nil : try previous[0].int8(0))
        }
        return rows
    }

    /// Where to walk; nil if there can be no such row.
    private func walk(_ query: AuditQuery, firstPage: Int, below: Int64? = nil) async throws -> IDWalk? {
        let lanes = query.lanes
        guard !lanes.isEmpty else { return nil }
        let first = try await probe(lanes, 0)
        guard let first else { return nil }
        let rows = try await connection.execute(AuditBounds.endsStatement(lanes))
        let ends = try rows.map { row throws(PostgresError) in
            AuditBounds.Ends(
                lane: Int(try row.int2(0)), newest: try row.int8(1), recordedUpTo: try row.int8(2),
                newestException: try row.int8(3))
        }
        var (low, high) = (first.id, ends.map(\.newest).max() ?? 0)
        if query.since != nil || query.until != nil {
            let now = try await connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint")
            let end = (id: high + 1, time: try now[0].int8(0))
            if let since = query.since {
                low = try await search(
                    TimeSearch(since.microseconds - TimeSearch.longestTransaction, first: first, end: end), lanes
                ).low
            }
            if let until = query.until {
                high = try await search(
                    TimeSearch(until.microseconds + TimeSearch.longestTransaction, first: first, end: end), lanes
                ).high
            }
        }
        return IDWalk(
            AuditBounds.ranges(query.state, ends, low: low, high: min(high, (below ?? .max) - 1)),
            width: width(query, upTo: high, firstPage))
    }

    private func width(_ query: AuditQuery, upTo high: Int64, _ firstPage: Int) -> Int64 {
        if query.isByException { return high }
        if query.stopsAtTheLastRow { return IDWalk.widest }
        return query.isSelective || query.until != nil ? Self.firstWidth : Int64(firstPage)
    }

    private func search(_ search: TimeSearch, _ lanes: [Int]) async throws -> TimeSearch {
        var search = search
        while let id = search.probe { search.found(try await probe(lanes, id), at: id) }
        return search
    }

    private func probe(_ lanes: [Int], _ id: Int64) async throws -> (id: Int64, time: Int64)? {
        let rows = try await connection.execute(AuditBounds.probeStatement(lanes, from: id))
        return rows.count == 0 ? nil : (try rows[0].int8(0), try rows[0].int8(1))
    }
}
