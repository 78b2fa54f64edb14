import Testing

extension World {
    static let window = 100

    /// A writer and a relay under load, a fault, and then everything that the checker holds against it.
    /// - Parameters:
    ///   - repeats: how many windows of rows the fault may have repeated.
    ///   - fault: returns when it is over; whether it was seen to have happened.
    func survives(
        _ settings: [String: String], repeats: Int,
        _ fault: (_ writer: Program, _ relay: Program) async throws -> Bool
    ) async throws {
        let (writer, relay, isSeen) = try await livesThrough(settings, fault)
        try await check([relay, writer], within: .seconds(180)) {
            $0.minimum = 400
            $0.evidence = [("the fault", isSeen)]
            $0.isInOrderOfArrival = false  // the broker mixes what it delivers again
            $0.allowedDuplicates = Self.window * repeats + Gateway.prefetch * repeats
        }
    }

    /// A writer and a relay under load, and a fault, after which both are ready again and go on.
    /// - Returns: both, and whether the fault was seen to have happened.
    func livesThrough(
        _ settings: [String: String], _ fault: (_ writer: Program, _ relay: Program) async throws -> Bool
    ) async throws -> (writer: Program, relay: Program, isSeen: Bool) {
        let common = [
            "RELAY_BATCH_SIZE": "\(Self.window)", "WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100",
        ].merging(settings) { $1 }
        let (writer, relay) = (try await writer(common), try await relay(common))
        gateway.start()
        let load = Task.detached { [collector] in
            var candles = Candles()
            while !Task.isCancelled { try await collector.publish(candles.next(40), rate: 400, within: .seconds(400)) }
        }
        try await eventually("the first are announced") { gateway.distinctCount >= 300 }
        let isSeen = try await fault(writer, relay)
        let count = gateway.distinctCount
        try await eventually("announcements go on", within: .seconds(180)) { gateway.distinctCount >= count + 100 }
        load.cancel()
        try await load.value
        for program in [writer, relay] { try await program.becomes(ready: true, within: .seconds(180)) }
        #expect(writer.isRunning && relay.isRunning, "both live through it")
        return (writer, relay, isSeen)
    }
}
