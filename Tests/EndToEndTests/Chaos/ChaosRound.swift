import AMQP
import FoundationEssentials
import Glibc
import Logging
import Postgres
import TestSupport
import Testing

/// One round: programs under load, faults one after the other, then everything that the checker holds against it.
final class ChaosRound {
    static let window = 100

    private let plan: ChaosPlan
    let world: World
    private let databaseProxy: TestProxy?
    private let brokerProxy: TestProxy?
    var writers: [Program] = []
    var relays: [Program] = []
    private var random: SeededGenerator
    private var evidence: [(fault: String, isSeen: Bool)] = []
    private var outcomes: [FaultOutcome] = []
    /// Something did not go on in time.
    private var isStuck = false

    private init(_ plan: ChaosPlan, _ world: World) throws {
        self.plan = plan
        self.world = world
        random = SeededGenerator(seed: plan.seed ^ 0xC4A0_5000)
        let needsProxies = plan.faults.contains { $0.isOfTheNetwork }
        databaseProxy = try needsProxies ? TestProxy(to: Self.port(of: world.database.url)) : nil
        brokerProxy = needsProxies ? TestProxy(to: world.host.endpoint.port) : nil
    }

    /// Runs the plan.
    static func run(_ plan: ChaosPlan) async throws -> RoundReport {
        var report = RoundReport(seed: plan.seed, isVoid: true)
        try await World.with(markets: plan.markets) { world in
            report = try await ChaosRound(plan, world).run()
        }
        return report
    }

    private func run() async throws -> RoundReport {
        for _ in 0..<plan.relays { relays.append(try await startRelay()) }
        for _ in 0..<plan.writers { writers.append(try await startWriter()) }
        world.gateway.start()
        let load = Self.startLoad(plan, world)
        try await eventually("the first are announced") { world.gateway.distinctCount >= 50 }
        for fault in plan.faults { try await inject(fault) }
        load.cancel()
        try await load.value
        return try await finish()
    }

    /// Publishes at the plan's rate until the faults are over.
    private static func startLoad(_ plan: ChaosPlan, _ world: World) -> Task<Void, any Error> {
        Task.detached {
            var candles = Candles(markets: plan.markets, seed: plan.seed)
            while !Task.isCancelled || world.collector.confirmedCount < 300 {
                try await world.collector.publish(candles.next(plan.rate / 10), rate: plan.rate)
            }
        }
    }

    private func finish() async throws -> RoundReport {
        let windows = plan.faults.reduce(0) { $0 + $1.windows(relays: plan.relays + 1) }
        let hits = plan.faults.filter(\.hitsBroker).count
        var history = History()
        try await unlessStuck {
            for program in writers + relays { try await program.becomes(ready: true, within: ChaosSettings.patience) }
        }
        history = try await world.check(relays + writers, within: ChaosSettings.patience) {
            $0.isDrained = !self.isStuck
            $0.minimum = 300
            $0.evidence = self.evidence
            $0.isInOrderOfArrival = self.plan.writers == 1 && !self.plan.faults.contains { $0.mixesArrival }
            $0.allowedDuplicates = Self.window * windows + Gateway.prefetch * hits
        }
        var seen: Set<Int64> = []
        let repeated = history.deliveries.filter { !seen.insert($0.id).inserted && !$0.isRedelivered }.count
        return RoundReport(
            seed: plan.seed, isVoid: evidence.contains { !$0.isSeen }, messages: history.sent.count,
            announced: history.deliveries.count,
            repeated: repeated, hardFaults: windows, faults: outcomes,
            violations: Checker.check(history).map(\.code.rawValue))
    }

    // MARK: programs

    private var environment: [String: String] {
        guard let databaseProxy, let brokerProxy else { return [:] }
        return [
            "DATABASE_URL": Self.replacingPort(of: world.database.url, by: databaseProxy.port),
            "AMQP_URL": Self.replacingPort(of: world.host.url, by: brokerProxy.port),
        ]
    }

    private func startWriter(_ more: [String: String] = [:]) async throws -> Program {
        let settings = ["WRITER_BATCH_SIZE": "50", "WRITER_PREFETCH": "100"]
        return try await world.start(
            .writer, settings: settings.merging(environment) { $1 }.merging(more) { $1 })
    }

    private func startRelay(_ more: [String: String] = [:]) async throws -> Program {
        try await world.start(
            .relay, settings: ["RELAY_BATCH_SIZE": "\(Self.window)"].merging(environment) { $1 }.merging(more) { $1 })
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

    /// Injects a fault and waits until announcements go on.
    private func inject(_ fault: FaultKind) async throws {
        var isSeen = false
        try await unlessStuck { isSeen = try await perform(fault) }
        evidence.append((fault.rawValue, isSeen))
        let over = ContinuousClock.now
        let count = world.gateway.distinctCount
        try await unlessStuck {
            try await eventually("\(fault): announcements go on", within: ChaosSettings.patience) {
                world.gateway.distinctCount >= count + 20
            }
        }
        outcomes.append(
            FaultOutcome(kind: fault, isSeen: isSeen, recoverySeconds: (.now - over) / .seconds(1)))
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

    /// - Returns: whether it was seen to have happened.
    private func perform(_ fault: FaultKind) async throws -> Bool {
        switch fault {
        case .writerKilled: return try await replaceWriter(SIGKILL)
        case .writerTerminated: return try await replaceWriter(SIGTERM)
        case .writerKilledAtFailpoint: return try await failpoint(ofWriter: true)
        case .writerStopped: return try await stopAndContinueWriter()
        case .writerJoins: return try await join(try await startWriter())
        case .relayKilled: return try await replaceRelay(SIGKILL)
        case .relayTerminated: return try await replaceRelay(SIGTERM)
        case .relayKilledAtFailpoint: return try await failpoint(ofWriter: false)
        case .relayStopped: return try await stopAndContinue(relays.randomElement(using: &random)!)
        case .relayJoins: return try await join(try await startRelay())
        case .relaySleepsThroughItsEnd: return try await sleepThroughItsEnd()
        case .postgresKilled: return try await serverFault(["kill-postgres"], ["start-postgres"], "postgres")
        case .postgresStoppedImmediate:
            return try await serverFault(["stop-postgres", "immediate"], ["start-postgres"], "postgres")
        case .postgresRestartedFast:
            return try await serverFault(["stop-postgres", "fast"], ["start-postgres"], "postgres")
        case .rabbitMQKilled: return try await serverFault(["kill-rabbitmq"], ["start-rabbitmq"], "rabbitmq")
        case .rabbitMQRestarted: return try await serverFault(["stop-rabbitmq"], ["start-rabbitmq"], "rabbitmq")
        case .sessionsEnded: return try await threeTimes { try await self.endSessions() > 0 }
        case .readOnly: return try await whileDatabase(is: "SET default_transaction_read_only = on")
        case .noConnections: return try await whileDatabase(is: "ALLOW_CONNECTIONS false")
        case .tableLocked: return try await lockTable()
        case .statementTimeout: return try await timeOutStatements()
        case .brokerConnectionsClosed: return try await closeBrokerConnections()
        case .memoryAlarm: return try await memoryAlarm()
        case .databaseDoorbellSwallowed: return try await swallowDoorbell()
        case .outputQueueDeleted: return try await deleteOutputQueue()
        case .outputQueueFull: return try await fillOutputQueue()
        case .databaseCut: return try await threeTimes { try await self.cut(self.databaseProxy!) }
        case .brokerCut: return try await threeTimes { try await self.cut(self.brokerProxy!) }
        case .databaseHalfOpen: return try await halfOpen(databaseProxy!)
        case .brokerHalfOpen: return try await halfOpen(brokerProxy!)
        }
    }

    private func replaceWriter(_ signal: Int32) async throws -> Bool {
        let index = Int.random(in: 0..<writers.count, using: &random)
        let exit = try await end(writers[index], by: signal)
        writers[index] = try await startWriter()
        return exit == (signal == SIGKILL ? .signal(signal) : .status(0))
    }

    private func replaceRelay(_ signal: Int32) async throws -> Bool {
        let index = Int.random(in: 0..<relays.count, using: &random)
        let exit = try await end(relays[index], by: signal)
        relays[index] = try await startRelay()
        return exit == (signal == SIGKILL ? .signal(signal) : .status(0))
    }

    private func end(_ program: Program, by signal: Int32) async throws -> Program.Exit {
        // Before it has begun a signal ends it as it ends any program.
        try await eventually("\(program.name) has begun") { program.port != nil || !program.isRunning }
        program.kill(signal)
        return try await program.ended(within: .seconds(60))
    }

    private func failpoint(ofWriter: Bool) async throws -> Bool {
        let names =
            ofWriter
            ? ["writer.received", "writer.before_commit", "writer.after_commit", "writer.after_ack"]
            : ["relay.claimed", "relay.published", "relay.confirmed", "relay.before_mark", "relay.marked"]
        let point = "\(names.randomElement(using: &random)!)@\(Int.random(in: 2...8, using: &random))"
        let index = Int.random(in: 0..<(ofWriter ? writers.count : relays.count), using: &random)
        // The one that is replaced goes in good order, so that the work comes to the one that will kill itself.
        let settings = ["CANDLEPOST_FAILPOINT": point]
        if ofWriter {
            _ = try await end(writers[index], by: SIGTERM)
            writers[index] = try await startWriter(settings)
        } else {
            _ = try await end(relays[index], by: SIGTERM)
            relays[index] = try await startRelay(settings)
        }
        let exit = try await (ofWriter ? writers : relays)[index].ended(within: .seconds(60))
        if ofWriter { writers[index] = try await startWriter() } else { relays[index] = try await startRelay() }
        return exit == .signal(SIGKILL)
    }

    private func stopAndContinueWriter() async throws -> Bool {
        let writer = writers.randomElement(using: &random)!
        writer.kill(SIGSTOP)
        _ = try await endSessions("application_name = 'candlepost writer'")
        try await Task.sleep(for: .seconds(2))  // the fault itself
        let isStopped = Self.state(of: writer.pid) == "T"
        writer.kill(SIGCONT)
        return isStopped
    }

    private func stopAndContinue(_ program: Program) async throws -> Bool {
        program.kill(SIGSTOP)
        let seconds = [2, 2, 2, 20].randomElement(using: &random)!
        try await Task.sleep(for: .seconds(seconds))  // the fault itself
        let isStopped = Self.state(of: program.pid) == "T"
        program.kill(SIGCONT)
        return isStopped
    }

    private func sleepThroughItsEnd() async throws -> Bool {
        let sleeper = relays.randomElement(using: &random)!
        let other = try await startRelay()
        try await other.becomes(ready: true)
        sleeper.kill(SIGSTOP)
        let ended = try await endSessions("application_name = 'candlepost relay'")
        let count = world.gateway.distinctCount
        try await eventually("another relay takes over", within: .seconds(90)) {
            world.gateway.distinctCount >= count + 50
        }
        sleeper.kill(SIGCONT)
        return try await end(other, by: SIGTERM) == .status(0) && ended > 0
    }

    private func join(_ program: Program) async throws -> Bool {
        try await program.becomes(ready: true)
        try await Task.sleep(for: .seconds(2))  // the fault itself
        return try await end(program, by: SIGTERM) == .status(0)
    }

    private func serverFault(_ down: [String], _ up: [String], _ name: String) async throws -> Bool {
        try await Servers.tell(down)
        for program in writers + relays { try await program.becomes(ready: false, within: .seconds(90)) }
        let isNamed = await (relays[0].get("/readyz")?.body.contains("\(name): ") ?? false)
        try await Servers.tell(up)
        return isNamed
    }

    private func threeTimes(_ fault: () async throws -> Bool) async throws -> Bool {
        var isSeen = true
        for _ in 0..<3 {
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...700, using: &random)))  // a random moment
            isSeen = try await fault() && isSeen
        }
        return isSeen
    }

    private func cut(_ proxy: TestProxy) async throws -> Bool {
        let before = logs
        proxy.cut()
        try await eventually("the cut is noticed", within: .seconds(60)) { logs > before }
        for program in writers + relays { try await program.becomes(ready: true, within: .seconds(60)) }
        return true
    }

    private func halfOpen(_ proxy: TestProxy) async throws -> Bool {
        let before = logs
        proxy.forget()
        try await eventually("the silence is noticed", within: .seconds(90)) { logs > before }
        return true
    }

    /// How many times the programs said that a server is unavailable.
    private var logs: Int {
        (writers + relays).reduce(0) { $0 + $1.log.components(separatedBy: "unavailable").count }
    }

    func endSessions(_ condition: String = "application_name ~ '^candlepost (writer|relay)$'") async throws
        -> Int
    {
        let admin = try await world.database.connect(parameters: ["default_transaction_read_only": "off"])
        let rows = try await admin.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = current_database() AND \(condition)
            """)
        await admin.close()
        return Int(rows.int8(0, 0))
    }

    private func whileDatabase(is change: String) async throws -> Bool {
        let name = world.database.name
        let server = try await Self.server()
        _ = try await server.execute("ALTER DATABASE \(name) \(change)")
        _ = try await server.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name ~ '^candlepost (writer|relay)$'
            """)
        for writer in writers { try await writer.becomes(ready: false, within: .seconds(60)) }
        let undo =
            change.hasPrefix("SET") ? "RESET default_transaction_read_only" : "ALLOW_CONNECTIONS true"
        _ = try await server.execute("ALTER DATABASE \(name) \(undo)")
        // Sessions keep the setting that they began with.
        _ = try await server.execute(
            """
            SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
            WHERE datname = '\(name)' AND application_name ~ '^candlepost (writer|relay)$'
            """)
        await server.close()
        return true
    }

    /// A session with another database of the server.
    private static func server() async throws -> PostgresConnection {
        let url = try TestEnvironment.databaseURL
        return try await PostgresConnection.connect(
            PostgresConfiguration(conninfo: url, applicationName: "chaos"), logger: Logger(label: "chaos"))
    }

    private func lockTable() async throws -> Bool {
        let connection = try await world.database.connect(parameters: ["lock_timeout": "0"])
        try await connection.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
        try await Task.sleep(for: .seconds(2))  // the fault itself
        let waiting = try await connection.execute(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'candle_sticks'::regclass"
        ).int8(0, 0)
        try await connection.script("COMMIT")
        await connection.close()
        return waiting > 0
    }

    private func timeOutStatements() async throws -> Bool {
        let server = try await Self.server()
        _ = try await server.execute("ALTER DATABASE \(world.database.name) SET lock_timeout = '50ms'")
        _ = try await endSessions()
        let connection = try await world.database.connect(parameters: ["lock_timeout": "0"])
        try await connection.script("BEGIN; LOCK TABLE candle_sticks IN ACCESS EXCLUSIVE MODE")
        for writer in writers { try await writer.becomes(ready: false, within: .seconds(60)) }
        try await connection.script("COMMIT")
        await connection.close()
        _ = try await server.execute("ALTER DATABASE \(world.database.name) RESET lock_timeout")
        await server.close()
        _ = try await endSessions()
        return true
    }

    private func closeBrokerConnections() async throws -> Bool {
        let before = logs
        try await Servers.tell(["rabbitmqctl", "close_all_connections", "--global", "chaos"])
        try await eventually("it is noticed", within: .seconds(60)) { logs > before }
        return true
    }

    private func memoryAlarm() async throws -> Bool {
        try await Servers.tell(["rabbitmqctl", "set_vm_memory_high_watermark", "absolute", "1MB"])
        var isSeen = true
        do {
            // Only a relay that has something to publish is told.
            try await eventually("a relay is blocked", within: .seconds(30)) {
                for relay in relays where await relay.isReady == false { return true }
                return false
            }
        } catch is TooLate {
            isSeen = false
        }
        try await Servers.tell(["rabbitmqctl", "set_vm_memory_high_watermark", "0.4"])
        return isSeen
    }

    /// R running, S sleeping, T stopped.
    private static func state(of pid: pid_t) -> Character? {
        guard let file = fopen("/proc/\(pid)/stat", "r") else { return nil }
        defer { fclose(file) }
        var buffer = [CChar](repeating: 0, count: 512)
        guard fgets(&buffer, 512, file) != nil else { return nil }
        let line = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return line.split(separator: ")").last?.first { $0 != " " }
    }
}
