import Records
import TestSupport

/// What others send.
extension ChaosRound {
    private var quarantined: Int {
        get async throws { try await world.number("SELECT count(*) FROM quarantine") }
    }

    func mixInPoison() async throws -> Bool {
        let before = try await quarantined
        try await load.adding(.poison) {
            try await eventually("bad messages are quarantined") { try await quarantined >= before + 25 }
        }
        return true
    }

    func mixInReplicas() async throws -> Bool {
        let sums = "SELECT sum(duplicate - duplicate_other) * 1000000 + sum(duplicate_other) FROM ingest_batches"
        let before = try await world.number(sums)
        try await load.adding(.replicas) {
            try await eventually("duplicates of both sorts are counted") {
                let now = try await world.number(sums)
                return now / 1_000_000 > before / 1_000_000 && now % 1_000_000 > before % 1_000_000
            }
        }
        return true
    }

    /// They leave no trace but in the queues: what came with them is announced.
    func addHostileHeaders() async throws -> Bool {
        let before = world.collector.confirmedCount
        try await load.adding(.hostileHeaders) {
            try await eventually("some are sent", within: .seconds(120)) {
                world.collector.confirmedCount >= before + 100
            }
        }
        try await goOn(for: 200)
        return true
    }

    /// One after the other, beside the load.
    func sendHugeBodies() async throws -> Bool {
        let count = "SELECT count(*) FROM quarantine WHERE reason = 'too_large'"
        let before = try await world.number(count)
        let bodies = BadMessage.large.filter { $0.reason == .tooLarge }
        // RabbitMQ 4 takes 16 MiB: still more than a writer.
        let largest = try await TestBroker.shared.largestMessage(upTo: bodies.map(\.body.count).max() ?? 0)
        for bad in bodies {
            try await world.collector.publish([Message(poison: Array(bad.body.prefix(largest)), to: bad.kind)])
        }
        try await eventually("they are quarantined", within: .seconds(120)) {
            try await world.number(count) >= before + bodies.count
        }
        return !bodies.isEmpty
    }

    func lockQuarantine() async throws -> Bool {
        try await load.adding(.poison) {
            try await whileLocked("quarantine") {
                try await eventually("a writer waits") { try await world.waiters(for: "quarantine") > 0 }
                try await Task.sleep(for: .seconds(1))  // the fault itself
                return try await world.waiters(for: "quarantine") > 0
            }
        }
    }
}
