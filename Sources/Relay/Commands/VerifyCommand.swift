import ArgumentParser
import Candlepost
import Glibc
import Outbox
import Postgres
import ProgramRuntime

struct VerifyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "verify",
        abstract: "Holds the promises against the database and prints the sums: exit 0 if they hold, 1 if not.",
        discussion: """
            Reads every table once, in one snapshot, beside writers and relays at work. Of what breaks a promise it \
            names ten examples. Where the role may, what was found is kept in `verifications`, for the console.
            """)

    @Flag(help: "One JSON array of the checks.") var json = false

    func run() async throws {
        let verification = try await CommandConnections.withDatabase(
            .current, parameters: Verification.serverSettings
        ) { connection in
            let start = ContinuousClock.now
            var bar = ProgressBar()
            let verification = try await Verification.run(connection) { bar.show($0, $1) }
            bar.clear()
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            do {
                _ = try await verification.keep(seconds: seconds, says: Program.operatorName, connection)
            } catch {
                StandardStream.write("relay: what was found is not kept: \(error)\n", to: STDERR_FILENO)
            }
            return verification
        }
        var listing = ListingWriter(
            columns: json ? VerificationText.columns : Array(VerificationText.columns.dropLast()),
            format: json ? .json : .table)
        for check in verification.checks {
            let row = VerificationText.row(check)
            listing.write(json ? row : Array(row.dropLast()))
        }
        listing.finish()
        if !json { for line in VerificationText.lines(verification) { StandardStream.line(line) } }
        let broken = verification.broken
        guard broken.isEmpty else {
            throw CommandExit(.no, "broken: \(broken.map(\.name).joined(separator: "; "))")
        }
    }
}
