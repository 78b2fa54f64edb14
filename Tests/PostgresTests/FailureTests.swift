import Logging
import Postgres
import TestSupport
import Testing

@Suite("Lost and refused connections")
struct FailureTests {
    private let canary = "canary-bird"

    private func connect(
        _ conninfo: String, change: (inout PostgresConfiguration) -> Void = { _ in }
    ) async throws -> PostgresConnection {
        var configuration = PostgresConfiguration(conninfo: conninfo, applicationName: "tests")
        change(&configuration)
        return try await PostgresConnection.connect(configuration, logger: Logger(label: "tests"))
    }

    @Test func aKilledSessionFailsAllCallers() async throws {
        try await withTestDatabase { database in
            let victim = try await database.connect()
            let killer = try await database.connect()
            let sleeper = Task { try await victim.execute("SELECT pg_sleep(60)") }
            try await waitUntilActive(victim.backendProcessID, killer)  // or one of the others might be first
            let callers = [
                sleeper, Task { try await victim.execute("SELECT 2") },
                Task { try await victim.execute("SELECT 3") },
            ]
            _ = try await killer.execute("SELECT pg_terminate_backend($1)", [.int4(victim.backendProcessID)])
            for caller in callers {
                let error = try await #require(throws: PostgresError.self) { try await caller.value }
                #expect(error.kind == .connectionLost)
                #expect(error.sqlstate == "57P01")
                #expect(error.recovery == .retry)
            }
            await #expect(throws: PostgresError.self) { try await victim.pipeline([]) }
            await #expect(throws: PostgresError.self) { try await victim.nextNotification(timeout: .seconds(60)) }
        }
    }

    /// Asks the server until the session is inside a statement.
    private func waitUntilActive(_ processID: Int32, _ connection: PostgresConnection) async throws {
        let question = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep'"
        while try await connection.execute(question, [.int4(processID)]).int8(0, 0) == 0 {}
    }

    @Test func anAnswerThatIsTooLateEndsTheConnection() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect(parameters: ["statement_timeout": "0"]) {
                $0.replyTimeout = .seconds(2)
            }
            let error = try await #require(throws: PostgresError.self) {
                try await connection.execute("SELECT pg_sleep(60)")
            }
            #expect(error.kind == .replyTimeout)
            #expect(error.recovery == .retry)
            await #expect(throws: error) { try await connection.execute("SELECT 1") }
        }
    }

    @Test func theServersOwnLimitLeavesTheConnection() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect(parameters: ["statement_timeout": "1s"])
            let error = try await #require(throws: PostgresError.self) {
                try await connection.execute("SELECT pg_sleep(60)")
            }
            #expect(error.sqlstate == "57014")
            #expect(error.recovery == .retry)
            try await connection.ping(timeout: .seconds(30))
        }
    }

    @Test func afterCloseEverythingThrows() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let caller = Task { try await connection.execute("SELECT pg_sleep(60)") }
            try await waitUntilActive(connection.backendProcessID, try await database.connect())
            await connection.close()
            await connection.close()
            let error = try await #require(throws: PostgresError.self) { try await caller.value }
            #expect(error.kind == .closed)
            await #expect(throws: error) { try await connection.script("SELECT 1") }
            await #expect(throws: error) { try await connection.ping(timeout: .seconds(1)) }
            await #expect(throws: error) { try await connection.listen(to: "bell") }
        }
    }

    @Test func aDroppedConnectionEndsItsSession() async throws {
        try await withTestDatabase { database in
            let witness = try await database.connect()
            let processID = try await database.connect().backendProcessID
            let question = "SELECT count(*) FROM pg_stat_activity WHERE pid = $1"
            while try await witness.execute(question, [.int4(processID)]).int8(0, 0) > 0 {}
        }
    }

    @Test func aRefusedConnectionNamesTheServerButNotThePassword() async throws {
        let port = try SilentServer.unusedPort()
        let error = try await #require(throws: PostgresError.self) {
            try await connect("postgresql://someone:\(canary)@127.0.0.1:\(port)/db")
        }
        #expect(error.kind == .connect)
        #expect(error.recovery == .retry)
        #expect(error.description.contains("127.0.0.1") && error.description.contains("\(port)"))
        #expect(!error.description.contains(canary))
        #expect(!String(reflecting: error).contains(canary))
    }

    @Test func aMissingDatabaseIsRetriedWhileConnecting() async throws {
        let missing = try await withTestDatabase { $0.url }
        let url = missing + (missing.contains("?") ? "&" : "?") + "sslpassword=\(canary)"
        let error = try await #require(throws: PostgresError.self) { try await connect(url) }
        #expect(error.recovery == .retry)
        #expect(error.description.contains("does not exist"))
        #expect(!error.description.contains(canary))
    }

    @Test func aSilentServerIsGivenUp() async throws {
        let server = try SilentServer()
        let start = ContinuousClock.now
        let error = try await #require(throws: PostgresError.self) {
            try await connect("postgresql://someone:\(canary)@127.0.0.1:\(server.port)/db") {
                $0.connectTimeout = .milliseconds(300)
            }
        }
        #expect(error.kind == .connect)
        #expect(error.message.contains("port \(server.port)") && error.message.contains("no answer"))
        #expect(ContinuousClock.now - start >= .milliseconds(300))
    }

    @Test func aSilentFirstHostDoesNotHideTheSecond() async throws {
        let server = try SilentServer()
        try await withTestDatabase { database in
            let authority = try #require(database.url.firstRange(of: "@") ?? database.url.firstRange(of: "://"))
            var url = database.url
            url.insert(contentsOf: "127.0.0.1:\(server.port),", at: authority.upperBound)
            let connection = try await connect(url) { $0.connectTimeout = .seconds(10) }
            #expect(try await connection.execute("SELECT 1").int4(0, 0) == 1)
        }
    }
}
