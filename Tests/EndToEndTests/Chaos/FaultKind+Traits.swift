extension FaultKind {
    var traits: FaultTraits {
        switch self {
        // MARK: programs
        case .writerKilled: FaultTraits([1, 2], "kill -9 of a writer, then another one", mixesArrival: true)
        case .writerKilledAtFailpoint:
            FaultTraits(
                [1, 2, 3], "a writer that kills itself before the commit, after it, or after the acknowledgement",
                mixesArrival: true)
        case .writerTerminated:
            FaultTraits([5], "SIGTERM to a writer under load, then another one", mixesArrival: true)
        case .writerStopped:
            FaultTraits(
                [7], "SIGSTOP to a writer for two seconds, its session ended meanwhile", mixesArrival: true)
        case .writerJoins: FaultTraits([8], "a writer more, for a second", mixesArrival: true)
        case .relayKilled: FaultTraits([4], "kill -9 of a relay, then another one", repeats: .windows(1))
        case .relayKilledAtFailpoint:
            FaultTraits(
                [4], "a relay that kills itself before or after publish, confirm or ledger entry",
                repeats: .windows(1))
        case .relayTerminated: FaultTraits([5], "SIGTERM to a relay under load, then another one")
        // The sleeper's window, and that of who takes over from it.
        case .relayStopped:
            FaultTraits([6], "SIGSTOP to a relay for two seconds", repeats: .windows(2))
        case .relayStoppedForLong:
            FaultTraits([6, 38], "SIGSTOP to a relay for twenty seconds, beyond its heartbeats", repeats: .windows(2))
        case .relayJoins: FaultTraits([8], "one more relay, for a second")
        case .relaySleepsThroughItsEnd:
            FaultTraits(
                [6], "SIGSTOP to a relay, its sessions ended, lanes taken over; SIGCONT", repeats: .windows(2))
        case .writerOutOfDescriptors:
            FaultTraits(
                [9], "no descriptor left for a new connection of a writer, sessions ended", mixesArrival: true)
        case .relayOutOfDescriptors:
            FaultTraits(
                [9], "no descriptor left for a new connection of a relay, sessions ended", repeats: .eachRelay(1))
        case .writerClockJumps:
            FaultTraits(
                [43], "a writer's clock jumps by an hour, forward or back, its session ended then", mixesArrival: true)
        case .relayClockJumps:
            FaultTraits(
                [43], "a relay's clock jumps by an hour, forward or back, its sessions ended then",
                repeats: .eachRelay(1))

        case .writerOutOfMemory:
            FaultTraits(
                [9], "no more memory for a writer, until it ends or waits; then another one", mixesArrival: true)
        case .relayOutOfMemory:
            FaultTraits(
                [9], "no more memory for a relay, until it ends or waits; then another one", repeats: .windows(1))

        // MARK: another version
        case .previousWriterJoins:
            FaultTraits([26], "a writer of an older version beside those of today", mixesArrival: true)
        case .previousRelayJoins: FaultTraits([26], "a relay of an older version beside those of today")
        case .rolledBack:
            FaultTraits(
                [26, 5], "all programs replaced by ones of an older version, then by those of today", mixesArrival: true
            )

        // MARK: PostgreSQL
        case .postgresKilled:
            FaultTraits([10], "kill -9 of PostgreSQL, all its processes", repeats: .eachRelay(1))
        case .postgresStoppedImmediate:
            FaultTraits([10], "PostgreSQL stopped with -m immediate", repeats: .eachRelay(1))
        case .postgresRestartedFast:
            FaultTraits([11], "PostgreSQL restarted with -m fast", repeats: .eachRelay(1))
        case .sessionsEnded:
            FaultTraits(
                [12, 20], "all sessions of the programs ended by the server, three times", repeats: .eachRelay(3))
        case .readOnly:
            FaultTraits([13], "the database read-only for a second, as after a failover", repeats: .eachRelay(1))
        case .noConnections:
            FaultTraits([14], "no new connections for a second, those there are ended", repeats: .eachRelay(1))
        case .tableLocked: FaultTraits([16], "a record table locked for two seconds")
        case .statementTimeout:
            FaultTraits([17], "statement_timeout of 50 ms while a table is locked", mixesArrival: true)
        case .deadlock: FaultTraits([16], "a deadlock with a session that locks two tables crosswise (40P01)")
        case .serializationFailure:
            FaultTraits([16], "every fourth transaction fails with 40001, at a statement or at its COMMIT")
        case .roleConnectionLimit:
            FaultTraits([14], "CONNECTION LIMIT 0 for a writer's role, its session ended", mixesArrival: true)
        case .diskFull:
            FaultTraits([15], "the file system of a record table full (a tablespace on a tmpfs)")
        case .idleTransactionTimeout:
            FaultTraits(
                [18], "a writer and a relay with idle_in_transaction_session_timeout of 2 s", mixesArrival: true)
        case .databaseDoorbellSwallowed:
            FaultTraits(
                [19], "NOTIFY is swallowed, as some poolers do, from now to the end of the round",
                repeats: .eachRelay(1))
        case .listenerInTransaction:
            FaultTraits([21, 22], "somebody listens in an open transaction, so the queue of notifications grows")
        case .longTransaction:
            FaultTraits([24], "a transaction that has read the outbox stays open until the round is over")
        case .migratorsAgain: FaultTraits([25], "two migrators at once, under load")
        case .ledgerEntryRemoved:
            FaultTraits(
                [27], "a lane's last ledger entry deleted by hand: its rows are published again",
                repeats: .windows(1))

        // MARK: RabbitMQ
        case .rabbitMQKilled:
            FaultTraits(
                [28], "kill -9 of RabbitMQ, all its processes", repeats: .eachRelay(1), mixesArrival: true,
                hitsGateway: true)
        case .rabbitMQRestarted:
            FaultTraits(
                [29], "RabbitMQ stopped and started", repeats: .eachRelay(1), mixesArrival: true, hitsGateway: true)
        case .brokerConnectionsClosed:
            FaultTraits(
                [29], "all connections closed by RabbitMQ", repeats: .eachRelay(1), mixesArrival: true,
                hitsGateway: true)
        case .memoryAlarm: FaultTraits([30], "RabbitMQ's memory alarm, until it blocks a relay")
        case .diskAlarm: FaultTraits([30], "RabbitMQ's disk alarm, until it blocks a relay")
        case .outputQueueDeleted:
            FaultTraits(
                [31], "the output queue deleted when it is empty, then load again", repeats: .eachRelay(1),
                hitsGateway: true)
        case .inputQueueDeleted:
            FaultTraits([32], "the candles' queue deleted when it is empty", mixesArrival: true)
        case .outputQueueFull:
            FaultTraits(
                [33, 37],
                "the output queue has room for two messages and its consumer is slow: it takes some and refuses some",
                repeats: .eachRelay(1))
        case .gatewayStopped: FaultTraits([40], "nobody takes from the output queue for a second or two")
        case .consumerTimesOut:
            FaultTraits(
                [36, 35],
                "consumer_timeout of a second while a table lock holds the batch: RabbitMQ closes the channel (406); from 4.3 on "
                    + "it cancels the consumer of a quorum queue, and does nothing for a classic one",
                repeats: .eachRelay(2), mixesArrival: true, hitsGateway: true)
        case .permissionsWithdrawn:
            FaultTraits(
                [42], "all permissions of the user withdrawn, its connections closed; given back",
                repeats: .eachRelay(1),
                mixesArrival: true, hitsGateway: true)
        case .writingForbidden:
            FaultTraits(
                [35, 42], "the user may read but not write (403 for relays), connections closed; given back",
                repeats: .eachRelay(2), mixesArrival: true, hitsGateway: true)
        case .brokerApplicationStopped:
            FaultTraits(
                [42, 29], "rabbitmqctl stop_app, start_app", repeats: .eachRelay(1), mixesArrival: true,
                hitsGateway: true)
        case .brokerClockJumps:
            FaultTraits(
                [44, 36],
                "the clock of RabbitMQ's host jumps by an hour while a table lock holds the batch: 3.10 closes the channel",
                repeats: .eachRelay(3), mixesArrival: true, hitsGateway: true)

        // MARK: the network
        case .databaseCut:
            FaultTraits(
                [3, 39], "connections to PostgreSQL cut by the network, three times", repeats: .eachRelay(3),
                needsProxies: true)
        case .brokerCut:
            FaultTraits(
                [3, 39], "connections to RabbitMQ cut by the network, three times", repeats: .eachRelay(3),
                mixesArrival: true, needsProxies: true)
        case .databaseHalfOpen:
            FaultTraits(
                [19], "connections to PostgreSQL half open: no byte passes any more, and nobody is told",
                repeats: .eachRelay(1), needsProxies: true)
        case .brokerHalfOpen:
            FaultTraits(
                [38], "connections to RabbitMQ half open", repeats: .eachRelay(1), mixesArrival: true,
                needsProxies: true)
        case .commitRequestLost:
            FaultTraits(
                [3], "a writer's connection cut when it has sent COMMIT: the server never sees it", needsProxies: true)
        case .commitReplyLost:
            FaultTraits(
                [3], "a writer's connection cut when the server has COMMIT: the answer never comes",
                needsProxies: true)
        case .networkSlow:
            FaultTraits(
                [39], "20 to 80 ms of delay each way, and 200 kB/s at the most, for two seconds", needsProxies: true)
        case .databaseStalls:
            FaultTraits(
                [39], "connections to PostgreSQL stand still for two seconds, in the middle of a message",
                needsProxies: true)
        case .brokerStalls:
            FaultTraits(
                [39], "connections to RabbitMQ stand still for two seconds, in the middle of a message",
                needsProxies: true)

        // MARK: the input
        case .poisonMixedIn:
            FaultTraits([45, 47, 48, 51, 52, 53, 54], "messages that can't be records, five in each tenth of a second")
        case .replicasMixedIn:
            FaultTraits([55, 56], "messages again, with the same content and with other", mixesArrival: true)
        case .hostileHeaders:
            FaultTraits([58], "60 kB of headers, names twice, wrong types, properties that contradict the body")
        case .quarantineLocked:
            FaultTraits([59], "the quarantine locked for a second while bad messages come")
        case .hugeBodies: FaultTraits([46], "two bodies of 50 MB, and one a byte too long")

        // MARK: two at the same time
        case .postgresRestartedWhileBrokerIsCut:
            FaultTraits(
                [11, 29, 39], "PostgreSQL restarted while RabbitMQ can't be reached", repeats: .eachRelay(1),
                mixesArrival: true, needsProxies: true)
        case .writerKilledWhileTableIsLocked:
            FaultTraits([1, 16], "kill -9 of a writer that waits for a lock", mixesArrival: true)
        case .relayKilledDuringMemoryAlarm:
            FaultTraits([4, 30], "kill -9 of a relay that RabbitMQ blocks", repeats: .windows(1))
        }
    }

    var rows: [Int] { traits.rows }
}
