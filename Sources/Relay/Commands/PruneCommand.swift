import ArgumentParser
import Program
import Service

struct PruneCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "prune",
        abstract: "Drops what is older than the retention and done with; says what was dropped and why the rest stays.",
        discussion: """
            Relays do it by themselves every few minutes. What goes are whole partitions of the outbox whose rows are all \
            published or superseded and older than OUTBOX_RETENTION (--retention, as in 7d). Parked rows keep their partition.
            """)

    @OptionGroup var flags: RelayFlags

    func run() async throws {
        let reader = flags.settings
        guard let retention = try reader.read(RelaySettings.retentionSetting) else {
            return StandardStream.line("nothing is dropped: OUTBOX_RETENTION is off")
        }
        let steps = try await CommandConnections.withDatabase(reader) {
            try await Retention.run($0, retention: retention, by: Program.actor)
        }
        for step in steps { StandardStream.line("\(step)") }
        if steps.isEmpty { StandardStream.line("nothing to drop: no partition is full or old enough") }
    }
}
