public import ArgumentParser
public import Postgres
public import ProgramRuntime

/// The intervals that are missing between the records of each market.
public enum MissingIntervals {
    /// What is looked through, spelled alike everywhere.
    public struct Filter: ParsableArguments, Sendable {
        @Option(help: "The kind of records, as in CandleStick.") public var kind: String
        @Option(help: "From this time on: ISO 8601, or 24h for the last day.") public var since = "24h"
        @Option(help: "Up to this time. What ended a moment ago may be on its way.") public var until = "2m"
        @Option(help: "The market's id.") public var market: Int32?
        @Option(help: "Only records of intervals of this length, as in 1m.") public var interval: String?

        public init() {}

        public func validate() throws {
            try TimeOrder.check(since: since, until: until)
            if let interval, (DurationText.parse(interval) ?? .zero) <= .zero {
                throw ValidationError(
                    "--interval is \"\(interval)\", but may be: a length with its unit like 1m, 1h or 1d")
            }
        }
    }

    /// What was found, with as many rows as were asked for.
    public struct Found: Sendable {
        /// A row for each gap, as ``MissingIntervals/columns`` names its cells.
        public let rows: [[ListingValue]]
        /// How many gaps there are, also beyond those rows, and how many intervals they have room for.
        public let gaps: Int64
        public let missing: Int64
    }

    public static let columns = [
        ListingColumn("market_id", isNumber: true), ListingColumn("exchange"), ListingColumn("symbol"),
        ListingColumn("gap_start"), ListingColumn("gap_end"), ListingColumn("interval"),
        ListingColumn("missing", isNumber: true),
    ]

    /// By market, and in the order of time.
    /// - Parameter limit: for `LIMIT`.
    /// - Throws: ``CommandExit`` for a time that is none; ``PostgresError``.
    public static func read(
        _ filter: Filter, limit: Parameter, _ connection: PostgresConnection
    ) async throws -> Found {
        let since = try SelectedTime(filter.since, flag: "--since")
        let until = try SelectedTime(filter.until, flag: "--until")
        let length = filter.interval.flatMap(DurationText.parse).map { Parameter.double($0 / .seconds(1)) }
        let rows = try await connection.execute(
            """
            SELECT g.market_id::bigint, e.external_exchange_id, m.symbol, \(time("g.gap_start")),
                   \(time("g.gap_end")), extract(epoch FROM g.usual_length)::bigint * 1000, g.missing,
                   count(*) OVER (), (sum(g.missing) OVER ())::bigint
            FROM records_gaps($1, \(since.sql(2)), \(until.sql(3)), $4, make_interval(secs => $5)) g
            JOIN markets m ON m.id = g.market_id JOIN exchanges e ON e.id = m.exchange_id
            ORDER BY g.market_id, g.gap_start LIMIT $6
            """,
            [
                .text(filter.kind), since.parameter, until.parameter,
                filter.market.map(Parameter.int4) ?? .null(TypeOID.int4), length ?? .null(TypeOID.double), limit,
            ])
        return Found(
            rows: try rows.map { row throws(PostgresError) in try values(row) },
            gaps: rows.count == 0 ? 0 : try rows[0].int8(7), missing: rows.count == 0 ? 0 : try rows[0].int8(8))
    }

    private static func values(_ row: Row) throws(PostgresError) -> [ListingValue] {
        [
            .integer(try row.int8(0)), .text(try row.text(1)), .text(try row.text(2)), .text(try row.text(3)),
            .text(try row.text(4)), .text(DurationText.format(.milliseconds(try row.int8(5)))),
            .integer(try row.int8(6)),
        ]
    }

    private static func time(_ column: String) -> String {
        #"to_char(\#(column) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"#
    }
}

extension SelectedTime {
    /// The expression with `$number` for its parameter.
    fileprivate func sql(_ number: Int) -> String { sql.replacing("?", with: "$\(number)") }
}
