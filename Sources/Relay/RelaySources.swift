import AMQP
import CoreMetrics
import Postgres
import ServiceLifecycle

/// The connections of a session.
struct RelayConnections: Sendable {
    /// Listens to the doorbell and reads the log.
    let log: PostgresConnection
    /// Holds the lanes and extends the ledger. A connection of its own, so that reading never waits for a commit.
    let ledger: LaneLedger
    let publisher: AMQPPublisher
}

/// What wakes a relay session.
struct RelaySources: Sendable {
    let connections: RelayConnections
    let settings: RelaySettings
    let health: RelayHealth
    let metrics: RelayMetrics

    func start(_ tasks: inout DiscardingTaskGroup, _ post: EventPost) {
        post.watch(&tasks, doorbell)
        post.watch(&tasks, outcomes)
        post.watch(&tasks, claims)
        post.watch(&tasks, reports)
        post.watch(&tasks, blocking)
        post.watch(&tasks) { post in
            try await gracefulShutdown()
            post(.drain)
        }
    }

    /// A listening connection whose other end is gone looks idle for ever, so it is asked every five seconds.
    private func doorbell(_ post: EventPost) async throws {
        var lastHeard = ContinuousClock.now
        while true {
            if try await connections.log.nextNotification(timeout: settings.pollInterval) {
                metrics.wokenByDoorbell.increment()
                lastHeard = .now
            } else {
                metrics.wokenByPoll.increment()
            }
            post(.woken)
            if .now - lastHeard > .seconds(5) {
                try await connections.log.ping(timeout: .seconds(5))
                lastHeard = .now
            }
        }
    }

    private func outcomes(_ post: EventPost) async throws {
        while true { post(.settled(try await connections.publisher.nextOutcomes())) }
    }

    /// A broker short of memory or disk takes nothing; what is sent waits in the socket, and the lanes with it.
    private func blocking(_ post: EventPost) async throws {
        for await reason in connections.publisher.blockedChanges {
            if let reason {
                health.notDelivering("the broker is blocked: \(reason)", queue: settings.queue.name)
            } else {
                health.delivering()
            }
        }
    }

    private func claims(_ post: EventPost) async throws {
        while true {
            post(.claimDue)
            try await Task.sleep(for: .seconds(1))
        }
    }

    private func reports(_ post: EventPost) async throws {
        while true {
            let report = try await PendingReport.read(connections.log)
            metrics.report(report)
            try await Task.sleep(for: .seconds(2))
        }
    }
}
