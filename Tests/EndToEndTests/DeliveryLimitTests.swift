import AMQP
import FoundationEssentials
import Glibc
import Postgres
import Records
import TestSupport
import Testing

/// Quorum queues that drop what came back too often, and a writer that is ended again and again while its table takes nothing.
@Suite("Queues that drop what came back too often") struct DeliveryLimitTests {
    private static let count = 3000
    private static let dropped = "dropped"
    private static let queue = RecordKind.candleStick.queue

    enum Maker: CaseIterable {
        /// Declared as RabbitMQ 4 makes them of a collector's declaration that says nothing: with a limit of 20.
        case collector
        case writer
    }

    @Test(arguments: Maker.allCases) func aLockedTableAndTwentyTwoKills(queuesOf maker: Maker) async throws {
        try await under(maker) { world, settings in
            for round in 1...22 {
                let writer = try await world.start(.writer, settings: settings)
                try await eventually("round \(round): it waits for the table") { try await Self.waits(world) }
                writer.kill(SIGKILL)
                _ = try await writer.ended()
            }
        }
    }

    @Test(arguments: Maker.allCases) func aLockedTableAndFiftyCutConnections(queuesOf maker: Maker) async throws {
        try await under(maker) { world, settings in
            let proxy = TestProxy(to: world.host.endpoint.port)
            var settings = settings
            settings["AMQP_URL"] = world.host.url.replacing(":\(world.host.endpoint.port)", with: ":\(proxy.port)")
            let writer = try await world.start(.writer, settings: settings)
            for round in 1...50 {
                try await eventually("round \(round): it waits for the table") { try await Self.waits(world) }
                proxy.cut()
            }
            writer.kill(SIGKILL)
            _ = try await writer.ended()
        }
    }

    /// PostgreSQL answers, and refuses to write.
    enum Refusal: CaseIterable {
        /// The table refuses every record, in a way that nothing but a record meets.
        case closedTable
        /// As after a failover.
        case readOnly
    }

    /// What was taken goes back once. Then nothing is taken, however often the writer tries whether it could store something.
    @Test(arguments: Refusal.allCases) func aDatabaseThatRefusesToWrite(by refusal: Refusal) async throws {
        try await World.with { world in
            try await Self.declare(world, limit: 3)
            let writer = try await world.writer(Self.settings.merging(["WRITER_HOLD_FOR": "1s"]) { $1 })
            try await Self.begin(refusal, world)
            var candles = Candles()
            try await world.collector.publish(candles.next(Self.count))
            try await eventually("what was taken goes back") { writer.log.contains("go back to their queues") }
            let rollbacks = "SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()"
            let before = try await world.number(rollbacks)
            try await eventually("it tries again and again") { try await world.number(rollbacks) >= before + 15 }
            try #expect(await #require(writer.metric("candlepost_writer_messages_received_total")) <= 10)
            #expect(try await world.host.count(Self.queue) == Self.count)
            #expect(writer.log.components(separatedBy: "go back to their queues").count == 2)
            #expect(!writer.log.contains(#""what":"rabbitmq""#))
            try #expect(await #require(writer.get("/readyz")).body.contains("postgres: "))
            try await Self.end(refusal, world)
            let relay = try await world.relay()
            world.gateway.start()
            try await world.check([relay, writer]) {
                $0.minimum = Self.count
                $0.isInOrderOfArrival = false
            }
            #expect(try await world.host.count(Self.dropped) == 0)
        }
    }

    /// Connections that are cut while messages flow, each after it has done some of its work.
    @Test func connectionsThatAreCutUnderLoad() async throws {
        try await World.with { world in
            try await Self.declare(world, limit: 20)
            let proxy = TestProxy(to: world.host.endpoint.port)
            var settings = Self.settings
            settings["AMQP_URL"] = world.host.url.replacing(":\(world.host.endpoint.port)", with: ":\(proxy.port)")
            let (writer, relay) = (try await world.writer(settings), try await world.relay())
            world.gateway.start()
            var candles = Candles()
            async let load: Void = world.collector.publish(candles.next(10_000), rate: 1000)
            for round in 1...40 {
                let stored = try await world.number("SELECT count(*) FROM outbox")
                try await eventually("round \(round): some are stored") {
                    try await world.number("SELECT count(*) FROM outbox") > min(stored, 9_999)
                }
                proxy.cut()
            }
            try await load
            try await world.check([relay, writer]) {
                $0.minimum = 10_000
                $0.isInOrderOfArrival = false
            }
            #expect(try await world.host.count(Self.dropped) == 0)
        }
    }

    // MARK: parts

    private static let settings = ["QUEUE_TYPE": "quorum"]

    private static func declare(_ world: World, limit: Int64) async throws {
        try await world.host.delete(dropped)
        try await world.host.declareQuorum(dropped)
        for kind in RecordKind.all {
            try await world.host.declareQuorum(kind.queue, limit: limit, deadLettersTo: dropped)
        }
        await world.collector.expectQueues()
    }

    /// A session waits for the table, or messages were taken.
    private static func waits(_ world: World) async throws -> Bool {
        if try await world.waiters(for: "candle_sticks") > 0 { return true }
        return try await world.host.count(queue) ?? 0 < count
    }

    private static func begin(_ refusal: Refusal, _ world: World) async throws {
        switch refusal {
        case .closedTable:
            try await world.query(
                "CREATE FUNCTION closed() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'closed'; END $$")
            try await world.query(
                "CREATE TRIGGER closed BEFORE INSERT ON candle_sticks FOR EACH ROW EXECUTE FUNCTION closed()")
        case .readOnly:
            try await world.query("ALTER DATABASE \(world.database.name) SET default_transaction_read_only = on")
            try await endSessions(world)
        }
    }

    private static func end(_ refusal: Refusal, _ world: World) async throws {
        switch refusal {
        case .closedTable: try await world.query("DROP TRIGGER closed ON candle_sticks")
        case .readOnly:
            try await world.query("ALTER DATABASE \(world.database.name) RESET default_transaction_read_only")
            try await endSessions(world)
        }
    }

    /// The writer's: what they began with they keep.
    private static func endSessions(_ world: World) async throws {
        try await world.query(
            """
            SELECT pg_terminate_backend(pid) FROM pg_stat_activity
            WHERE datname = current_database() AND application_name ~ '^candlepost writer'
            """)
    }

    private func under(
        _ maker: Maker, _ fault: (World, _ settings: [String: String]) async throws -> Void
    ) async throws {
        try await World.with { world in
            switch maker {
            case .collector: try await Self.declare(world, limit: 20)
            case .writer:
                try await world.stop(try await world.writer(Self.settings))
                await world.collector.expectQueues()
            }
            var candles = Candles()
            try await world.collector.publish(candles.next(Self.count))
            let blocker = try await world.database.connect()
            try await blocker.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
            try await fault(world, Self.settings)
            try await blocker.script("COMMIT")
            await blocker.close()
            let (writer, relay) = (try await world.writer(Self.settings), try await world.relay())
            world.gateway.start()
            try await world.check([relay, writer]) {
                $0.minimum = Self.count
                $0.isInOrderOfArrival = false
            }
            #expect(try await world.number("SELECT count(*) FROM candle_sticks") == Self.count)
            if maker == .collector { #expect(try await world.host.count(Self.dropped) == 0) }
        }
    }
}
