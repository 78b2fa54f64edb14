import FoundationEssentials
import Glibc

extension FaultKind {
    /// What it wants and this machine lacks; nil: nothing.
    var hindrance: String? {
        switch self {
        case .diskFull: Self.mayMount ? nil : "root and the program mount, for a file system of its own"
        case .previousWriterJoins, .previousRelayJoins, .rolledBack:
            ChaosSettings.previousPrograms == nil ? "another version, --previous" : nil
        default: nil
        }
    }

    /// Whether it is over in a few seconds, also on a slow machine: no server restarts, nothing is waited for that may be missed.
    var isQuick: Bool {
        switch self {
        case .rabbitMQKilled, .rabbitMQRestarted, .brokerApplicationStopped, .databaseHalfOpen, .brokerHalfOpen,
            .relayStoppedForLong, .postgresRestartedWhileBrokerIsCut, .consumerTimesOut, .writerOutOfDescriptors,
            .relayOutOfDescriptors, .writerOutOfMemory, .relayOutOfMemory, .brokerClockJumps, .hugeBodies:
            false
        default: true
        }
    }

    /// Whether nobody is ended but in good order and no connection is lost: nothing may be announced twice then.
    var isGraceful: Bool {
        switch self {
        case .writerTerminated, .writerJoins, .relayTerminated, .relayJoins, .previousWriterJoins, .previousRelayJoins,
            .rolledBack, .tableLocked, .listenerInTransaction, .longTransaction, .migratorsAgain, .gatewayStopped,
            .networkSlow, .poisonMixedIn, .replicasMixedIn, .hostileHeaders, .quarantineLocked, .hugeBodies:
            true
        default: false
        }
    }

    /// Whether it returns what a writer holds, or keeps it from being stored: no more than three times each message, then.
    var returnsMessages: Bool {
        switch self {
        case .writerKilled, .writerKilledAtFailpoint, .writerTerminated, .writerStopped, .writerJoins, .readOnly,
            .tableLocked, .statementTimeout, .deadlock, .serializationFailure, .roleConnectionLimit, .diskFull,
            .sessionsEnded, .brokerConnectionsClosed, .brokerCut, .databaseCut,
            .writerKilledWhileTableIsLocked:
            true
        default: false
        }
    }

    /// CAP_SYS_ADMIN, which root has not in every container, and `mount`, which a small Debian has not.
    private static let mayMount: Bool = {
        guard access("/usr/bin/mount", X_OK) == 0, geteuid() == 0,
            let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("CapEff:") }),
            let capabilities = UInt64(line.dropFirst(7).filter { !$0.isWhitespace }, radix: 16)
        else { return false }
        return capabilities & (1 << 21) != 0
    }()
}
