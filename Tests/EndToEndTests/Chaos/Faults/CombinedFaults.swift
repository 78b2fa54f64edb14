import Glibc
import TestSupport

/// Two faults at the same time.
extension ChaosRound {
    func restartPostgresWhileBrokerIsCut() async throws -> Bool {
        brokerProxy!.refuse()
        try await Servers.tell(["stop-postgres", "fast"])
        for program in writers + relays { try await program.becomes(ready: false, within: .seconds(90)) }
        let relay = relays.randomElement(using: &random)!
        let isDatabaseMissed = try await isSaid(by: [relay], "postgres: ")
        try await Servers.tell(["start-postgres"])
        let isBrokerMissed = try await isSaid(by: [relay], "rabbitmq: ")
        brokerProxy!.forwardFreely()
        return isDatabaseMissed && isBrokerMissed
    }

    func killWriterWhileTableIsLocked() async throws -> Bool {
        try await whileLocked("candle_sticks") {
            try await eventually("a writer waits") { try await world.waiters(for: "candle_sticks") > 0 }
            return try await replaceWriter(SIGKILL)
        }
    }

    func killRelayDuringMemoryAlarm() async throws -> Bool {
        let isBlocked = try await isOneRelayBlocked(by: Self.raisingMemoryAlarm, else: Self.endingMemoryAlarm)
        let isKilled = try await replaceRelay(SIGKILL)
        try await Self.tellBroker(Self.endingMemoryAlarm)
        return isBlocked && isKilled
    }
}
