import Glibc
import TestSupport
import Testing

/// Packets between the programs and both servers are lost or refused. For `scripts/test --clusters`, in a network
/// namespace of its own in which 127.0.0.2 is another name of 127.0.0.1: the programs use that one, so that only theirs
/// can be told apart.
@Suite("A bad network", .serialized, .enabled(if: getenv("TEST_NETWORK") != nil)) struct NetworkOutageTests {
    private static let theirs = ["-p", "tcp", "-m", "conntrack", "--ctorigdst", "127.0.0.2"]

    @Test func aThirdOfAllPacketsIsLost() async throws {
        let lost = ["-m", "statistic", "--mode", "random", "--probability", "0.3", "-j", "DROP"]
        try await through(lost, repeats: 4) { world, _, _ in
            let count = world.gateway.distinctCount
            try await eventually("there is progress", within: .seconds(120)) {
                world.gateway.distinctCount >= count + 500
            }
        }
    }

    /// Nobody is told that the other end is gone.
    @Test func allPacketsAreLost() async throws {
        try await through(["-j", "DROP"], repeats: 3) { _, writer, relay in
            let start = ContinuousClock.now
            for program in [writer, relay] {
                try await program.becomes(ready: false, within: .seconds(60))
                print("\(program.name) noticed after \((.now - start).components.seconds) s")
            }
        }
    }

    @Test func connectionsAreReset() async throws {
        let reset = ["--ctdir", "ORIGINAL", "-j", "REJECT", "--reject-with", "tcp-reset"]
        try await through(reset, repeats: 3) { _, writer, relay in
            for program in [writer, relay] { try await program.becomes(ready: false, within: .seconds(60)) }
        }
    }

    private func through(
        _ rule: [String], repeats: Int, _ meanwhile: (World, Program, Program) async throws -> Void
    ) async throws {
        try await World.with { world in
            let settings = [
                "DATABASE_URL": world.database.url.replacing("@127.0.0.1:", with: "@127.0.0.2:"),
                "AMQP_URL": world.host.url.replacing("@127.0.0.1:", with: "@127.0.0.2:"),
            ]
            try await world.survives(settings, repeats: repeats) { writer, relay in
                try await iptables(["-A", "INPUT"] + Self.theirs + rule)
                do {
                    try await meanwhile(world, writer, relay)
                } catch {
                    try await iptables(["-F", "INPUT"])
                    throw error
                }
                let counters = try await iptables(["-nvxL", "INPUT"]).split(separator: "\n").last ?? ""
                try await iptables(["-F", "INPUT"])
                return (counters.split(separator: " ").first.flatMap { Int($0) } ?? 0) > 0
            }
        }
    }

    @discardableResult
    private func iptables(_ arguments: [String]) async throws -> String {
        let run = try await Program(path: "/usr/sbin/iptables", arguments)
        try #require(try await run.ended() == .status(0), "\(arguments): \(run.log)")
        return run.output
    }
}
