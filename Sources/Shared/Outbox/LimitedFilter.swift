package import ArgumentParser
package import Postgres

/// Rows, and how many of them at most.
package struct LimitedFilter: ParsableArguments {
    @OptionGroup package var filter: OutboxFilter
    @Option(help: "The most rows, the oldest first.") package var limit: Int?

    package init() {}

    package func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be above 0") }
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
