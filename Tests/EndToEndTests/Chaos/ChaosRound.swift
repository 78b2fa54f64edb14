import AMQP
import FoundationEssentials
import Glibc
import Logging
import Postgres
import Records
import TestSupport
import Testing

/// One round: programs under load, faults one after the other, then everything that the checker holds against it.
final class ChaosRound {
    static let window = 100
    /// Where the broker puts what came back too often.
    private static let droppedQueue = "dropped"

    let plan: ChaosPlan
    let world: World
    let databaseProxy: TestProxy?
    let brokerProxy: TestProxy?
    var writers: [Program] = []
    var relays: [Program] = []
    var random: SeededGenerator
    let load: ChaosLoad
    /// Sessions that a fault leaves open until the round is over.
    var held: [PostgresConnection] = []
    private var evidence: [(fault: String, isSeen: Bool)] = []
    private var outcomes: [FaultOutcome] = []
    /// When each began, and was over.
    private var faultTimes: [ContinuousClock.Instant] = []
    /// Something did not go on in time.
    private var isStuck = false

    private init(_ plan: ChaosPlan, _ world: World) throws {
        self.plan = plan
        self.world = world
        random = SeededGenerator(seed: plan.seed ^ 0xC4A0_5000)
        load = ChaosLoad(plan, world.collector)
        let needsProxies = plan.faults.contains { $0.traits.needsProxies }
        databaseProxy = try needsProxies ? TestProxy(to: Self.port(of: world.database.url)) : nil
        brokerProxy = needsProxies ? TestProxy(to: world.host.endpoint.port) : nil
    }

    /// Runs the plan.
    static func run(_ plan: ChaosPlan) async throws -> RoundReport {
        var report = RoundReport(
            seed: plan.seed, commit: ChaosSettings.commit, servers: ChaosSettings.servers, isVoid: true)
        report.voidReason = "its world could not be made"
        try await World.with(markets: plan.markets) { world in
            do {
                report = try await ChaosRound(plan, world).run()
            } catch {
                report.voidReason = String("\(error)".prefix(200))
                throw error
            }
        }
        return report
    }

    private func run() async throws -> RoundReport {
        if plan.usesQuorumQueues { try await makeQuorumQueues() }
        for _ in 0..<plan.relays { relays.append(try await startRelay()) }
        for _ in 0..<plan.writers { writers.append(try await startWriter()) }
        world.gateway.start()
        let publishing = Task.detached { [load] in try await load.run() }
        defer { publishing.cancel() }
        let scraping = ChaosScrapes.wanted.map { [world] scrapes in Task.detached { try await scrapes.follow(world) } }
        defer { scraping?.cancel() }
        try await eventually("the first are announced") { world.gateway.distinctCount >= 50 }
        try await pause()
        for fault in plan.faults where !isStuck { try await inject(fault) }
        publishing.cancel()
        try await publishing.value
        return try await finish()
    }

    private func makeQuorumQueues() async throws {
        let dropped = plan.deliveryLimit.map { _ in Self.droppedQueue }
        if let dropped {
            try await world.host.delete(dropped)  // of the round before
            try await world.host.declareQuorum(dropped)
        }
        for queue in RecordKind.all.map(\.queue) {
            try await world.host.declareQuorum(queue, limit: plan.deliveryLimit, deadLettersTo: dropped)
        }
        try await world.host.declareQuorum(VirtualHost.outputQueue)
        try await Self.writeDownQueues()
        await world.collector.expectQueues()
    }

    private func finish() async throws -> RoundReport {
        let windows = plan.faults.reduce(0) { $0 + $1.traits.windows(relays: plan.relays + 1) }
        let hits = plan.faults.filter(\.traits.hitsGateway).count
        var history = History()
        for connection in held { await connection.close() }
        try await unlessStuck {
            try await allBecomeReady(within: ChaosSettings.patience)
        }
        let dropped = plan.deliveryLimit == nil ? 0 : try await world.host.count(Self.droppedQueue) ?? 0
        history = try await world.check(relays + writers, within: ChaosSettings.patience) {
            $0.dropped = dropped
            $0.isDrained = !self.isStuck
            $0.minimum = 300
            $0.evidence = self.evidence
            $0.times.faults = self.faultTimes
            $0.isInOrderOfArrival = self.plan.writers == 1 && !self.plan.faults.contains { $0.traits.mixesArrival }
            $0.allowedDuplicates = Self.window * windows + Gateway.prefetch * hits
        }
        var seen: Set<Int64> = []
        let repeated = history.deliveries.filter { !seen.insert($0.id).inserted && !$0.isRedelivered }.count
        // A fault that left no trace because something stood still is no excuse.
        let unseen = isStuck ? [] : evidence.filter { !$0.isSeen }.map(\.fault)
        return RoundReport(
            seed: plan.seed, commit: ChaosSettings.commit, servers: ChaosSettings.servers,
            queues: plan.usesQuorumQueues ? .quorum : .classic, deliveryLimit: plan.deliveryLimit,
            voidReason: unseen.isEmpty ? nil : "no trace of \(unseen.joined(separator: ", "))",
            isVoid: !unseen.isEmpty, messages: history.sent.count,
            announced: history.deliveries.count,
            repeated: repeated, hardFaults: windows, faults: outcomes,
            violations: Checker.check(history).map(\.code.rawValue))
    }

    // MARK: programs

    var environment: [String: String] {
        guard let databaseProxy, let brokerProxy else { return [:] }
        return [
            "DATABASE_URL": Self.replacingPort(of: world.database.url, by: databaseProxy.port),
            "AMQP_URL": Self.replacingPort(of: world.host.url, by: brokerProxy.port),
        ]
    }

    /// - Parameter folder: where the program is, if it is of another version.
    func startWriter(_ more: [String: String] = [:], from folder: String? = nil) async throws -> Program {
        let settings = ["WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100"]
        return try await world.start(
            .writer, settings: settings.merging(environment) { $1 }.merging(more) { $1 }, from: folder)
    }

    func startRelay(_ more: [String: String] = [:], from folder: String? = nil) async throws -> Program {
        let settings = ["RELAY_BATCH_SIZE": "\(Self.window)"]
        return try await world.start(
            .relay, settings: settings.merging(environment) { $1 }.merging(more) { $1 }, from: folder)
    }

    private static func port(of url: String) throws -> UInt16 {
        let host = url[url.firstRange(of: "@")!.upperBound...].prefix { $0 != "/" }
        return try #require(UInt16(host.split(separator: ":")[1]))
    }

    private static func replacingPort(of url: String, by port: UInt16) -> String {
        let start = url.firstRange(of: "@")!.upperBound
        let end = url[start...].firstIndex(of: "/")!
        return url[..<start] + "127.0.0.1:\(port)" + url[end...]
    }

    // MARK: faults

    /// Injects a fault and waits until announcements go on and all programs are ready.
    private func inject(_ fault: FaultKind) async throws {
        let (begin, time) = (ContinuousClock.now, ChaosScrapes.now)
        let isSeen = try await leavesTrace(fault)
        evidence.append((fault.rawValue, isSeen))
        let (over, timeOver) = (ContinuousClock.now, ChaosScrapes.now)
        faultTimes += [begin, over]
        let count = world.gateway.distinctCount
        try await unlessStuck {
            try await eventually("\(fault): announcements go on", within: ChaosSettings.patience) {
                world.gateway.distinctCount >= count + 20
            }
            // One relay of several, or one lane of many, may stand still behind announcements that go on.
            try await allBecomeReady(within: ChaosSettings.patience)
        }
        let recovery = (.now - over) / .seconds(1)
        outcomes.append(FaultOutcome(kind: fault, isSeen: isSeen, recoverySeconds: recovery))
        try ChaosScrapes.wanted?.note(fault, begin: time, over: timeOver)
        say(
            "  \(fault.rawValue): \(ChaosSummary.format((over - begin) / .seconds(1))) s and",
            "\(ChaosSummary.format(recovery)) s until it went on\(isSeen ? "" : ", WITHOUT A TRACE")")
        try await pause()
    }

    /// Quiet, where somebody looks for alerts.
    private func pause() async throws {
        if let pause = ChaosScrapes.wanted?.pause { try await Task.sleep(for: pause) }
    }

    /// What would be over as soon as it was seen lasts for a while, where somebody looks for alerts.
    func linger() async throws {
        if let hold = ChaosScrapes.wanted?.hold { try await Task.sleep(for: hold) }
    }

    func allBecomeReady(within limit: Duration = .seconds(90)) async throws {
        for program in writers + relays { try await program.becomes(ready: true, within: limit) }
    }

    func writersBecomeReady() async throws {
        for writer in writers { try await writer.becomes(ready: true, within: .seconds(90)) }
    }

    /// A trace that does not come voids the round, if only announcements go on then: else it is a broken promise.
    private func leavesTrace(_ fault: FaultKind) async throws -> Bool {
        do {
            return try await perform(fault)
        } catch let error as TooLate {
            say("  \(fault.rawValue): \(error)")
            return false
        }
    }

    /// What does not come in time is a broken promise (V11), not the end of the round.
    private func unlessStuck(_ wait: () async throws -> Void) async throws {
        do {
            try await wait()
        } catch let error as TooLate {
            isStuck = true
            Issue.record("\(error)\n\(world.logs)")
        }
    }

    /// How many times the programs said that a server is unavailable.
    var logs: Int {
        (writers + relays).reduce(0) { $0 + $1.log.components(separatedBy: "unavailable").count }
    }
}
