import Glibc
import Records

/// Programs of an older version, on the schema of today.
extension ChaosRound {
    func joinPreviousWriter() async throws -> Bool {
        let writer = try await startWriter(from: ChaosSettings.previousPrograms)
        try await writer.becomes(ready: true)
        try await worked(writer)
        return try await end(writer, by: SIGTERM) == .status(0)
    }

    /// Takes some of the lanes; with few markets perhaps none that has something in it.
    func joinPreviousRelay() async throws -> Bool {
        let relay = try await startRelay(from: ChaosSettings.previousPrograms)
        try await relay.becomes(ready: true)
        try await eventually("the older relay has lanes") {
            await relay.metric("candlepost_relay_lanes_owned") ?? 0 > 0
        }
        if plan.markets > Lane.count { try await worked(relay) } else { try await goOn(for: 100) }
        return try await end(relay, by: SIGTERM) == .status(0)
    }

    /// As an operator does it who doesn't trust the new version: all go back, and after a while forward again.
    func rollBack() async throws -> Bool {
        guard try await replaceAll(from: ChaosSettings.previousPrograms) else { return false }
        try await goOn(for: 300)
        try await worked(writers.randomElement(using: &random)!)
        // It has something to publish for certain: the others have gone.
        guard try await endInGoodOrder(relays.dropFirst()) else { return false }
        relays = [relays[0]]
        try await worked(relays[0])
        return try await replaceAll(from: nil)
    }

    /// All in good order, and as many in their place as the round began with.
    private func replaceAll(from folder: String?) async throws -> Bool {
        guard try await endInGoodOrder(writers + relays) else { return false }
        (writers, relays) = ([], [])
        for _ in 0..<plan.relays { relays.append(try await startRelay(from: folder)) }
        for _ in 0..<plan.writers { writers.append(try await startWriter(from: folder)) }
        try await allBecomeReady()
        return true
    }

    private func endInGoodOrder(_ programs: some Sequence<Program>) async throws -> Bool {
        for program in programs {
            guard try await end(program, by: SIGTERM) == .status(0) else { return false }
        }
        return true
    }

    /// Waits until a program has stored or published some more than it had.
    private func worked(_ program: Program) async throws {
        let name =
            program.name == "writer"
            ? "candlepost_writer_records_stored_total" : "candlepost_relay_rows_published_total"
        let before = await program.metric(name) ?? 0
        try await eventually("the older \(program.name) does its part", within: .seconds(120)) {
            await program.metric(name) ?? 0 >= before + 20
        }
    }
}
