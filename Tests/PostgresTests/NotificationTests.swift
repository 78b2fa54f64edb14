import Postgres
import TestSupport
import Testing

@Suite("Notifications")
struct NotificationTests {
    @Test func aNotificationWakesTheListener() async throws {
        try await withTestDatabase { database in
            let listener = try await database.connect()
            let sender = try await database.connect()
            try await listener.listen(to: "door \"bell\"")
            async let woken = listener.nextNotification(timeout: .seconds(60))
            _ = try await sender.execute("SELECT pg_notify('door \"bell\"', '')")
            #expect(try await woken)
        }
    }

    @Test func severalCountAsOne() async throws {
        try await withTestDatabase { database in
            let listener = try await database.connect()
            let sender = try await database.connect()
            try await listener.listen(to: "bell")
            for text in ["1", "2", "3"] { _ = try await sender.execute("SELECT pg_notify('bell', $1)", [.text(text)]) }
            // The answer to a later command comes after the notifications.
            _ = try await listener.execute("SELECT 1")
            #expect(try await listener.nextNotification(timeout: .seconds(60)))
            #expect(try await listener.nextNotification(timeout: .zero) == false)
        }
    }

    @Test func oneThatComesWhileAPipelineRunsIsKept() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.listen(to: "bell")
            _ = try await connection.pipeline([Statement("NOTIFY bell"), Statement("SELECT 1")])
            #expect(try await connection.nextNotification(timeout: .zero))
        }
    }

    @Test func waitingDoesNotHoldUpCommands() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            try await connection.listen(to: "bell")
            async let woken = connection.nextNotification(timeout: .seconds(60))
            try await connection.ping(timeout: .seconds(30))
            _ = try await connection.execute("NOTIFY bell")
            #expect(try await woken)
        }
    }

    @Test func aCancelledListenerReturnsAtOnce() async throws {
        try await withTestDatabase { database in
            let connection = try await database.connect()
            let waiting = Task { try await connection.nextNotification(timeout: .seconds(3600)) }
            try await connection.ping(timeout: .seconds(30))
            waiting.cancel()
            #expect(try await waiting.value == false)
        }
    }

    @Test func aLostConnectionWakesTheListener() async throws {
        try await withTestDatabase { database in
            let listener = try await database.connect()
            let other = try await database.connect()
            try await listener.listen(to: "bell")
            let waiting = Task { try await listener.nextNotification(timeout: .seconds(3600)) }
            _ = try await other.execute("SELECT pg_terminate_backend($1)", [.int4(listener.backendProcessID)])
            let error = try await #require(throws: PostgresError.self) { try await waiting.value }
            #expect(error.kind == .connectionLost)
            #expect(error.recovery == .retry)
        }
    }
}
