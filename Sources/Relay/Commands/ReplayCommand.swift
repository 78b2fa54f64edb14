import ArgumentParser
import Candlepost
import Outbox
import Postgres
import ProgramRuntime

struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Publishes rows again that are published or superseded, in the order of their ids.",
        discussion: """
            Shows how many first; with --yes does it. Messages have the same bytes and the same message_id as before, an \
            x-attempt above 1, and x-possibly-redelivered true. Interrupted, it says how to go on.
            """)

    @OptionGroup var rows: LimitedFilter
    @Option(help: "The most messages a second; 0 for as fast as the broker confirms them.") var rate = 500
    @Option(name: .customLong("continue"), help: "Goes on with an act that was interrupted, by its number.")
    var continued: Int64?
    @OptionGroup var act: ActFlags

    func validate() throws {
        if rate < 0 { throw ValidationError("--rate must not be negative") }
        guard continued == nil else {
            guard rows.words.isEmpty, act.reason == nil else {
                throw ValidationError("--continue goes on with the rows and the reason of that act: give no others")
            }
            return
        }
        if rows.filter.words.isEmpty {
            throw ValidationError("which rows? Give at least one of --id, --market, --symbol, --since, ...")
        }
    }

    func run() async throws {
        try rows.filter.allow(.published, .superseded)
        _ = try rows.filter.selection()
        let (rate, yes) = (rate, act.yes)
        let plan = ReplayPlan(rows: rows, continued: continued, reason: act.reason)
        let filter = rows.filter
        let done = try await ActRun.with(.current) { run -> (act: Int64, ending: Replay.Ending)? in
            try await filter.requireMarkets(run.connection)
            let (cursor, begin) = try await plan.open(run.connection) { StandardStream.line($0) }
            guard cursor.count > 0 else { return (0, Replay.Ending(done: 0, interruptedBy: nil)) }
            guard yes else { return nil }
            return try await run.publishing { republisher, interruption in
                let record = try await begin()
                var replay = Replay(
                    record, cursor, republisher: republisher, rate: rate, interruption: interruption)
                do {
                    return (record.id, try await replay.run())
                } catch {
                    ActRun.say(Self.resumption(record.id))
                    throw error
                }
            }
        }
        guard let done else { return ActFlags.sayNothingDone() }
        if let signal = done.ending.interruptedBy {
            ActRun.say("interrupted; \(done.ending.done) rows done. \(Self.resumption(done.act))")
            ExitStatus.exit(by: signal)
        }
        StandardStream.line("replayed \(done.ending.done)\(done.act > 0 ? ", act \(done.act)" : "")")
    }

    private static func resumption(_ act: Int64) -> String { "Go on with: relay replay --continue \(act) --yes" }
}
