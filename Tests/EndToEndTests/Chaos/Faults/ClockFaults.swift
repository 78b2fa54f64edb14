import Glibc
import TestSupport

/// The clock of the machine that RabbitMQ runs on.
extension ChaosRound {
    /// RabbitMQ 3.10 takes the age of what is unacknowledged from the wall clock: after a jump beyond consumer_timeout all of it is
    /// too old. RabbitMQ 4 takes it from another one, and nothing may come of the jump.
    func jumpBrokerClock() async throws -> Bool {
        let isSeen = try await TemporaryFile.with(Self.noShift, ".clock") { file in
            try await Servers.tell(["--clock", "\(Self.clockLibrary):\(file)", "restart-rabbitmq"])
            try await allBecomeReady()
            let before = writers.map(\.log.count)
            try await holdBatch(milliseconds: 1_800_000) {
                try Self.shiftClock(by: 3600, in: file)
                try await Self.tellBroker("true = os:system_time(second) > \(time(nil) + 3000)")
            }
            let isOld = try await Servers.matches("{match, _} = re:run(rabbit_misc:version(), \"^3[.]10[.]\")")
            return isOld ? try await isTooOld(since: before) : true
        }
        // Back to the machine's own clock.
        try await Servers.tell(["restart-rabbitmq"])
        try await allBecomeReady()
        return isSeen
    }
}
