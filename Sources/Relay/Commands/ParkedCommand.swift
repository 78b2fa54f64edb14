import ArgumentParser
import Candlepost
import Outbox
import Postgres
import ProgramRuntime

struct ParkedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "parked",
        abstract: "Rows that could not be published: which, why, and what to do with them.",
        subcommands: [ParkedListCommand.self, ParkedRetryCommand.self, ParkedDiscardCommand.self])
}

struct ParkedListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists parked rows, the oldest first.")

    @OptionGroup var rows: LimitedFilter
    @Flag(help: "One JSON array.") var json = false

    func run() async throws {
        try rows.filter.allow(.parked)
        let selection = try rows.filter.selection()
        let limit = rows.limit.map(String.init) ?? "ALL"
        let filter = rows.filter
        let answer = try await CommandConnections.withDatabase(.current) { connection in
            try await filter.requireMarkets(connection)
            return try await connection.execute(
                """
                SELECT id, record_type, market_id::bigint, exchange, symbol, attempts::bigint, last_error,
                       to_char(recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')
                FROM \(RowCursor.Source.parked.sql) AS parked \(selection.clause) ORDER BY id LIMIT \(limit)
                """, selection.parameters)
        }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for row in 0..<answer.count { listing.write(try answer[row].cells(Self.columns)) }
        listing.finish()
    }

    private static let columns = [
        ListingColumn("id", isNumber: true), ListingColumn("record_type"), ListingColumn("market_id", isNumber: true),
        ListingColumn("exchange"), ListingColumn("symbol"), ListingColumn("attempts", isNumber: true),
        ListingColumn("last_error"), ListingColumn("recorded_at"),
    ]
}

/// Which parked rows an act is about.
struct ParkedAct: ParsableArguments {
    @OptionGroup var rows: LimitedFilter
    @OptionGroup var act: ActFlags

    /// Chooses the rows and says how many they are.
    func open(_ connection: PostgresConnection) async throws -> RowCursor {
        try await rows.filter.requireMarkets(connection)
        let cursor = try await RowCursor.open(
            try rows.filter.selection(), from: .parked, limit: rows.limit, on: connection)
        StandardStream.line("\(cursor.count) parked rows")
        return cursor
    }

    /// Ids that were given and are not parked.
    func refuseUnknown() throws(CommandExit) {
        guard !rows.filter.id.isEmpty else { return }
        throw CommandExit(.no, "no parked row has \(rows.filter.id.count == 1 ? "that id" : "one of those ids")")
    }

    /// Makes sure that the flags fit.
    func check() throws(CommandExit) {
        try rows.filter.allow(.parked)
        _ = try rows.filter.selection()
    }

    func begin(
        _ act: ActRecord.Act, _ cursor: RowCursor, _ connection: PostgresConnection
    ) async throws(PostgresError) -> ActRecord {
        let words = try await rows.withFixedTimes(connection).words
        return try await ActRecord.begin(
            act, selection: words, rows: cursor.count, why: self.act.reason, on: connection)
    }
}

struct ParkedRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry", abstract: "Publishes parked rows once more, one at a time.")

    @OptionGroup var parked: ParkedAct

    func run() async throws {
        try parked.check()
        let parked = parked
        let ending = try await ActRun.with(.current) { run -> ParkedRetry.Ending? in
            let cursor = try await parked.open(run.connection)
            guard cursor.count > 0 else {
                try parked.refuseUnknown()
                return ParkedRetry.Ending()
            }
            guard parked.act.yes else { return nil }
            return try await run.publishing { republisher, interruption in
                let record = try await parked.begin(.retried, cursor, run.connection)
                var retry = ParkedRetry(
                    record: record, cursor: cursor, republisher: republisher, interruption: interruption)
                return try await retry.run()
            }
        }
        guard let ending else { return ActFlags.sayNothingDone() }
        StandardStream.line("published \(ending.done), still parked \(ending.stillParked)")
        if let signal = ending.interruptedBy {
            ActRun.say("interrupted; the rest stays parked")
            ExitStatus.exit(by: signal)
        }
    }
}

struct ParkedDiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Gives parked rows up: they stay, and count as superseded.")

    @OptionGroup var parked: ParkedAct

    func validate() throws {
        guard parked.act.yes else { return }
        if parked.rows.words.isEmpty {
            throw ValidationError("which rows? Give at least one of --id, --market, --symbol, --since, ...")
        }
        if parked.act.reason == nil { throw ValidationError("why? Give --reason, which is kept with the rows") }
    }

    func run() async throws {
        try parked.check()
        let parked = parked
        let done = try await CommandConnections.withDatabase(.current) { connection -> Int? in
            let cursor = try await parked.open(connection)
            guard cursor.count > 0 else {
                try parked.refuseUnknown()
                return 0
            }
            guard parked.act.yes else { return nil }
            let record = try await parked.begin(.discarded, cursor, connection)
            return try await ParkedDiscard(record: record, cursor: cursor, reason: parked.act.reason).run()
        }
        guard let done else { return ActFlags.sayNothingDone() }
        StandardStream.line("discarded \(done)")
    }
}
