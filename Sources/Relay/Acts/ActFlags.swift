import ArgumentParser
import Postgres
import Service

/// What every recorded act takes.
struct ActFlags: ParsableArguments {
    @Option(help: "Why it is done; kept with who did it and when.") var reason: String?
    @Flag(help: "Do it; without this the rows are only counted.") var yes = false
    @OptionGroup var flags: RelayFlags

    /// Ends a command that was not told to do it.
    static let notToldTo = CommandExit(.no, "nothing done: repeat with --yes")
}

/// Rows, and how many of them at most.
struct LimitedFilter: ParsableArguments {
    @OptionGroup var filter: OutboxFilter
    @Option(help: "The most rows, the oldest first.") var limit: Int?

    func validate() throws {
        if let limit, limit < 1 { throw ValidationError("--limit must be above 0") }
    }

    /// The flags as a command line would have them.
    var words: [String] { filter.words + (limit.map { ["--limit", "\($0)"] } ?? []) }

    /// See ``OutboxFilter/withFixedTimes(_:)``.
    func withFixedTimes(_ connection: PostgresConnection) async throws(PostgresError) -> LimitedFilter {
        var fixed = self
        fixed.filter = try await filter.withFixedTimes(connection)
        return fixed
    }
}
