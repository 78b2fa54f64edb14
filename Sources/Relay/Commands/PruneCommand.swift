import ArgumentParser
import Candlepost
import ProgramRuntime

struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Drops what is older than the retention and done with; says what was dropped and why the rest stays.",
        discussion: """
            Relays do it by themselves every few minutes. What goes are whole partitions of the outbox whose rows are all \
            published or superseded and older than OUTBOX_RETENTION (--retention, as in 7d). Parked rows keep their partition. \
            QUARANTINE_RETENTION, CONFLICTS_RETENTION and ACTS_RETENTION are for what is kept for people, RECORD_RETENTION is for \
            the records of each kind.
            """)

    func run() async throws {
        let reader = SettingsReader.current
        let retention = try reader.read(RelaySettings.retentionSetting)
        let kept = try Retention.Kept(reader)
        let records = try reader.read(RecordRetention.setting)
        if retention == nil { StandardStream.line("the outbox is kept: OUTBOX_RETENTION is off") }
        let steps = try await CommandConnections.withDatabase(reader) { connection in
            var steps: [Retention.Step] = []
            if let retention {
                steps = try await Retention.run(connection, retention: retention, by: Program.operatorName)
            }
            steps += try await Retention.forget(connection, kept)
            return try await steps + Retention.records(connection, records, by: Program.operatorName)
        }
        for step in steps { StandardStream.line("\(step)") }
        if steps.isEmpty { StandardStream.line("nothing to drop: no partition is full or old enough") }
    }
}
