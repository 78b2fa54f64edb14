import ArgumentParser
import Candlepost
import Outbox
import ProgramRuntime

struct SupersedeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "supersede",
        abstract: "After an outage: marks older pending rows of each market and kind, which are then not announced.",
        discussion: """
            Of the pending rows of a market and kind the newest always stays. The others, as far as they were created before \
            --until, count as superseded: relays go past them, and `relay replay --state superseded` publishes them after all.
            """)

    @OptionGroup var filter: OutboxFilter
    @OptionGroup var act: ActFlags

    func validate() throws {
        if filter.until == nil { throw ValidationError("--until is missing, as in --until 2h") }
    }

    func run() async throws {
        try filter.allow(.pending)
        _ = try filter.selection()
        let (filter, act) = (filter, act)
        let done = try await CommandConnections.withDatabase(.current) { connection -> Int? in
            try await filter.requireMarkets(connection)
            let fixed = try await filter.withFixedTimes(connection)
            for (kind, rows) in try await Supersede.counts(fixed, on: connection) {
                StandardStream.line("\(rows) rows of kind \(kind)")
            }
            let cursor = try await Supersede.rows(fixed, on: connection)
            StandardStream.line("\(cursor.count) pending rows that a newer one follows")
            guard cursor.count > 0 else { return 0 }
            guard act.yes else { return nil }
            let record = try await ActRecord.begin(
                .superseded, selection: fixed.words, rows: cursor.count, why: act.reason, on: connection)
            var progress = ActProgress(total: cursor.count)
            let done = try await Supersede(record: record, cursor: cursor, reason: act.reason)
                .run { progress.done($0) }
            progress.finish()
            return done
        }
        guard let done else { return ActFlags.sayNothingDone() }
        StandardStream.line("superseded \(done)")
    }
}
