import ArgumentParser
import Candlepost
import ProgramRuntime
import Schema

struct MigrateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "migrate",
        abstract: "Brings the schema up to date and prints what it did. Safe to run by several at once.")

    @Option(help: "The folder of the migrations; found by itself beside the program or in the checkout.")
    var migrations: String?

    func run() async throws {
        do {
            let migrator = Migrator(try Migration.load(from: try migrations ?? Migration.folder()))
            var steps: [String] = []
            let (applied, version) = try await CommandConnections.withDatabase(
                SettingsReader.current, needsSchema: false, parameters: ["statement_timeout": "0"]
            ) {
                let applied = try await migrator.migrate($0) { steps.append($0) }
                return (applied, try await SchemaVersion.current($0))
            }
            for name in applied { StandardStream.line("applied \(name)") }
            for step in steps { StandardStream.line(step) }
            if applied.isEmpty, steps.isEmpty {
                StandardStream.line("nothing to do: the schema has version \(version)")
            }
        } catch let error as MigrationError {
            throw CommandExit(.no, "\(error)")
        }
    }
}
