import FoundationEssentials
import Glibc
import TestSupport
import Testing

/// The servers of `scripts/cluster`, some of which a test stops.
enum Cluster {
    /// Whether the tests run on them.
    static let isThere = getenv("TEST_CLUSTER") != nil

    /// Runs a verb of the script to its end, for example `kill-rabbitmq 2`.
    static func tell(_ words: String...) async throws {
        let script = try TestEnvironment.value(of: "TEST_CLUSTER")
        let folder = try TestEnvironment.value(of: "TEST_CLUSTER_DIR")
        let run = try await Program(path: script, ["--dir", folder] + words)
        let exit = try await run.ended(within: .seconds(300))
        try #require(exit == .status(0), "\(words.joined(separator: " ")): \(exit)\n\(run.log)")
    }

    /// What programs are started with: queues with a copy on each node, and all nodes, the tests' own one last.
    static func settings(_ host: VirtualHost) throws -> [String: String] {
        let nodes = try TestEnvironment.value(of: "TEST_AMQP_URL").split(separator: ",").map { "\($0)/\(host.name)" }
        return ["QUEUE_TYPE": "quorum", "AMQP_URL": (nodes.dropFirst() + nodes.prefix(1)).joined(separator: ",")]
    }

    /// The RabbitMQ node that a program connected to last, by what it says: 1 to 3; nil when it says none.
    static func node(of program: Program) throws -> Int? {
        guard let said = program.log.components(separatedBy: "\"amqp.endpoint\":\"").dropFirst().last,
            let port = said.prefix(while: { $0 != "\"" }).split(separator: ":").last?.prefix(while: \.isNumber)
        else { return nil }
        let nodes = try TestEnvironment.value(of: "TEST_AMQP_URL").split(separator: ",")
        return nodes.firstIndex { $0.hasSuffix(":\(port)") }.map { $0 + 1 }
    }
}
