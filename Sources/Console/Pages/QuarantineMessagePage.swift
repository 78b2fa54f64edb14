import Outbox
import Postgres
import ProgramRuntime
import Quarantine

/// One message of the quarantine, byte for byte, and what was done to it.
enum QuarantineMessagePage {
    /// A larger body is not read: of it stands here how it begins.
    private static let mostBytes = 1 << 20

    private struct Message: Sendable {
        var fields: [(String, String)] = []
        var isOpen = true
        var queue = ""
        var bytes: [UInt8] = []
        var size: Int64 = 0
        var acts: [[String]] = []
    }

    static func page(_ ask: Ask) async throws -> Page {
        let id = try ask.number("id")
        let message = try await ask.readers.with { try await read(id, $0) }
        let outcome = try await trial(id, ask)
        guard let message else { throw PageError.notFound("The quarantine has no message \(id).") }
        let fields = message.fields.map { "<div><dt>\($0.0)</dt><dd>\(Moment.ifTime($0.1))</dd></div>" as HTML }
        let state: HTML =
            message.isOpen ? "<span class=\"state warn\">open</span>" : "<span class=\"state good\">resolved</span>"
        let body: HTML = """
            <p>\(state)</p><dl class="facts-list">\(fields)</dl>
            \(outcome.map(EditPage.result) ?? .none)
            \(HTML.when(message.isOpen, acts(ask, id)))
            <h2>Body</h2>\(body(message).html)
            <h2>What was done</h2>\(done(message.acts))
            """
        return Page(
            place: .quarantine, title: "Message \(id)", body: body, isLive: false,
            command: "writer quarantine show \(id)")
    }

    /// What would become of it now, where somebody asks.
    private static func trial(_ id: Int64, _ ask: Ask) async throws -> QuarantineTrial.Outcome? {
        guard ask.fields["try"] != nil else { return nil }
        return try await ask.readers.with { connection in
            let rows = try await connection.execute(
                "SELECT queue, body FROM quarantine WHERE id = $1 AND resolved_at IS NULL AND length(body) <= 4194304",
                [.int8(id)])
            guard rows.count == 1 else { return nil }
            return try await QuarantineTrial.run(
                Array(try rows[0].bytes(1)), queue: try rows[0].text(0), maximumBytes: 8 << 20, connection)
        }
    }

    private static func read(_ id: Int64, _ connection: PostgresConnection) async throws -> Message? {
        let rows = try await connection.execute(query, [.int8(id)])
        guard rows.count == 1 else { return nil }
        var message = Message()
        for (column, name) in names.enumerated() {
            if let text = try rows[0].optionalText(column) { message.fields.append((name, text)) }
        }
        message.queue = try rows[0].text(0)
        message.isOpen = try rows[0].isNull(7)
        message.bytes = Array(try rows[0].bytes(8))
        message.size = try rows[0].int8(9)
        let acts = try await connection.execute(actsQuery, [.int8(id)])
        message.acts = try acts.map { row throws(PostgresError) in
            [
                try row.text(0), try row.text(1), try row.text(2), try row.text(3), try row.optionalText(4) ?? "",
            ]
        }
        return message
    }

    private static func body(_ message: Message) -> BodyView {
        let isWhole = Int64(message.bytes.count) == message.size
        return BodyView(
            bytes: message.bytes, size: message.size,
            stop: isWhole ? QuarantineTrial.stop(in: message.bytes, queue: message.queue) : nil)
    }

    private static func acts(_ ask: Ask, _ id: Int64) -> HTML {
        let fields = FormFields().with("id", "\(id)")
        let edit: HTML = HTML.when(
            ask.viewer.mayAct, "<a class=\"button\" href=\"/quarantine/\(id)/edit\">Edit…</a>")
        return """
            <p class="row"><a class="button" href="/quarantine/\(id)?try=yes">Try: what would become of it now</a>\(edit)\
            \(ActingPages.link(.requeue, ask, "Requeue…", fields: fields))\(ActingPages.link(.giveUp, ask, "Discard…", fields: fields))</p>
            """
    }

    private static func done(_ acts: [[String]]) -> HTML {
        Table.html(
            caption: "What was done to this message",
            [.init("when"), .init("act"), .init("outcome"), .init("by"), .init("why")],
            acts.map { act in [Moment.html(act[0])] + act.dropFirst().map { HTML($0) } }, empty: "Nothing yet.")
    }

    private static let names = [
        "queue", "reason", "detail", "market id", "headers", "received", "attempts", "resolved",
    ]
    /// Cut by the server: a body may have a hundred megabytes.
    private static let query = """
        SELECT queue, reason, detail, market_id::text, headers::text, \(utc("received_at", "YYYY-MM-DD HH24:MI:SS.MS")),
               attempts::text, resolution || ' at ' || \(utc("resolved_at", "YYYY-MM-DD HH24:MI:SS")),
               CASE WHEN length(body) <= \(mostBytes) THEN body ELSE substr(body, 1, 16384) END, length(body)::bigint
        FROM quarantine WHERE id = $1
        """
    private static let actsQuery = """
        SELECT \(utc("acted_at", "YYYY-MM-DD HH24:MI:SS")), act, outcome, acted_by, why
        FROM quarantine_acts WHERE quarantine_id = $1 ORDER BY id DESC LIMIT 100
        """
}
