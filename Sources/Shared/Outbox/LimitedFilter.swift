package import ArgumentParser
package import Postgres

/// Rows, and how many of them at most.
package struct LimitedFilter: ParsableArguments {
    @OptionGroup package var filter: OutboxFilter
    @Option(help: "The most rows, the oldest first; 0 for all, as without it.") package var limit: Int?

    package init() {}

    package mutating func validate() throws {
        if let limit, limit < 0 {
            throw ValidationError("--limit is \(limit), but may be: 0 for all, or a number above")
        }
        if limit == 0 { limit = nil }
    }

    /// The flags as a command line would have them.
    package var words: [String] { filter.words + (limit.map { ["--limit", "\($0)"] } ?? []) }

    /// See ``OutboxFilter/withFixedTimes(_:)``.
    package func withFixedTimes(_ connection: PostgresConnection) async throws(PostgresError) -> LimitedFilter {
        var fixed = self
        fixed.filter = try await filter.withFixedTimes(connection)
        return fixed
    }
}
