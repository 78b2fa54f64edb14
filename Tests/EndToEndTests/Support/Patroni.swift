import Glibc
import TestSupport
import Testing

/// The servers of `scripts/patroni`, one of which leads.
enum Patroni {
    /// Whether the tests run on them.
    static let isThere = getenv("TEST_PATRONI") != nil

    /// Whether a commit waits for a replica.
    static let isSynchronous = (try? TestEnvironment.value(of: "TEST_PATRONI_KIND")) == "synchronous"

    /// Runs a verb of the script to its end, for example `kill 2`.
    static func tell(_ words: String...) async throws {
        let (exit, _, log) = try await run(words)
        try #require(exit == .status(0), "\(words.joined(separator: " ")): \(exit)\n\(log)")
    }

    /// The number of the leader; nil while there is none.
    static func leader() async throws -> String? {
        let (exit, output, _) = try await run(["leader"])
        return exit == .status(0) ? output.filter(\.isNumber) : nil
    }

    private static func run(_ words: [String]) async throws -> (exit: Program.Exit, output: String, log: String) {
        let script = try TestEnvironment.value(of: "TEST_PATRONI")
        let folder = try TestEnvironment.value(of: "TEST_PATRONI_DIR")
        let run = try await Program(path: script, ["--dir", folder] + words)
        let exit = try await run.ended(within: .seconds(240))
        return (exit, run.output, run.log)
    }
}
