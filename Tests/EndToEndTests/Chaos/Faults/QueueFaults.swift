import Postgres
import Records

/// What happens to queues, and to those at the other end of them.
extension ChaosRound {
    /// Asks RabbitMQ to evaluate an Erlang expression.
    static func tellBroker(_ expression: String) async throws {
        try await Servers.tell(["erlang", expression])
    }

    /// A queue that was declared within the last second when RabbitMQ is killed may come back without its log and without a leader,
    /// and never gets one: one of ten quorum queues, in each of two trials with 3.10.8, and none of twenty after this. Which log is
    /// whose stands in a table that is on disk half a second later.
    static func writeDownQueues() async throws {
        try await tellBroker("[dets:sync(Table) || Table <- dets:all()]")
    }

    /// Deleted when it is empty: what lies in a queue goes with it, and no publisher can tell.
    func deleteOutputQueue() async throws -> Bool {
        try await load.paused {
            try await drain()
            try await world.host.delete(VirtualHost.outputQueue)
        }
        // Nobody makes it but a relay whose message was returned to it.
        try await eventually("it is made again", within: .seconds(90)) {
            try await world.host.count(VirtualHost.outputQueue) != nil
        }
        try await Self.writeDownQueues()
        return true
    }

    /// Empty, and the load goes on when it is there again: a collector that publishes without `mandatory` hears nothing.
    func deleteInputQueue() async throws -> Bool {
        try await load.paused {
            try await drain()
            try await world.host.delete(RecordKind.candleStick.queue)
            try await eventually("a writer makes it again", within: .seconds(90)) {
                try await world.host.count(RecordKind.candleStick.queue) != nil
            }
            try await Self.writeDownQueues()
        }
        try await writersBecomeReady()
        return true
    }

    /// Waits until everything that was sent is announced and consumed.
    private func drain() async throws {
        let sent = Set(await world.collector.sent.compactMap(\.id)).count
        try await eventually("everything is announced", within: .seconds(120)) {
            world.gateway.distinctCount >= sent
        }
        try await eventually("everything is in the books", within: .seconds(60)) {
            let pending = try await world.number("SELECT count(*) FROM outbox_audit WHERE state = 'pending'")
            let received = try await world.number("SELECT sum(received) FROM ingest_batches")
            let published = await world.collector.sent.count
            return pending == 0 && received >= published
        }
    }

    /// So short, and its consumer so slow, that it takes some messages and refuses the next, again and again.
    ///
    /// It gets its limit while it is empty: RabbitMQ drops what is there beyond, as it knows the limit before it knows what
    /// to do at it, though all of it was confirmed.
    func fillOutputQueue() async throws -> Bool {
        let before = await refused
        try await load.paused {
            try await drain()
            for length in [1_000_000, 2] {
                try await limitOutputQueue(length)
                _ = try await world.host.count(VirtualHost.outputQueue)  // the queue has heard of it
            }
        }
        world.gateway.slowDown(true)
        defer { world.gateway.slowDown(false) }
        try await eventually("messages are refused", within: .seconds(60)) { await refused > before }
        try await Task.sleep(for: .seconds(3))  // the fault itself
        try await Self.tellBroker(
            "rabbit_policy:delete(<<\"\(world.host.name)\">>, <<\"full\">>, <<\"chaos\">>)")
        return true
    }

    private func limitOutputQueue(_ length: Int) async throws {
        try await Self.tellBroker(
            """
            rabbit_policy:set(<<"\(world.host.name)">>, <<"full">>, <<"^ws">>, [{<<"max-length">>, \(length)}, \
            {<<"overflow">>, <<"reject-publish">>}], 0, <<"queues">>, <<"chaos">>)
            """)
    }

    private var refused: Double {
        get async {
            var sum = 0.0
            for relay in relays { sum += await relay.metric("candlepost_relay_rows_refused_total") ?? 0 }
            return sum
        }
    }

    func stopGateway() async throws -> Bool {
        world.gateway.pause()
        defer { world.gateway.goOn() }
        try await eventually("the output queue grows", within: .seconds(60)) {
            try await world.host.count(VirtualHost.outputQueue) ?? 0 >= 300
        }
        return true
    }

    /// Channels take the limit when they are opened, so the connections are closed before and after.
    func timeOutConsumer() async throws -> Bool {
        let isSeen = try await outstay(milliseconds: 1000) {}
        try await limitConsumers(milliseconds: 1_800_000, tick: 60_000)
        if !isSeen, !plan.usesQuorumQueues { return try await Self.onlyQuorumQueuesTimeOut() }
        return isSeen
    }

    /// From RabbitMQ 4.3 on the queue looks at the time, not the channel, and a classic queue does not.
    private static func onlyQuorumQueuesTimeOut() async throws -> Bool {
        try await Servers.matches("{match, _} = re:run(rabbit_misc:version(), \"^(4[.]([3-9]|[1-9][0-9])|[5-9])\")")
    }

    /// A table lock holds a batch for longer than consumers have to acknowledge it. RabbitMQ looks twice a second and not once a
    /// minute.
    /// - Parameter hurry: what makes the time pass, if it does not by itself.
    func outstay(milliseconds: Int, _ hurry: () async throws -> Void) async throws -> Bool {
        let before = writers.map(\.log.count)
        try await holdBatch(milliseconds: milliseconds, hurry)
        return try await isTooOld(since: before)
    }

    /// A batch can't be stored while consumers have so much time for what they hold.
    func holdBatch(milliseconds: Int, _ hurry: () async throws -> Void) async throws {
        try await limitConsumers(milliseconds: milliseconds, tick: 500)
        try await writersBecomeReady()
        try await whileLocked("candle_sticks") {
            try await eventually("a writer waits") { try await world.waiters(for: "candle_sticks") > 0 }
            try await hurry()
            try await Task.sleep(for: .seconds(3))  // the fault itself: the limit, and a look at it each half second
        }
    }

    /// A writer hears of it when it has stored what it holds: RabbitMQ closes the channel, and from 4.3 on it cancels the consumer.
    func isTooOld(since before: [Int]) async throws -> Bool {
        try await happens {
            zip(writers, before).contains { writer, start in
                let log = writer.log.dropFirst(start)
                return log.contains("delivery acknowledgement") || log.contains("no longer delivers")
            }
        }
    }

    /// A writer that is just connecting would not be closed, and keep the limit it had.
    private func limitConsumers(milliseconds: Int, tick: Int) async throws {
        try await writersBecomeReady()
        let before = writers.map(\.log.count)
        try await Self.tellBroker(
            """
            begin application:set_env(rabbit, consumer_timeout, \(milliseconds)), \
            application:set_env(rabbit, channel_tick_interval, \(tick)), \(Self.closingConnections) end
            """)
        try await eventually("the writers' connections are closed", within: .seconds(60)) {
            zip(writers, before).allSatisfy { $0.log.count > $1 }
        }
    }

    static let closingConnections =
        "[rabbit_networking:close_connection(P, \"chaos\") || P <- rabbit_networking:connections()]"
}
