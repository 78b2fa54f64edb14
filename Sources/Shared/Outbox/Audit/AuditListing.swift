import Candlepost
package import Postgres
package import ProgramRuntime

/// Writes rows of the log as a listing: all columns of the view, or in a table those that people look at.
package struct AuditListing: ~Copyable {
    /// As ``AuditQuery/columns`` has them.
    package static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("record_type"), ListingColumn("market_id", isNumber: true),
        ListingColumn("exchange"), ListingColumn("symbol"), ListingColumn("interval_start"),
        ListingColumn("interval_end"), ListingColumn("state"), ListingColumn("attempts", isNumber: true),
        ListingColumn("created_at"), ListingColumn("published_at"), ListingColumn("last_error"),
        ListingColumn("trace_id"), ListingColumn("lane", isNumber: true), ListingColumn("relay"),
    ]
    private static let inTable = [0, 1, 2, 3, 4, 5, 7, 8, 9, 10, 12, 11]

    private let shown: [Int]
    private var writer: ListingWriter
    package private(set) var count = 0

    package init(format: ListingFormat, output: @escaping (String) -> Void = ListingWriter.standardOutput) {
        shown = format == .table ? Self.inTable : Array(Self.columns.indices)
        writer = ListingWriter(columns: shown.map { Self.columns[$0] }, format: format, output: output)
    }

    /// - Throws: ``PostgresError`` of kind `unexpectedAnswer`.
    package mutating func write(_ rows: Rows) throws(PostgresError) {
        for row in 0..<rows.count {
            let cells = try rows[row].cells(Self.columns)
            writer.write(shown.map { cells[$0] })
        }
        count += rows.count
    }

    package consuming func finish() { writer.finish() }
}
