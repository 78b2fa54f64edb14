import AMQP
import ArgumentParser
import Candlepost
import ProgramRuntime

struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check",
        abstract: "Settings, connections, rights, schema version: a line each, exit 0 if all is fine.")

    func run() async throws {
        var report = CheckReport()
        try report.settings(.current, of: "relay")
        let settings = try RelaySettings(.current)
        await report.database(
            settings.database,
            rights: [
                ("outbox", "SELECT"), ("record_kinds", "SELECT"), ("outbox_deliveries", "SELECT"),
                ("outbox_deliveries", "INSERT"),
                ("lane_owners", "SELECT"), ("lane_owners", "INSERT"), ("lane_owners", "UPDATE"),
                ("outbox_exceptions", "SELECT"), ("outbox_exceptions", "INSERT"), ("outbox_exceptions", "UPDATE"),
                ("relays", "INSERT"), ("relays", "UPDATE"), ("relays", "DELETE"),
                ("outbox_make_partitions(bigint, bigint)", "EXECUTE"), ("outbox_prune(interval, text)", "EXECUTE"),
            ])
        await report.broker(settings.broker, queues: [settings.queue], for: .publishing)
        try report.finish()
    }
}
