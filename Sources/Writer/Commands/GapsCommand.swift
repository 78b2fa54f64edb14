import ArgumentParser
import Glibc
import Postgres
import Program
import Records
import Service

struct GapsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "gaps",
        abstract: "Lists the intervals that are missing between the records of each market.",
        discussion: """
            From the stored records alone: a row for each gap, with how many intervals it has room for, by which a collector can \
            be asked for them again. A market begins with its first record of the kind; the length of its intervals is the most frequent one, unless --interval says it. Markets \
            that are not active are left out, unless --market names one.
            """)

    @Option(help: ArgumentHelp("The kind: \(RecordKind.all.map(\.name).joined(separator: ", ")).")) var kind: String
    @Option(help: "From this time on: ISO 8601, or 24h for the last day.") var since = "24h"
    @Option(help: "Up to this time. What ended a moment ago may be on its way.") var until = "2m"
    @Option(help: "The market's id.") var market: Int32?
    @Option(help: "Only records of intervals of this length, as in 1m.") var interval: String?
    @OptionGroup var most: RowLimit
    @Flag(help: "One JSON array.") var json = false
    @Flag(help: "CSV with a header line.") var csv = false
    @OptionGroup var flags: WriterFlags

    func validate() throws {
        try TimeOrder.check(since: since, until: until)
        try KindName.check(kind)
        if json && csv { throw ValidationError("--json and --csv exclude each other") }
        if let interval, (DurationText.parse(interval) ?? .zero) <= .zero {
            throw ValidationError("--interval is \"\(interval)\", but may be: a length with its unit like 1m, 1h or 1d")
        }
    }

    func run() async throws {
        let (since, until) = (
            try SelectedTime(since, flag: "--since"), try SelectedTime(until, flag: "--until")
        )
        let length = interval.flatMap(DurationText.parse).map { Parameter.double($0 / .seconds(1)) }
        let rows = try await CommandConnections.withDatabase(flags.settings, parameters: ["jit": "off"]) {
            [kind, market, most] in
            try await $0.execute(
                """
                SELECT g.market_id::bigint, e.external_exchange_id, m.symbol, \(Self.time("g.gap_start")),
                       \(Self.time("g.gap_end")), extract(epoch FROM g.usual_length)::bigint * 1000, g.missing,
                       count(*) OVER (), (sum(g.missing) OVER ())::bigint
                FROM records_gaps($1, \(since.sql(2)), \(until.sql(3)), $4, make_interval(secs => $5)) g
                JOIN markets m ON m.id = g.market_id JOIN exchanges e ON e.id = m.exchange_id
                ORDER BY g.market_id, g.gap_start LIMIT $6
                """,
                [
                    .text(kind), since.parameter, until.parameter, market.map(Parameter.int4) ?? .null(TypeOID.int4),
                    length ?? .null(TypeOID.double), most.parameter,
                ])
        }
        try write(rows)
    }

    private func write(_ rows: Rows) throws {
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : csv ? .csv : .table)
        for row in try rows.map({ row throws(PostgresError) in try Self.values(row) }).prefix(most.shown(rows.count)) {
            listing.write(row)
        }
        listing.finish()
        most.noteRest(rows.count, "writer")
        let (holes, missing) = rows.count == 0 ? (0, 0) : (try rows[0].int8(7), try rows[0].int8(8))
        StandardStream.write("writer: \(missing) intervals are missing, in \(holes) gaps\n", to: STDERR_FILENO)
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

    private static let columns = [
        ListingColumn("market_id", isNumber: true), ListingColumn("exchange"), ListingColumn("symbol"),
        ListingColumn("gap_start"), ListingColumn("gap_end"), ListingColumn("interval"),
        ListingColumn("missing", isNumber: true),
    ]
}

extension SelectedTime {
    /// The expression with `$number` for its parameter.
    fileprivate func sql(_ number: Int) -> String { sql.replacing("?", with: "$\(number)") }
}

/// `--kind` of a command.
enum KindName {
    /// Makes sure that a kind is one.
    /// - Throws: `ValidationError` that names those that there are, and the one that may be meant.
    static func check(_ kind: String?) throws(ValidationError) {
        guard let kind, RecordKind.named(kind) == nil else { return }
        let known = RecordKind.all.map(\.name)
        let meant = Spelling.nearest(to: kind, in: known).map { ". Did you mean \($0)?" } ?? ""
        throw ValidationError("--kind is \"\(kind)\", but may be: \(known.joined(separator: ", "))\(meant)")
    }
}
