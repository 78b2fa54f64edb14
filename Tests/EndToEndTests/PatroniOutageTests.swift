import Postgres
import TestSupport
import Testing

/// Three PostgreSQL servers under Patroni, whose leader goes under load; the programs have all of them in `DATABASE_URL`. For
/// `scripts/test --clusters`, which runs it on synchronous servers and on others.
@Suite("Patroni fails over", .serialized, .enabled(if: Patroni.isThere)) struct PatroniOutageTests {
    /// What is done to the leader, and what undoes it.
    enum Fault: String, CaseIterable {
        case kill, freeze, cut, switchover

        /// The verbs that undo it. A leader that was frozen must never thaw, or it may take the lock back: a watchdog kills it.
        var undoing: [String] {
            switch self {
            case .kill: ["return"]
            case .freeze: ["kill", "return"]
            case .cut: ["heal"]
            case .switchover: []
            }
        }
    }

    @Test(arguments: Fault.allCases) func theLeaderGoes(_ fault: Fault) async throws {
        try await Patroni.tell("await")
        try await World.with { world in
            let perform = { (_: Program, _: Program) in try await Self.perform(fault, world) }
            if Patroni.isSynchronous {
                try await world.survives([:], repeats: 6, perform)
            } else {
                let (writer, relay, isSeen) = try await world.livesThrough([:], perform)
                #expect(isSeen)
                try await Self.checkWhatIsLeft(of: world, [relay, writer])
            }
        }
    }

    private static func perform(_ fault: Fault, _ world: World) async throws -> Bool {
        let old = try #require(try await Patroni.leader(), "there is a leader")
        let before = try await world.query("SELECT host(inet_server_addr())").text(0, 0)
        do {
            try await Patroni.tell(fault.rawValue, old)
            try await eventually("another server leads", within: .seconds(90)) {
                let leader = try await Patroni.leader()
                return leader != nil && leader != old
            }
            let count = world.gateway.distinctCount
            try await eventually("announcements go on at the new leader", within: .seconds(120)) {
                world.gateway.distinctCount >= count + 500
            }
        } catch {
            for verb in fault.undoing { try await Patroni.tell(verb, old) }
            throw error
        }
        for verb in fault.undoing { try await Patroni.tell(verb, old) }
        try await Patroni.tell("await")
        let session = try await world.database.connect()
        let now = try await session.execute("SELECT host(inet_server_addr())").text(0, 0)
        await session.close()
        return before != now
    }

    /// What was lost with the old leader may be missing. What is there was announced so that a consumer that follows the chain has
    /// it, and no id came with two contents, lost or not.
    private static func checkWhatIsLeft(of world: World, _ programs: [Program]) async throws {
        let session = try await world.database.connect()
        try await eventually("everything that is stored is announced", within: .seconds(180)) {
            let inputs = try await world.host.countInput()
            let pending = try await session.execute("SELECT count(*) FROM outbox_audit WHERE state = 'pending'")
            return inputs == 0 && pending.int8(0, 0) == 0
        }
        for program in programs { try await world.stop(program) }
        try await world.gateway.stop()
        let rows = try await session.execute("SELECT id FROM outbox")
        let stored = Set((0..<rows.count).map { rows.int8($0, 0) })
        await session.close()

        var bodies: [Int64: [UInt8]] = [:]
        var changed: Set<Int64> = []
        var consumer = ChainConsumer<Announcement.Value?>()
        for delivery in world.gateway.deliveries {
            if let known = bodies[delivery.id], known != delivery.body { changed.insert(delivery.id) }
            bodies[delivery.id] = delivery.body
            consumer.receive(delivery, of: delivery.headers["x-market-id"])
        }
        #expect(changed.isEmpty, "ids with two contents: \(changed.sorted().prefix(5))\n\(world.logs)")
        let missed = stored.subtracting(consumer.taken)
        #expect(missed.isEmpty, "\(missed.count) never taken, from \(missed.min() ?? 0) on\n\(world.logs)")
        let lost = Set(bodies.keys).subtracting(stored).count
        print("\(stored.count) are stored, \(lost) were announced and lost with the old leader")
        try await world.run("relay", "verify")
        #expect(world.tellers.map(\.name) == [], "a password was said")
    }
}
