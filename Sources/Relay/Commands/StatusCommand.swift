import ArgumentParser
import Outbox
import Postgres
import Program
import Service

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far behind, who relays, how fast: the whole and by lane.",
        discussion: """
            Pending rows are counted up to 1,000 in a lane, and estimated beyond. A relay that has not been heard of for 15 \
            seconds is silent.
            """)

    @Flag(help: "One JSON array, a row for each lane.") var json = false
    @OptionGroup var flags: RelayFlags

    func run() async throws {
        let report = try await CommandConnections.withDatabase(
            flags.settings, parameters: OutboxReader.plannerSettings
        ) { try await StatusReport.read($0) }
        if !json {
            for line in report.lines { StandardStream.line(line) }
            StandardStream.line()
        }
        var listing = ListingWriter(columns: LaneStatus.columns, format: json ? .json : .table)
        for lane in report.lanes { listing.write(lane.row) }
        listing.finish()
    }
}
