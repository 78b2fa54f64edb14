import Glibc
import Postgres
import Records
import Synchronization
import TestSupport
import Testing

/// What one test has for itself: a migrated database with markets, a virtual host, a collector, a gateway, and the
/// programs that it starts. All programs are gone when the test is over, however it ends.
final class World: Sendable {
    let database: TestDatabase
    let host: VirtualHost
    let collector: Collector
    let gateway: Gateway
    private let session: Session
    private let programs = Mutex<[Program]>([])
    private let rowsBefore = Mutex(0)

    private init(_ database: TestDatabase, _ host: VirtualHost) throws {
        self.database = database
        self.host = host
        collector = try Collector(host)
        gateway = Gateway(host)
        session = Session(database)
    }

    /// Runs `body` in a world of its own.
    /// - Parameter markets: how many markets there are, from id 1 on.
    static func with(markets: Int = 64, _ body: (World) async throws -> Void) async throws {
        try await VirtualHosts.shared.with { host in
            try await withTestDatabase { database in
                let world = try World(database, host)
                do {
                    try await world.run("writer", "migrate")
                    try await world.addMarkets(markets)
                    try await world.countLeftovers()
                    try await body(world)
                } catch {
                    Issue.record("\(error)\n\(world.logs)")
                }
                try await world.end()
            }
        }
    }

    private func end() async throws {
        let all = programs.withLock { $0 }
        for program in all { program.kill(SIGKILL) }
        for program in all { try await program.ended() }
        try? await host.delete(VirtualHost.outputQueue)  // what was not consumed is of no interest any more
        try await gateway.abandon()
        await session.close()
    }

    /// Whatever a promise is held against must be empty at first.
    private func countLeftovers() async throws {
        let tables = RecordKind.all.map(\.table) + ["outbox", "quarantine", "ingest_batches", "outbox_deliveries"]
        let counts = tables.map { "(SELECT count(*) FROM \($0))" }.joined(separator: " + ")
        let rows = try await number("SELECT \(counts)")
        rowsBefore.withLock { $0 = rows }
    }

    /// How many rows there were when it began.
    var leftovers: Int { rowsBefore.withLock { $0 } }

    private func addMarkets(_ count: Int) async throws {
        guard count > 0 else { return }
        try await query("INSERT INTO exchanges VALUES (1, 'binance', 'Binance')")
        try await query(
            """
            INSERT INTO markets (id, exchange_id, external_market_id, symbol)
            SELECT n, 1, 'M' || n || 'USDT', 'M' || n || '/USDT' FROM generate_series(1, \(count)) AS n
            """)
    }

    // MARK: the database

    /// Runs one statement.
    @discardableResult
    func query(_ sql: String) async throws -> Rows { try await session.query(sql) }

    /// The answer to a query for one number; 0 for NULL, as a sum of nothing is.
    func number(_ sql: String) async throws -> Int {
        Int(try await query("SELECT coalesce((\(sql))::bigint, 0)").int8(0, 0))
    }

    /// How many sessions wait for a lock of the table.
    func waiters(for table: String) async throws -> Int {
        try await number("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = '\(table)'::regclass")
    }

    // MARK: programs

    /// Every program that was started here, commands included.
    var all: [Program] { programs.withLock { $0 } }
    /// Those that have not ended.
    var running: [Program] { all.filter(\.isRunning) }

    /// The end of what every program said.
    var logs: String {
        programs.withLock { $0 }.map { "--- \($0.name) \($0.pid)\n\($0.logEnd())" }.joined(separator: "\n")
    }

    /// Those that said a password, in logs or results.
    var tellers: [Program] {
        let secrets = [database.url, host.url].compactMap { $0.split(separator: "@").first?.split(separator: ":").last }
        return programs.withLock { $0 }.filter { program in
            secrets.contains { program.log.contains($0) || program.output.contains($0) }
        }
    }

    /// Starts a program of this world.
    func start(
        _ name: Program.Name, _ arguments: [String] = [], settings: [String: String] = [:], input: Int32? = nil,
        from folder: String? = nil
    ) async throws -> Program {
        let own = [
            "DATABASE_URL": database.url, "AMQP_URL": host.url, "LOG_FORMAT": "json",
            "\(name.rawValue.uppercased())_HTTP": "127.0.0.1:0",
        ]
        let program = try await Program(
            name, arguments, environment: own.merging(settings) { _, given in given }, input: input, from: folder)
        programs.withLock { $0.append(program) }
        return program
    }

    /// Starts the writer and waits until it is ready.
    func writer(_ settings: [String: String] = [:]) async throws -> Program {
        let program = try await start(.writer, settings: settings)
        try await program.becomes(ready: true)
        return program
    }

    /// Starts the relay and waits until it is ready.
    func relay(_ settings: [String: String] = [:]) async throws -> Program {
        let program = try await start(.relay, settings: settings)
        try await program.becomes(ready: true)
        return program
    }

    /// Starts the console and waits until it is ready.
    func console(_ settings: [String: String] = [:]) async throws -> Program {
        let program = try await start(.console, settings: settings)
        try await program.becomes(ready: true)
        return program
    }

    /// Runs a command to its end, which must be a good one. The limit is for what hangs: under a sanitizer some take a minute.
    /// - Returns: its standard output.
    @discardableResult
    func run(_ words: String..., input: Int32? = nil) async throws -> String {
        let name = try #require(Program.Name(rawValue: words[0]))
        let program = try await start(name, Array(words.dropFirst()), input: input)
        let exit = try await program.ended(within: .seconds(300))
        try #require(exit == .status(0), "\(words.joined(separator: " ")): \(exit)\n\(program.log)")
        return program.output
    }
}
