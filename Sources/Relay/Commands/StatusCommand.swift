import ArgumentParser
import Candlepost
import Outbox
import Postgres
import ProgramRuntime

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far behind, who relays, how fast: the whole and by lane.",
        discussion: """
            Pending rows are counted up to 20,000 in a lane; beyond, the number is a lower bound, shown with a +. Ages and rates \
            are by the database's clock. A relay that has not reported for 15 seconds is silent. --watch draws the last half hour, \
            says what is wrong and what to do, and redraws in place once a second; where no terminal is, it writes a line each ten \
            seconds.
            """)

    @Flag(help: "One JSON object: totals, relays, lanes.") var json = false
    @Flag(help: "A screen that changes by itself, until Ctrl-C.") var watch = false

    func validate() throws {
        if json && watch { throw ValidationError("--json and --watch exclude each other") }
    }

    func run() async throws {
        guard !watch else { return try await StatusWatch.run(.current) }
        let report = try await CommandConnections.withDatabase(
            .current, parameters: OutboxReader.plannerSettings
        ) { try await StatusReport.read($0) }
        guard !json else { return StandardStream.line(report.json) }
        for line in report.lines { StandardStream.line(line) }
        StandardStream.line()
        let shown = report.lanes.filter { !$0.isIdle }
        if !shown.isEmpty {
            var listing = ListingWriter(columns: LaneStatus.shortColumns, format: .table)
            for lane in shown { listing.write(lane.shortRow) }
            listing.finish()
        }
        let idle = report.lanes.count - shown.count
        if idle > 0 { StandardStream.line("\(idle) lanes have had nothing to do for 15 minutes.") }
    }
}
