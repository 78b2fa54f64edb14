import Postgres
import TestSupport
import Testing

/// A task that awaits may find that others had their turn before its wait began: what it waits for may be over by then.
@Suite("A session that ends between a call and its wait", .timeLimit(.minutes(1)))
struct TurnTests {
    @Test(arguments: 0..<5) func tellsWhoGaveACommand(turns: Int) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let error = await #expect(throws: PostgresError.self) {
                try await connection.executeWhileItIsClosed(after: turns)
            }
            #expect(error?.kind == .closed)
        }
    }

    @Test(arguments: 0..<5) func tellsWhoWaitsForNotifications(turns: Int) async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let error = await #expect(throws: PostgresError.self) {
                try await connection.waitWhileItIsClosed(after: turns)
            }
            #expect(error?.kind == .closed)
        }
    }
}

extension PostgresConnection {
    /// Both tasks are enqueued before either begins.
    fileprivate func executeWhileItIsClosed(after turns: Int) async throws {
        let waiting = Task { try await self.execute("SELECT pg_sleep(60)") }
        close(after: turns)
        _ = try await waiting.value
    }

    fileprivate func waitWhileItIsClosed(after turns: Int) async throws {
        let waiting = Task { try await self.nextNotification(timeout: .seconds(60)) }
        close(after: turns)
        _ = try await waiting.value
    }

    private func close(after turns: Int) {
        Task {
            for _ in 0..<turns { await Task.yield() }
            self.close()
        }
    }
}
