import TestSupport
import Testing

/// The servers that outage tests stop, kill and start, by way of `scripts/servers`.
enum Servers {
    /// Whether there are servers that may be stopped.
    static let mayBeStopped =
        (try? TestEnvironment.value(of: "TEST_SERVERS")) != nil
        && (try? TestEnvironment.value(of: "TEST_SERVERS_DIR")) != nil

    /// Runs a verb of the script to its end, for example `stop-postgres fast`.
    static func tell(_ words: [String]) async throws {
        let (exit, log) = try await run(words)
        try #require(exit == .status(0), "\(words.joined(separator: " ")): \(exit)\n\(log)")
    }

    /// Whether the broker finds that two sides of an Erlang match are alike.
    static func matches(_ expression: String) async throws -> Bool {
        try await run(["erlang", expression]).exit == .status(0)
    }

    private static func run(_ words: [String]) async throws -> (exit: Program.Exit, log: String) {
        let script = try TestEnvironment.value(of: "TEST_SERVERS")
        let folder = try TestEnvironment.value(of: "TEST_SERVERS_DIR")
        let run = try await Program(path: script, ["--dir", folder] + words)
        return (try await run.ended(within: .seconds(90)), run.log)
    }

    /// From now on the broker takes no longer messages, on new channels at least. RabbitMQ 4 has read its setting once for all, and
    /// keeps it elsewhere.
    static func limitMessages(to bytes: Int) async throws {
        let set =
            "application:set_env(rabbit, max_message_size, \(bytes)), persistent_term:put(max_message_size, \(bytes))."
        try await tell(["rabbitmqctl", "eval", set])
    }
}
