/// The faults that rounds of chaos are made of. Numbers are the rows of the fault matrix in docs/faults.md.
enum FaultKind: String, CaseIterable, Codable, Sendable {
    case writerKilled, writerKilledAtFailpoint, writerTerminated, writerStopped, writerJoins
    case relayKilled, relayKilledAtFailpoint, relayTerminated, relayStopped, relayJoins, relaySleepsThroughItsEnd
    case postgresKilled, postgresStoppedImmediate, postgresRestartedFast
    case sessionsEnded, readOnly, noConnections, tableLocked, statementTimeout
    case databaseDoorbellSwallowed
    case rabbitMQKilled, rabbitMQRestarted, brokerConnectionsClosed, memoryAlarm
    case outputQueueDeleted, outputQueueFull
    case databaseCut, brokerCut, databaseHalfOpen, brokerHalfOpen

    /// Rows of the matrix.
    var rows: [Int] {
        switch self {
        case .writerKilled: [1, 2]
        case .writerKilledAtFailpoint: [1, 2, 3]
        case .writerTerminated, .relayTerminated: [5]
        case .writerStopped: [7]
        case .writerJoins, .relayJoins: [8]
        case .relayKilled, .relayKilledAtFailpoint: [4]
        case .relayStopped, .relaySleepsThroughItsEnd: [6]
        case .postgresKilled, .postgresStoppedImmediate: [10]
        case .postgresRestartedFast: [11]
        case .sessionsEnded: [12, 20]
        case .readOnly: [13]
        case .noConnections: [14]
        case .tableLocked: [16]
        case .statementTimeout: [17]
        case .rabbitMQKilled: [28]
        case .rabbitMQRestarted, .brokerConnectionsClosed: [29]
        case .memoryAlarm: [30]
        case .databaseCut, .brokerCut: [3, 39]
        case .databaseHalfOpen, .databaseDoorbellSwallowed: [19]
        case .outputQueueDeleted: [31]
        case .outputQueueFull: [33]
        case .brokerHalfOpen: [38]
        }
    }

    /// What is done.
    var summary: String {
        switch self {
        case .writerKilled: "kill -9 of a writer, then another one"
        case .writerKilledAtFailpoint:
            "a writer that kills itself before the commit, after it, or after the acknowledgement"
        case .writerTerminated: "SIGTERM to a writer under load, then another one"
        case .writerStopped: "SIGSTOP to a writer for two seconds, its session ended meanwhile"
        case .writerJoins: "a writer more, for a second"
        case .relayKilled: "kill -9 of a relay, then another one"
        case .relayKilledAtFailpoint: "a relay that kills itself before or after publish, confirm or ledger entry"
        case .relayTerminated: "SIGTERM to a relay under load, then another one"
        case .relayStopped: "SIGSTOP to a relay for two seconds, or for twenty"
        case .relayJoins: "a relay more, for two seconds"
        case .relaySleepsThroughItsEnd: "SIGSTOP to a relay, its sessions ended, lanes taken over; SIGCONT"
        case .postgresKilled: "kill -9 of PostgreSQL, all its processes"
        case .postgresStoppedImmediate: "PostgreSQL stopped with -m immediate"
        case .postgresRestartedFast: "PostgreSQL restarted with -m fast"
        case .sessionsEnded: "all sessions of the programs ended by the server, three times"
        case .readOnly: "the database read-only for a second, as after a failover"
        case .noConnections: "no new connections for a second, those there are ended"
        case .tableLocked: "a record table locked for two seconds"
        case .statementTimeout: "statement_timeout of 50 ms while a table is locked"
        case .databaseDoorbellSwallowed: "NOTIFY is swallowed, as some poolers do, from now to the end of the round"
        case .outputQueueDeleted: "the output queue deleted while it is empty"
        case .outputQueueFull: "the output queue has room for two messages and its consumer is slow: some are refused"
        case .rabbitMQKilled: "kill -9 of RabbitMQ, all its processes"
        case .rabbitMQRestarted: "RabbitMQ stopped and started"
        case .brokerConnectionsClosed: "all connections closed by RabbitMQ"
        case .memoryAlarm: "RabbitMQ's memory alarm for two seconds"
        case .databaseCut: "connections to PostgreSQL cut by the network, three times"
        case .brokerCut: "connections to RabbitMQ cut by the network, three times"
        case .databaseHalfOpen: "connections to PostgreSQL half open: no byte passes any more, and nobody is told"
        case .brokerHalfOpen: "connections to RabbitMQ half open"
        }
    }

    /// Whether all relays may lose their sessions with a window of rows each.
    var endsSessions: Bool {
        switch self {
        case .postgresKilled, .postgresStoppedImmediate, .postgresRestartedFast, .sessionsEnded, .readOnly,
            .noConnections, .statementTimeout, .rabbitMQKilled, .rabbitMQRestarted, .brokerConnectionsClosed,
            .databaseCut, .brokerCut, .databaseHalfOpen, .brokerHalfOpen, .databaseDoorbellSwallowed:
            true
        default: false
        }
    }

    /// How many times a window the fault may repeat.
    func windows(relays: Int) -> Int {
        switch self {
        case .relayKilled, .relayKilledAtFailpoint: 1
        // The sleeper's window, and that of who takes over from it.
        case .relayStopped, .relaySleepsThroughItsEnd: 2
        case .sessionsEnded, .databaseCut, .brokerCut: 3 * relays
        case _ where endsSessions: relays
        default: 0
        }
    }

    /// Whether messages may come to the writer in another order than they were sent in.
    var mixesArrival: Bool {
        switch self {
        case .writerJoins, .writerStopped, .rabbitMQKilled, .rabbitMQRestarted, .brokerConnectionsClosed, .brokerCut,
            .brokerHalfOpen, .writerKilled, .writerKilledAtFailpoint, .writerTerminated:
            true
        default: false
        }
    }

    /// Whether the broker may repeat to the gateway what it had acknowledged.
    var hitsBroker: Bool { self == .rabbitMQKilled || self == .rabbitMQRestarted || self == .brokerConnectionsClosed }
    /// Whether the programs have to be connected by way of the proxies.
    var isOfTheNetwork: Bool {
        [.databaseCut, .brokerCut, .databaseHalfOpen, .brokerHalfOpen].contains(self)
    }
}
