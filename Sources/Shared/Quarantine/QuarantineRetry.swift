package import Postgres
import Records
package import Storing

/// Tries quarantined messages again: what can be a record by now is stored and announced as if it had just arrived, in one
/// transaction with the note that it left quarantine.
package struct QuarantineRetry: Sendable {
    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        package var stored = 0
        package var duplicate = 0
        /// Still no records; their reason and detail are those of this attempt.
        package var refused = 0

        package init(stored: Int = 0, duplicate: Int = 0, refused: Int = 0) {
            self.stored = stored
            self.duplicate = duplicate
            self.refused = refused
        }

        package static func += (left: inout Outcome, right: Outcome) {
            left.stored += right.stored
            left.duplicate += right.duplicate
            left.refused += right.refused
        }
    }

    private let connection: PostgresConnection
    private let maximumMessageBytes: Int
    private let act: String
    private let actedBy: String
    private let why: String?
    /// How many messages are tried in one transaction.
    private static let partCount = 50
    /// How many bytes of bodies they have together, if there are several: a hundred messages just below the writer's limit
    /// would not fit into memory.
    private let partBytes: Int
    private let rules: RevisionRules
    package static let mostBytes = 8 << 20

    /// - Parameters:
    ///   - act: `retried` by itself, or `requeued` by an operator.
    ///   - why: an operator's reason.
    ///   - rules: what becomes of versions that come later.
    package init(
        connection: PostgresConnection, maximumMessageBytes: Int, act: String, actedBy: String, why: String?,
        rules: RevisionRules = RevisionRules(), partBytes: Int = Self.mostBytes
    ) {
        self.connection = connection
        self.maximumMessageBytes = maximumMessageBytes
        self.act = act
        self.actedBy = actedBy
        self.why = why
        self.rules = rules
        self.partBytes = partBytes
    }

    /// - Parameter ids: rows of the quarantine; those that are resolved, or being worked on by somebody else, are left out.
    package func run(_ ids: [Int64]) async throws(PostgresError) -> Outcome {
        var outcome = Outcome()
        for part in try await parts(ids) {
            do {
                outcome += try await together(part)
            } catch {
                guard Blame(error) == .row else { throw error }
                for id in part { outcome += try await alone(id) }
            }
        }
        return outcome
    }

    private func parts(_ ids: [Int64]) async throws(PostgresError) -> [[Int64]] {
        let rows = try await connection.execute(
            "SELECT id, length(body)::bigint FROM quarantine WHERE id = ANY($1) ORDER BY id", [.array(ids)])
        var parts: [[Int64]] = []
        var bytes = 0
        for (id, length) in try rows.map({ row throws(PostgresError) in (try row.int8(0), Int(try row.int8(1))) }) {
            if let last = parts.last, last.count < Self.partCount, bytes + length <= partBytes {
                parts[parts.count - 1].append(id)
                bytes += length
            } else {
                parts.append([id])
                bytes = length
            }
        }
        return parts
    }

    private func alone(_ id: Int64) async throws(PostgresError) -> Outcome {
        do {
            return try await together([id])
        } catch {
            guard Blame(error) == .row else { throw error }
            let refusal = Refusal(.refusedByDatabase, "\(error.sqlstate ?? "no SQLSTATE"): \(error.message)")
            _ = try await connection.pipeline(
                [Statement("BEGIN")] + note([(id, refusal.reason.rawValue, refusal.detail)]) + [Statement("COMMIT")])
            return Outcome(refused: 1)
        }
    }

    private func together(_ ids: [Int64]) async throws(PostgresError) -> Outcome {
        let rows = try await connection.pipeline([Statement("BEGIN"), Self.select(ids)])[1]
        let markets = KnownMarkets()
        try await markets.reload(connection)
        let messages = try QuarantinedMessages(rows, maximumBytes: maximumMessageBytes, markets: markets)
        let transaction = StoreTransaction(
            connection: connection, part: BatchPart(messages.batch), rules: rules, isOpen: true)
        let outcome = try await transaction.storeRecords()
        let refused = messages.batch.refused
        try await transaction.commit(
            outcome,
            with: [IngestEntry(leavingQuarantine: outcome.result, writer: actedBy).insert]
                + [resolve(messages, outcome.revision.map { $0 > 0 })]
                + note(refused.map { (messages.ids[$0.message], $0.refusal.reason.rawValue, $0.refusal.detail) }))
        return Outcome(
            stored: outcome.result.announcedCount, duplicate: outcome.result.duplicateCount, refused: refused.count)
    }

    private static func select(_ ids: [Int64]) -> Statement {
        Statement(
            """
            SELECT id, queue, body, headers->>'traceparent' FROM quarantine
            WHERE id = ANY($1) AND resolved_at IS NULL ORDER BY id FOR UPDATE SKIP LOCKED
            """, [.array(ids)])
    }

    /// - Parameter isAnnounced: for each record, whether it was stored, as a new one or in the place of one.
    private func resolve(_ messages: QuarantinedMessages, _ isAnnounced: [Bool]) -> Statement {
        let records = messages.batch.records
        var ids = BinaryArray(elementType: .int8, capacity: records.count)
        var resolutions = BinaryArray(elementType: .text, capacity: records.count)
        for (index, record) in records.enumerated() {
            ids.append(int8: messages.ids[record.message])
            resolutions.append(text: isAnnounced[index] ? "stored" : "duplicate")
        }
        return Statement(
            """
            WITH left_it AS (SELECT * FROM unnest($1::bigint[], $2::text[]) AS t(id, resolution)),
            resolved AS (
                UPDATE quarantine q SET attempts = attempts + 1, resolved_at = now(), resolution = l.resolution
                FROM left_it l WHERE q.id = l.id)
            INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, why)
            SELECT id, $3, resolution, $4, $5 FROM left_it
            """, [.array(ids), .array(resolutions)] + actParameters)
    }

    private func note(_ refused: [(id: Int64, reason: String, detail: String)]) -> [Statement] {
        guard !refused.isEmpty else { return [] }
        var ids = BinaryArray(elementType: .int8, capacity: refused.count)
        var reasons = BinaryArray(elementType: .text, capacity: refused.count)
        var details = BinaryArray(elementType: .text, capacity: refused.count)
        for message in refused {
            ids.append(int8: message.id)
            reasons.append(text: message.reason)
            details.append(text: message.detail)
        }
        return [
            Statement(
                """
                WITH still AS (SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[]) AS t(id, reason, detail)),
                noted AS (
                    UPDATE quarantine q SET attempts = attempts + 1, reason = s.reason, detail = s.detail
                    FROM still s WHERE q.id = s.id)
                INSERT INTO quarantine_acts (quarantine_id, act, outcome, acted_by, why)
                SELECT id, $4, reason, $5, $6 FROM still
                """, [.array(ids), .array(reasons), .array(details)] + actParameters)
        ]
    }

    private var actParameters: [Parameter] {
        [.text(act), .text(actedBy), why.map(Parameter.text) ?? .null(TypeOID.text)]
    }
}

/// Messages of the quarantine, decoded like messages of a queue.
struct QuarantinedMessages: Sendable {
    /// The row of each message of the batch.
    let ids: [Int64]
    let batch: PreparedBatch

    /// - Parameter rows: id, queue, body, traceparent.
    init(_ rows: Rows, maximumBytes: Int, markets: KnownMarkets) throws(PostgresError) {
        var bytes: [UInt8] = []
        let bodies = try rows.map { row throws(PostgresError) in
            let start = bytes.count
            bytes += try row.bytes(2)
            return start..<bytes.count
        }
        var batch = PreparedBatch(bytes: bytes, capacity: rows.count)
        for (row, body) in bodies.enumerated() {
            let queue = try rows[row].text(1)
            let traceParent = try rows[row].optionalText(3)
            batch.add(
                body: body, kind: batch.kinds.firstIndex { $0.queue == queue } ?? 0,
                headers: traceParent.map { [("traceparent", $0)] } ?? [], maximumBytes: maximumBytes)
        }
        markets.refuseUnknown(&batch)
        self.batch = batch
        ids = try rows.map { row throws(PostgresError) in try row.int8(0) }
    }
}
