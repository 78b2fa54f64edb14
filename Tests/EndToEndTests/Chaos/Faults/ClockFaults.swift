import TestSupport

/// The clock of the machine that RabbitMQ runs on.
extension ChaosRound {
    /// RabbitMQ takes the age of what is unacknowledged from the wall clock: after a jump beyond consumer_timeout all of it is
    /// too old.
    func jumpBrokerClock() async throws -> Bool {
        let isSeen = try await TemporaryFile.with(Self.noShift, ".clock") { file in
            try await Servers.tell(["--clock", "\(Self.clockLibrary):\(file)", "restart-rabbitmq"])
            try await allBecomeReady()
            return try await outstay(milliseconds: 1_800_000) { try Self.shiftClock(by: 3600, in: file) }
        }
        // Back to the machine's own clock.
        try await Servers.tell(["restart-rabbitmq"])
        try await allBecomeReady()
        return isSeen
    }
}
