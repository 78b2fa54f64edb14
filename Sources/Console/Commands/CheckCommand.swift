import ArgumentParser
import Candlepost
import ProgramRuntime

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Settings, connections, rights, schema version: a line each, exit 0 if all is fine.")

    func run() async throws {
        var report = CheckReport()
        try report.settings(.current, of: "console")
        let settings = try ConsoleSettings(.current)
        await report.database(
            settings.database,
            rights: [
                ("outbox", "SELECT"), ("outbox_audit", "SELECT"), ("outbox_deliveries", "SELECT"),
                ("outbox_exceptions", "SELECT"), ("outbox_acts", "SELECT"), ("ingest_batches", "SELECT"),
                ("quarantine", "SELECT"), ("conflicting_duplicates", "SELECT"), ("candle_sticks", "SELECT"),
                ("markets", "SELECT"), ("record_kinds", "SELECT"), ("relays", "SELECT"),
                ("outbox_ids_ahead()", "EXECUTE"),
            ])
        try report.finish()
    }
}
