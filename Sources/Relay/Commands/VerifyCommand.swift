import ArgumentParser
import Postgres
import Program
import Service

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Holds the promises against the database and prints the sums: exit 0 if they hold, 1 if not.")

    @Flag(help: "One JSON array of the checks.") var json = false
    @OptionGroup var flags: RelayFlags

    func run() async throws {
        let checks = try await CommandConnections.withDatabase(flags.settings) { try await Verification.run($0) }
        let columns = [
            ListingColumn("check"), ListingColumn("holds"), ListingColumn("found", isNumber: true),
            ListingColumn("expected", isNumber: true),
        ]
        var listing = ListingWriter(columns: columns, format: json ? .json : .table)
        for check in checks {
            listing.write([
                .text(check.name), .bool(check.holds), .integer(check.found), .integer(check.expected),
            ])
        }
        listing.finish()
        let broken = checks.filter { !$0.holds }
        guard broken.isEmpty else {
            throw CommandExit(.no, "broken: \(broken.map(\.name).joined(separator: "; "))")
        }
        if !json { StandardStream.line("\nAll promises hold.") }
    }
}
