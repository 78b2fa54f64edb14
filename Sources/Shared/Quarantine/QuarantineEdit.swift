package import Postgres
import Records
import Storing

/// Mends a message in quarantine. What it was is kept in the act.
package enum QuarantineEdit {
    /// - Parameters:
    ///   - body: what the message is from now on.
    ///   - before: what it was when somebody decided to change it; nil for whatever it is.
    /// - Returns: false if there is no such open message, or it is not what it was.
    package static func run(
        _ id: Int64, body: [UInt8], before: [UInt8]? = nil, actedBy: String, why: String?,
        _ connection: PostgresConnection
    ) async throws(PostgresError) -> Bool {
        let answers = try await connection.pipeline([
            Statement("BEGIN ISOLATION LEVEL READ COMMITTED"),
            Statement(
                """
                INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, why, body)
                SELECT id, 'edited', length($2::bytea) || ' bytes', $3, $4, body FROM quarantine
                WHERE id = $1 AND resolved_at IS NULL AND ($5::bytea IS NULL OR body = $5) FOR UPDATE
                """,
                [
                    .int8(id), .bytea(body), .text(actedBy), why.map(Parameter.text) ?? .null(TypeOID.text),
                    before.map(Parameter.bytea) ?? .null(TypeOID.bytea),
                ]),
            Statement(
                """
                UPDATE quarantine SET body = $2 WHERE id = $1 AND resolved_at IS NULL
                AND EXISTS (SELECT FROM quarantine_acts WHERE quarantine_id = $1 AND act = 'edited' AND acted_at = now())
                """, [.int8(id), .bytea(body)]),
            Statement("COMMIT"),
        ])
        return answers[1].affectedRows == 1
    }
}

/// What would become of a message if it came now. Nothing is changed.
package enum QuarantineTrial {
    package enum Outcome: Sendable, Equatable {
        /// It would be stored and announced: its kind, market, and interval as people read it.
        case stored(kind: String, market: Int32)
        /// Its key is stored already.
        case duplicate(kind: String, market: Int32)
        case refused(reason: String, detail: String)
    }

    /// The byte that decoding a message stops at, its end among them; nil if it can be decoded. Asks nobody.
    package static func stop(in body: [UInt8], queue: String) -> Int? {
        decode(body, queue: queue, maximumBytes: .max).refused.first?.stoppedAt
    }

    private static func decode(_ body: [UInt8], queue: String, maximumBytes: Int) -> PreparedBatch {
        var batch = PreparedBatch(bytes: body, capacity: 1)
        batch.add(
            body: 0..<body.count, kind: batch.kinds.firstIndex { $0.queue == queue } ?? 0, maximumBytes: maximumBytes
        )
        return batch
    }

    /// - Parameters:
    ///   - queue: the queue that it came from, which tells its kind.
    ///   - maximumBytes: the writer's limit.
    package static func run(
        _ body: [UInt8], queue: String, maximumBytes: Int, _ connection: PostgresConnection
    ) async throws(PostgresError) -> Outcome {
        var batch = decode(body, queue: queue, maximumBytes: maximumBytes)
        let markets = KnownMarkets()
        try await markets.lookUp(Set(batch.records.map(\.key.market)), connection)
        markets.refuseUnknown(&batch)
        guard let record = batch.records.first else {
            let refusal = batch.refused.first?.refusal
            return .refused(reason: refusal?.reason.rawValue ?? "", detail: refusal?.detail ?? "")
        }
        let kind = batch.kinds[record.kind]
        let known = try await connection.execute(
            "SELECT EXISTS (SELECT 1 FROM \(kind.table) WHERE market_id = $1 AND interval_start = $2 AND interval_end = $3)",
            [
                .int4(record.key.market), .timestamp(milliseconds: record.key.intervalStart),
                .timestamp(milliseconds: record.key.intervalEnd),
            ])
        return try known[0].bool(0)
            ? .duplicate(kind: kind.name, market: record.key.market)
            : .stored(kind: kind.name, market: record.key.market)
    }
}
