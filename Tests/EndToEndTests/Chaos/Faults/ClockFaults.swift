import FoundationEssentials
import TestSupport

/// The clock of the machine that RabbitMQ runs on.
extension ChaosRound {
    /// RabbitMQ takes the age of what is unacknowledged from the wall clock: after a jump beyond consumer_timeout all of it is
    /// too old. It looks twice a second here and not once a minute.
    func jumpBrokerClock() async throws -> Bool {
        let isSeen = try await TemporaryFile.with(Self.noShift, ".clock") { file in
            try await Servers.tell(["--clock", "\(Self.clockLibrary):\(file)", "restart-rabbitmq"])
            for program in writers + relays { try await program.becomes(ready: true, within: .seconds(90)) }
            try await limitConsumers(milliseconds: 1_800_000, tick: 500)
            for writer in writers { try await writer.becomes(ready: true, within: .seconds(90)) }
            let before = writers.map(\.log.count)
            try await whileLocked("candle_sticks") {
                try await eventually("a writer waits") { try await self.isOneWaiting }
                try Self.shiftClock(by: 3600, in: file)
                try await Task.sleep(for: .seconds(3))  // the fault itself: a look at it each half second
            }
            return try await happens {
                zip(writers, before).contains { $0.log.dropFirst($1).contains("delivery acknowledgement") }
            }
        }
        // Back to the machine's own clock.
        try await Servers.tell(["restart-rabbitmq"])
        for program in writers + relays { try await program.becomes(ready: true, within: .seconds(90)) }
        return isSeen
    }

    private var isOneWaiting: Bool {
        get async throws {
            try await world.number(
                "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'candle_sticks'::regclass") > 0
        }
    }
}
