import AMQP
import EventLoop
import Outbox
import Postgres
import Schema
import ServiceLifecycle

/// The connections of a session.
struct RelayConnections: Sendable {
    /// Listens to the doorbell and reads the log.
    let log: PostgresConnection
    /// Holds the lanes and extends the ledger. A connection of its own, so that reading never waits for a commit.
    let ledger: LaneLedger
    let publisher: AMQPPublisher
    /// Whether the output queue refuses messages when it is full, by the arguments that it was declared with.
    let queueRejects: Bool
    /// Where the two sessions are.
    let place: Place?

    /// A server, which the process may leave for another one.
    struct Place: Sendable {
        let servers: ServerGuard
        let server: Server
    }

    init(
        log: PostgresConnection, ledger: LaneLedger, publisher: AMQPPublisher, queueRejects: Bool, place: Place? = nil
    ) {
        self.log = log
        self.ledger = ledger
        self.publisher = publisher
        self.queueRejects = queueRejects
        self.place = place
    }
}

/// What wakes a relay session.
struct WakeUps: Sendable {
    let connections: RelayConnections
    let settings: RelaySettings
    let report: RelayReport

    func start(_ tasks: inout DiscardingTaskGroup, _ post: EventPost) {
        post.watch(&tasks, doorbell)
        post.watch(&tasks, balances)
        post.watch(&tasks, reports)
        post.watch(&tasks) { _ in try await retain(settings.retention) }
        post.watch(&tasks, blocking)
        post.watch(&tasks) { post in
            try await gracefulShutdown()
            await post(.drain)
        }
    }

    /// A listening connection whose other end is gone looks idle for ever, so it is asked every five seconds.
    private func doorbell(_ post: EventPost) async throws {
        var lastHeard = ContinuousClock.now
        try await tryDoorbell()
        while !Task.isCancelled {
            if try await connections.log.nextNotification(timeout: settings.pollInterval) {
                report.woken(byDoorbell: true)
                lastHeard = .now
            } else {
                report.woken(byDoorbell: false)
            }
            await post(.woken)
            if .now - lastHeard > .seconds(5) {
                try await connections.log.ping(timeout: .seconds(5))
                lastHeard = .now
            }
        }
    }

    /// Rings from the other connection and listens for it. A server that takes no notification (its queue of them is full, say)
    /// costs the poll's latency and nothing else.
    private func tryDoorbell() async throws {
        do throws(PostgresError) {
            _ = try await connections.ledger.connection.execute(
                "SELECT pg_notify($1, '')", [.text(NotificationChannel.outbox)])
        } catch {
            guard error.kind == .server else { throw error }
            return report.doorbell(isHeard: false, poll: settings.pollInterval)
        }
        let isHeard = try await connections.log.nextNotification(timeout: .seconds(2))
        report.doorbell(isHeard: isHeard, poll: settings.pollInterval)
    }

    /// A broker short of memory or disk takes nothing; what is sent waits in the socket, and the lanes with it.
    private func blocking(_ post: EventPost) async throws {
        for await reason in connections.publisher.blockedChanges { await post(.blocked(reason)) }
    }

    private func balances(_ post: EventPost) async throws {
        while true {
            if let place = connections.place { try place.servers.require(place.server) }
            await post(.balanceDue)
            try await PollThread.sleep(for: .seconds(1))
        }
    }

    /// Looks after partitions now and then, on a connection of its own, as that takes seconds when there is something to
    /// drop. That it fails is no reason to stop relaying.
    private func retain(_ retention: Duration?) async throws {
        var configuration = settings.database
        configuration.applicationName = "candlepost retention"
        configuration.replyTimeout = .seconds(3600)  // it counts the rows of a partition, of millions perhaps
        while true {
            do { try await retainOnce(retention, configuration) } catch { report.retentionFailed(error) }
            try await Task.sleep(for: .seconds(300))
        }
    }

    /// Closed when the task is cancelled: a session that is over must not wait for an answer that takes long, or never comes
    /// because the connection is half open.
    private func retainOnce(_ retention: Duration?, _ configuration: PostgresConfiguration) async throws {
        // Without a look at the schema's version: the session has had it, and its answer would be awaited here for as long.
        let connection = try await PostgresConnection.connect(configuration, logger: report.logger)
        await withTaskCancellationHandler {
            do {
                guard try await Retention.begin(connection) else { return }
                if let retention {
                    let steps = try await Retention.run(connection, retention: retention, by: settings.name)
                    for step in steps { report.retained(step) }
                }
                for step in try await Retention.forget(connection, settings.kept) { report.retained(step) }
                for step in try await Retention.records(connection, settings.recordRetention, by: settings.name) {
                    report.retained(step)
                }
            } catch {
                if !Task.isCancelled { report.retentionFailed(error) }
            }
        } onCancel: {
            Task { await connection.close() }
        }
        await connection.close()
    }

    private func reports(_ post: EventPost) async throws {
        var lastSuperseded: Int64 = -1
        while true {
            let pending = try await PendingReport.read(connections.log)
            report.pending(pending)
            try await report.write(connections.log)
            await post(.lookAtBroker)
            if lastSuperseded >= 0 && pending.superseded != lastSuperseded { await post(.superseded) }
            lastSuperseded = pending.superseded
            try await PollThread.sleep(for: .seconds(2))
        }
    }
}
