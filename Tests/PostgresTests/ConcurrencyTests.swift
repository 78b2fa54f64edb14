import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("Many callers")
struct ConcurrencyTests {
    @Test func fiftyCallersEachGetTheirOwnAnswer() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<50 as Range<Int32> {
                    group.addTask {
                        for round in 0..<20 as Range<Int32> {
                            let bad = (number + round) % 7 == 0
                            let statements = [
                                Statement("SELECT $1", name: "echo", [.int4(number)]),
                                Statement(bad ? "SELECT 1 / 0" : "SELECT \(round)"),
                            ]
                            if bad {
                                await #expect(throws: PostgresError.self) { try await connection.pipeline(statements) }
                            } else {
                                let answers = try await connection.pipeline(statements).map { $0.int4(0, 0) }
                                #expect(answers == [number, round])
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func commandsRunInTheOrderOfTheCalls() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.script("CREATE TABLE t (id serial, a int4)")
            var callers: [Task<Rows, any Error>] = []
            for number in 0..<20 as Range<Int32> {
                callers.append(
                    Task.immediate { try await connection.execute("INSERT INTO t (a) VALUES ($1)", [.int4(number)]) })
            }
            for caller in callers { _ = try await caller.value }
            let rows = try await connection.execute("SELECT a FROM t ORDER BY id")
            #expect((0..<20).map { rows.int4($0, 0) } == Array(0..<20))
        }
    }

    /// More sessions wait for a lock than the pool has threads. If one of them sat on a thread of the pool, the task
    /// that gives the lock back could not run.
    @Test func waitingSessionsLeaveTheCooperativePoolAlone() async throws {
        try await withTestDatabase { database in
            let holder = try await database.connect()
            _ = try await holder.execute("SELECT pg_advisory_lock(1)")
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    let session = try await database.connect()
                    group.addTask { _ = try await session.execute("SELECT pg_advisory_lock_shared(1)") }
                }
                let question = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
                while try await holder.execute(question).int8(0, 0) < 8 { await Task.yield() }
                _ = try await holder.execute("SELECT pg_advisory_unlock(1)")
                try await group.waitForAll()
            }
        }
    }

    @Test func aCancelledCallerStillGetsItsAnswer() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let caller = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                return try await connection.execute("SELECT 5").int4(0, 0)
            }
            #expect(try await caller.value == 5)
        }
    }

    /// An answer that is not urgent is read when somebody else's is, or another command waits for its turn.
    @Test(.timeLimit(.minutes(2))) func whoIsPatientGetsTheAnswerWhenTheThreadIsAwake() async throws {
        try await withTestDatabase { database in
            let (patient, other) = (try await database.connect(), try await database.connect())
            let first = Task.immediate {
                try await patient.pipeline([Statement("SELECT 1")], patience: .seconds(3600))[0].int4(0, 0)
            }
            let second = Task.immediate { try await patient.execute("SELECT 2").int4(0, 0) }
            #expect(try await [first.value, second.value] == [1, 2])

            let isThere = Flag()
            async let third = patient.pipeline([Statement("SELECT 3")], patience: .seconds(3600))
            async let ticks: Void = {
                while !isThere.isSet { _ = try await other.execute("SELECT 1") }
            }()
            #expect(try await third[0].int4(0, 0) == 3)
            isThere.set()
            try await ticks
        }
    }

    @Test func whoIsPatientWaitsNoLongerThanSaid() async throws {
        try await withTestDatabase { database in
            let patient = try await database.connect()
            #expect(try await patient.pipeline([Statement("SELECT 1")], patience: .milliseconds(30))[0].int4(0, 0) == 1)
        }
    }
}

private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .relaxed) }
    func set() { value.store(true, ordering: .relaxed) }
}
