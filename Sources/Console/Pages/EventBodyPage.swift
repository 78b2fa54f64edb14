import Logging
import Postgres
import Records

/// The body of one event, where the console may show it. Each look is recorded in the log: who, from where, at which.
enum EventBodyPage {
    /// A larger body is not read: of it stands here how it begins.
    private static let mostBytes: Int64 = 1 << 20

    static func page(_ ask: Ask, _ logger: Logger) async throws -> Page {
        let id = try ask.number("id")
        let rows = try await ask.readers.with { connection in
            try await connection.execute(
                """
                SELECT convert_to(CASE WHEN octet_length(body) <= $2 THEN body ELSE left(body, 16384) END, 'UTF8'),
                       octet_length(body)::bigint
                FROM generate_series(0, \(Lane.count - 1)) AS l(lane)
                CROSS JOIN LATERAL (SELECT body FROM outbox WHERE lane = l.lane::smallint AND id = $1 OFFSET 0) o
                """, [.int8(id), .int8(mostBytes)])
        }
        guard rows.count == 1 else { throw PageError.notFound("The outbox has no row \(id).") }
        logger.notice(
            "a body was looked at",
            metadata: ["outbox.id": "\(id)", "name": "\(ask.viewer.name ?? "nobody signed in")", "peer": "\(ask.peer)"])
        let view = BodyView(bytes: Array(try rows[0].bytes(0)), size: try rows[0].int8(1), stop: nil)
        return Page(
            place: .events, title: "Body of event \(id)",
            body: "\(view.html)<p><a href=\"/events/\(id)\">Its life</a></p>", isLive: false)
    }
}
