import Postgres
import ProgramRuntime
import Quarantine

/// Mending a message of the quarantine: tried first, kept as it was, recorded.
enum EditPage {
    /// A form holds no more.
    static let mostBytes = 200_000

    struct Message: Sendable {
        let id: Int64
        let queue: String
        let body: [UInt8]
    }

    static func read(_ id: Int64, _ connection: PostgresConnection) async throws -> Message {
        let rows = try await connection.execute(
            "SELECT queue, CASE WHEN length(body) <= $2 THEN body END, resolved_at IS NULL FROM quarantine WHERE id = $1",
            [.int8(id), .int8(Int64(mostBytes))])
        guard rows.count == 1 else { throw PageError.notFound("The quarantine has no message \(id).") }
        guard try rows[0].bool(2) else { throw PageError.wrong("Message \(id) has left quarantine.") }
        guard try !rows[0].isNull(1) else {
            throw PageError.wrong("Message \(id) is too large for a form: mend it by `writer quarantine edit`.")
        }
        return Message(id: id, queue: try rows[0].text(0), body: Array(try rows[0].bytes(1)))
    }

    /// - Parameters:
    ///   - text: what it is to be; nil for what it is.
    ///   - outcome: what would become of that.
    static func page(
        _ message: Message, text: String? = nil, outcome: QuarantineTrial.Outcome? = nil, why: String = "",
        problem: String? = nil, _ ask: Ask
    ) throws -> Page {
        guard let was = String(validating: message.body, as: UTF8.self) else {
            throw PageError.wrong("Message \(message.id) is no UTF-8 text: mend it by `writer quarantine edit`.")
        }
        let fault: HTML = problem.map { "<p class=\"banner bad\" role=\"alert\">\($0)</p>" } ?? .none
        let body: HTML = """
            \(fault)\(outcome.map(result) ?? .none)<form method="post" action="/quarantine/\(message.id)/edit">\(ActingPages.token(ask.viewer))\
            <input type="hidden" name="was" value="\(Answer.tag(was))"><label class="block" for="body">The message</label>\
            <textarea id="body" name="body" spellcheck="false" rows="14">\(HTML.field(text ?? was))</textarea>\
            <label class="block" for="why">Why? It is kept with your name</label><input id="why" name="why" size="60" maxlength="2000" value="\(why)">
            <p class="row"><button name="do" value="try">Try: what would become of it</button><button class="do" name="do" value="save">Save</button>\
            <a href="/quarantine/\(message.id)">Leave it</a></p></form>
            <p class="note">What it was before is kept, to the last byte. Saving changes the message alone: requeue it afterwards.</p>
            """
        return Page(
            place: .quarantine, title: "Edit message \(message.id)", body: body, isLive: false,
            command: "writer quarantine edit \(message.id) FILE --reason '…'")
    }

    static func result(_ outcome: QuarantineTrial.Outcome) -> HTML {
        switch outcome {
        case .stored(let kind, let market):
            "<p class=\"banner good\" role=\"status\">Requeued as it is now, it would be stored and announced: \(kind) of market \(Int64(market)).</p>"
        case .duplicate(let kind, let market):
            "<p class=\"banner warn\" role=\"status\">Requeued as it is now, it would be a duplicate: this \(kind) of market \(Int64(market)) is stored already.</p>"
        case .refused(let reason, let detail):
            "<p class=\"banner bad\" role=\"status\">Requeued as it is now, it would be refused again: \(reason), \(detail)</p>"
        }
    }
}
