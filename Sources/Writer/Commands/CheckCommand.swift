import AMQP
import ArgumentParser
import Candlepost
import ProgramRuntime
import Records

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Settings, connections, rights, schema version: a line each, exit 0 if all is fine.")

    func run() async throws {
        var report = CheckReport()
        try report.settings(.current, of: "writer")
        let settings = try WriterSettings(.current)
        let rights = [
            ("markets", "SELECT"), ("record_kinds", "SELECT"), ("outbox", "INSERT"), ("ingest_batches", "INSERT"),
            ("quarantine", "INSERT"),
            ("conflicting_duplicates", "INSERT"), ("quarantine", "UPDATE"), ("quarantine_acts", "INSERT"),
            ("outbox_make_partitions(bigint, bigint)", "EXECUTE"),
        ]
        let tables = settings.kinds.flatMap {
            [(RecordKind.all[$0].table, "INSERT"), (RecordKind.all[$0].table, "SELECT")]
        }
        await report.database(settings.database, rights: rights + tables)
        await report.broker(
            settings.broker, queues: settings.queues, for: .consuming, management: settings.management)
        try report.finish()
    }
}
