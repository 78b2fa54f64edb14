/// The faults that rounds of chaos are made of.
///
/// To add one: a case here, its traits in `FaultKind+Traits.swift`, and what it does: a line in `ChaosRound.perform(_:)` and a
/// method in the folder Faults.
enum FaultKind: String, CaseIterable, Codable, Sendable {
    // Programs
    case writerKilled, writerKilledAtFailpoint, writerTerminated, writerStopped, writerJoins
    case relayKilled, relayKilledAtFailpoint, relayTerminated, relayStopped, relayStoppedForLong, relayJoins,
        relaySleepsThroughItsEnd
    case writerOutOfDescriptors, relayOutOfDescriptors, writerClockJumps, relayClockJumps
    case writerOutOfMemory, relayOutOfMemory
    // Another version of the programs
    case previousWriterJoins, previousRelayJoins, rolledBack
    // PostgreSQL
    case postgresKilled, postgresStoppedImmediate, postgresRestartedFast
    case sessionsEnded, readOnly, noConnections, tableLocked
    case statementTimeout, deadlock, serializationFailure, roleConnectionLimit, diskFull, idleTransactionTimeout
    case databaseDoorbellSwallowed, listenerInTransaction, longTransaction, migratorsAgain, ledgerEntryRemoved
    // RabbitMQ
    case rabbitMQKilled, rabbitMQRestarted, brokerConnectionsClosed, memoryAlarm
    case diskAlarm, outputQueueDeleted, inputQueueDeleted, outputQueueFull, gatewayStopped, consumerTimesOut
    case permissionsWithdrawn, writingForbidden, brokerApplicationStopped, brokerClockJumps
    // The network
    case databaseCut, brokerCut, databaseHalfOpen, brokerHalfOpen
    case commitRequestLost, commitReplyLost, networkSlow, databaseStalls, brokerStalls
    // The input
    case poisonMixedIn, replicasMixedIn, hostileHeaders, quarantineLocked, hugeBodies
    // Two at the same time
    case postgresRestartedWhileBrokerIsCut, writerKilledWhileTableIsLocked, relayKilledDuringMemoryAlarm
}
