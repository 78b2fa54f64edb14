import FoundationEssentials
import Postgres
import Records
import Storing

/// The messages of a batch that can't be records, with their exact bytes.
struct QuarantineRows {
    private var queue: BinaryArray
    private var reason: BinaryArray
    private var detail: BinaryArray
    private var body: BinaryArray
    private var headers: BinaryArray
    private var market: BinaryArray

    /// How many there are, by reason.
    private(set) var counts: [Refusal.Reason: Int] = [:]

    init(_ part: BatchPart) {
        let refused = part.refused
        queue = BinaryArray(elementType: .text, capacity: refused.count)
        reason = BinaryArray(elementType: .text, capacity: refused.count)
        detail = BinaryArray(elementType: .text, capacity: refused.count)
        body = BinaryArray(elementType: .bytea, capacity: refused.count)
        headers = BinaryArray(elementType: .text, capacity: refused.count)
        market = BinaryArray(elementType: .int4, capacity: refused.count)
        for message in refused { append(message, of: part.batch) }
    }

    private mutating func append(_ refused: PreparedBatch.Refused, of batch: PreparedBatch) {
        let message = batch.messages[refused.message]
        counts[refused.refusal.reason, default: 0] += 1
        queue.append(text: batch.kinds[refused.kind].queue)
        reason.append(text: refused.refusal.reason.rawValue)
        detail.append(text: refused.refusal.detail)
        body.append(bytes: batch.bytes.span.extracting(message.body))
        if let text = Self.json(message.headers) { headers.append(bytes: text.span) } else { headers.appendNull() }
        if let id = refused.market { market.append(int4: id) } else { market.appendNull() }
    }

    var insert: Statement {
        Statement(
            """
            INSERT INTO quarantine (queue, reason, detail, body, headers, market_id)
            SELECT q, r, d, b, h::jsonb, m
            FROM unnest($1::text[], $2::text[], $3::text[], $4::bytea[], $5::text[], $6::int[]) AS t(q, r, d, b, h, m)
            """,
            name: "insert_quarantine", [queue, reason, detail, body, headers, market].map(Parameter.array))
    }

    private static func json(_ headers: [(name: String, value: String)]) -> [UInt8]? {
        guard !headers.isEmpty else { return nil }
        let pairs = Dictionary(headers.map { ($0.name, $0.value) }, uniquingKeysWith: { first, _ in first })
        // U+0000 is the one character that no text of PostgreSQL takes.
        let storable = pairs.mapValues { $0.replacing("\0", with: "\u{FFFD}") }
        return (try? JSONEncoder().encode(storable)).map(Array.init)
    }
}
