package import ArgumentParser
package import Candlepost
package import Postgres
package import ProgramRuntime
import Records

/// Which rows of the outbox are meant; all conditions hold together.
package struct OutboxFilter: ParsableArguments {
    /// What becomes of a row, as the view `outbox_audit` has it.
    package enum State: String, CaseIterable, ExpressibleByArgument, Sendable {
        case pending, published, parked, superseded
    }

    @Option(help: "The row's id; may be given several times.") package var id: [Int64] = []
    @Option(help: "The market's id.") package var market: Int32?
    @Option(help: "The symbol, as in BTC/USDT.") package var symbol: String?
    @Option(help: "The exchange's external id or its name.") package var exchange: String?
    @Option(help: ArgumentHelp("The kind: \(RecordKind.all.map(\.name).joined(separator: ", ")).")) package var kind:
        String?
    @Option(help: "The state.") package var state: State?
    @Option(help: "The collector's trace id.") package var trace: String?
    @Option(help: "Created at or after this time: ISO 8601, or 2h for two hours ago.") package var since: String?
    @Option(help: "Created before this time.") package var until: String?

    package init() {}

    package func validate() throws {
        try TimeOrder.check(since: since, until: until)
        if let kind, RecordKind.named(kind) == nil {
            let known = RecordKind.all.map(\.name).joined(separator: ", ")
            let meant = Spelling.nearest(to: kind, in: RecordKind.all.map(\.name)).map { ". Did you mean \($0)?" } ?? ""
            throw ValidationError("--kind is \"\(kind)\", but may be: \(known)\(meant)")
        }
    }

    /// The markets that are meant are known by id only to the database.
    package var namesMarkets: Bool { symbol != nil || exchange != nil }

    /// Ids of the markets that ``namesMarkets`` speaks of.
    package func marketsStatement() -> Statement {
        var selection = Selection()
        selection.add("m.id = ?", market.map(Parameter.int4))
        selection.add("m.symbol = ?", symbol.map(Parameter.text))
        selection.add("(e.external_exchange_id = ? OR e.name = ?)", exchange.map(Parameter.text))
        return Statement(
            "SELECT m.id FROM markets m JOIN exchanges e ON e.id = m.exchange_id \(selection.clause)",
            selection.parameters)
    }

    /// The conditions, over the columns of the view `outbox_audit`.
    /// - Throws: ``CommandExit`` with 64 for a time that is none.
    package func selection() throws(CommandExit) -> Selection {
        var selection = Selection()
        if !id.isEmpty {
            selection.add("id = ANY(?)", .array(id))
            // The key starts with the lane: without one every partition would be read whole.
            selection.add("lane = ANY('{\((0..<Lane.count).map(String.init).joined(separator: ","))}'::smallint[])")
        }
        selection.add("market_id = ?", market.map(Parameter.int4))
        selection.add("lane = ?", market.map { .int2(Int16(Lane.of(market: $0))) })
        selection.add("symbol = ?", symbol.map(Parameter.text))
        selection.add(
            "(exchange = ? OR exchange IN (SELECT external_exchange_id FROM exchanges WHERE name = ?))",
            exchange.map(Parameter.text))
        selection.add("record_type = ?", kind.map(Parameter.text))
        selection.add("state = ?", (state?.rawValue).map(Parameter.text))
        selection.add("trace_id = ?", trace.map(Parameter.text))
        try selection.add("created_at >= ?", time: since, flag: "--since")
        try selection.add("created_at < ?", time: until, flag: "--until")
        return selection
    }

    /// The flags as a command line would have them.
    package var words: [String] {
        var words = id.flatMap { ["--id", "\($0)"] }
        let others: [(String, String?)] = [
            ("--market", market.map(String.init)), ("--symbol", symbol), ("--exchange", exchange), ("--kind", kind),
            ("--state", state?.rawValue), ("--trace", trace), ("--since", since), ("--until", until),
        ]
        for (flag, value) in others {
            if let value { words += [flag, value] }
        }
        return words
    }
}

extension OutboxFilter {
    /// Makes sure that the market, symbol or exchange that is asked for is known: a mistyped one has no rows, and that is no answer.
    /// - Throws: ``CommandExit`` with 1 and one line.
    package func requireMarkets(_ connection: PostgresConnection) async throws {
        guard market != nil || namesMarkets, try await connection.execute(marketsStatement()).count == 0 else {
            return
        }
        let asked = [
            market.map { "id \($0)" }, symbol.map { "symbol \"\($0)\"" }, exchange.map { "exchange \"\($0)\"" },
        ]
        throw CommandExit(.no, "there is no market with \(asked.compactMap(\.self).joined(separator: " and "))")
    }

    /// Makes sure that no other states are asked for than the command is about.
    /// - Throws: ``CommandExit`` with 64.
    package func allow(_ states: State...) throws(CommandExit) {
        guard let state, !states.contains(state) else { return }
        let allowed = states.map(\.rawValue).joined(separator: " or ")
        throw CommandExit(.usage, "--state is \"\(state.rawValue)\", but this is about \(allowed) rows")
    }

    /// The same with times that stay what they are: `2h` becomes the time two hours ago by the database's clock.
    package func withFixedTimes(_ connection: PostgresConnection) async throws(PostgresError) -> OutboxFilter {
        var fixed = self
        let ages = [since, until].map { $0.flatMap(DurationText.parse) }
        guard ages.contains(where: { $0 != nil }) else { return self }
        let times = try await connection.execute(
            """
            SELECT to_char((now() - make_interval(secs => age)) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
            FROM unnest(ARRAY[$1, $2]::float8[]) WITH ORDINALITY AS t(age, n) ORDER BY n
            """, ages.map { .double(($0 ?? .zero) / .seconds(1)) })
        if ages[0] != nil { fixed.since = try times[0].text(0) }
        if ages[1] != nil { fixed.until = try times[1].text(0) }
        return fixed
    }
}
