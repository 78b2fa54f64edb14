import Glibc
import TestSupport

/// What each kind of fault does.
extension ChaosRound {
    /// - Returns: whether it was seen to have happened.
    func perform(_ fault: FaultKind) async throws -> Bool {
        switch fault {
        case .writerKilled: return try await replaceWriter(SIGKILL)
        case .writerTerminated: return try await replaceWriter(SIGTERM)
        case .writerKilledAtFailpoint: return try await failpoint(ofWriter: true)
        case .writerStopped: return try await stopAndContinueWriter()
        case .writerJoins: return try await join(try await startWriter())
        case .relayKilled: return try await replaceRelay(SIGKILL)
        case .relayTerminated: return try await replaceRelay(SIGTERM)
        case .relayKilledAtFailpoint: return try await failpoint(ofWriter: false)
        case .relayStopped: return try await stopAndContinueRelay(for: .seconds(2))
        case .relayStoppedForLong: return try await stopAndContinueRelay(for: .seconds(20))
        case .relayJoins: return try await join(try await startRelay())
        case .relaySleepsThroughItsEnd: return try await sleepThroughItsEnd()
        case .postgresKilled: return try await serverFault(["kill-postgres"], ["start-postgres"], "postgres")
        case .postgresStoppedImmediate:
            return try await serverFault(["stop-postgres", "immediate"], ["start-postgres"], "postgres")
        case .postgresRestartedFast:
            return try await serverFault(["stop-postgres", "fast"], ["start-postgres"], "postgres")
        case .rabbitMQKilled: return try await serverFault(["kill-rabbitmq"], ["start-rabbitmq"], "rabbitmq")
        case .rabbitMQRestarted: return try await serverFault(["stop-rabbitmq"], ["start-rabbitmq"], "rabbitmq")
        case .sessionsEnded: return try await threeTimes { try await self.endSessionsOnceThere() }
        case .readOnly: return try await whileDatabase(is: "SET default_transaction_read_only = on", "25006")
        case .noConnections: return try await whileDatabase(is: "ALLOW_CONNECTIONS false", "not currently accepting")
        case .tableLocked: return try await lockTable()
        case .brokerConnectionsClosed: return try await closeBrokerConnections()
        case .memoryAlarm: return try await memoryAlarm()
        case .databaseCut: return try await threeTimes { try await self.cut(self.databaseProxy!) }
        case .brokerCut: return try await threeTimes { try await self.cut(self.brokerProxy!) }
        case .databaseHalfOpen: return try await halfOpen(databaseProxy!)
        case .brokerHalfOpen: return try await halfOpen(brokerProxy!)

        case .writerOutOfDescriptors: return try await takeDescriptors(of: writers.randomElement(using: &random)!)
        case .relayOutOfDescriptors: return try await takeDescriptors(of: relays.randomElement(using: &random)!)
        case .writerClockJumps: return try await jumpClock(ofWriter: true)
        case .relayClockJumps: return try await jumpClock(ofWriter: false)
        case .writerOutOfMemory: return try await takeMemory(ofWriter: true)
        case .relayOutOfMemory: return try await takeMemory(ofWriter: false)
        case .previousWriterJoins: return try await joinPreviousWriter()
        case .previousRelayJoins: return try await joinPreviousRelay()
        case .rolledBack: return try await rollBack()
        case .statementTimeout: return try await timeOutStatements()
        case .deadlock: return try await makeDeadlock()
        case .serializationFailure: return try await failToSerialize()
        case .roleConnectionLimit: return try await limitConnections()
        case .diskFull: return try await fillDisk()
        case .idleTransactionTimeout: return try await limitIdleTransactions()
        case .databaseDoorbellSwallowed: return try await swallowDoorbell()
        case .listenerInTransaction: return try await listenInTransaction()
        case .longTransaction: return try await beginLongTransaction()
        case .migratorsAgain: return try await migrateAgain()
        case .ledgerEntryRemoved: return try await removeLedgerEntry()

        case .diskAlarm: return try await diskAlarm()
        case .outputQueueDeleted: return try await deleteOutputQueue()
        case .inputQueueDeleted: return try await deleteInputQueue()
        case .outputQueueFull: return try await fillOutputQueue()
        case .gatewayStopped: return try await stopGateway()
        case .consumerTimesOut: return try await timeOutConsumer()
        case .permissionsWithdrawn: return try await withdrawPermissions(toRead: "", toWrite: "")
        case .writingForbidden: return try await withdrawPermissions(toRead: ".*", toWrite: "")
        case .brokerApplicationStopped: return try await stopBrokerApplication()
        case .brokerClockJumps: return try await jumpBrokerClock()

        case .commitRequestLost: return try await loseCommit(.request)
        case .commitReplyLost: return try await loseCommit(.reply)
        case .networkSlow: return try await slowNetwork()
        case .databaseStalls: return try await stall(databaseProxy!)
        case .brokerStalls: return try await stall(brokerProxy!)

        case .poisonMixedIn: return try await mixInPoison()
        case .replicasMixedIn: return try await mixInReplicas()
        case .hostileHeaders: return try await addHostileHeaders()
        case .quarantineLocked: return try await lockQuarantine()
        case .hugeBodies: return try await sendHugeBodies()

        case .postgresRestartedWhileBrokerIsCut: return try await restartPostgresWhileBrokerIsCut()
        case .writerKilledWhileTableIsLocked: return try await killWriterWhileTableIsLocked()
        case .relayKilledDuringMemoryAlarm: return try await killRelayDuringMemoryAlarm()
        }
    }
}
