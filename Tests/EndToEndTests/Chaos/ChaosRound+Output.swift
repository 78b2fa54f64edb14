import Glibc
import Postgres

/// Faults of the output queue.
extension ChaosRound {
    /// Deleted while everything that was published is fetched: a full one takes with it what no publisher can tell.
    func deleteOutputQueue() async throws -> Bool {
        for writer in writers { writer.kill(SIGSTOP) }
        try await eventually("everything is fetched") {
            let rows = try await world.query(
                "SELECT count(*), count(*) FILTER (WHERE state = 'pending') FROM outbox_audit")
            return rows.int8(0, 1) == 0 && Int(rows.int8(0, 0)) == world.gateway.distinctCount
        }
        try await world.host.delete(VirtualHost.outputQueue)
        let isGone = try await world.host.count(VirtualHost.outputQueue) == nil
        for writer in writers { writer.kill(SIGCONT) }
        return isGone
    }

    /// So short, and its consumer so slow, that it takes some messages and refuses the next, again and again.
    func fillOutputQueue() async throws -> Bool {
        let policy = ["--vhost", world.host.name, "full"]
        let limit = #"{"max-length":2,"overflow":"reject-publish"}"#
        try await Servers.tell(
            ["rabbitmqctl", "set_policy", "--apply-to", "queues"] + policy + ["^\(VirtualHost.outputQueue)$", limit])
        let before = await refusals
        world.gateway.slowDown(true)
        try await eventually("messages are refused") { await refusals > before }
        try await Task.sleep(for: .seconds(3))  // the fault itself
        world.gateway.slowDown(false)
        try await Servers.tell(["rabbitmqctl", "clear_policy"] + policy)
        return true
    }

    private var refusals: Double {
        get async {
            var sum = 0.0
            for relay in relays { sum += await relay.metric("candlepost_relay_rows_refused_total") ?? 0 }
            return sum
        }
    }
}
