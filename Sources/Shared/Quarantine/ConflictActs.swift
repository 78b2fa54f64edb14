package import Postgres
import Records
import Storing

/// What operators do with messages that came for a stored record with other content.
package struct ConflictActs: Sendable {
    /// What came of it.
    package struct Outcome: Sendable, Equatable {
        /// Took the place of what was stored, and are announced.
        package var applied = 0
        /// What is stored is the same by now.
        package var same = 0
        /// Somebody else was first, or the record is gone.
        package var left = 0
    }

    private let connection: PostgresConnection
    private let actedBy: String
    private let why: String?

    package init(connection: PostgresConnection, actedBy: String, why: String?) {
        self.connection = connection
        self.actedBy = actedBy
        self.why = why
    }

    /// Puts each in the place of its record, in a transaction of its own, in the order in which they came.
    package func apply(_ ids: [Int64]) async throws -> Outcome {
        var outcome = Outcome()
        for id in ids.sorted() {
            switch try await apply(id) {
            case nil: outcome.left += 1
            case true?: outcome.applied += 1
            case false?: outcome.same += 1
            }
        }
        return outcome
    }

    /// - Returns: whether it replaced what is stored; nil if it could not.
    private func apply(_ id: Int64) async throws -> Bool? {
        do {
            let rows = try await connection.pipeline([Statement("BEGIN"), Self.select(id)])[1]
            guard rows.count > 0, let batch = try Self.batch(rows[0]) else { return try await leave() }
            let transaction = StoreTransaction(
                connection: connection, part: BatchPart(batch), rules: .act, isOpen: true)
            let outcome = try await transaction.storeRecords()
            guard outcome.result.storedCount == 0, outcome.result.receivedCount == 1 else { return try await leave() }
            let revised = outcome.result.revisedCount
            let entry = revised > 0 ? [IngestEntry(applying: revised, writer: actedBy).insert] : []
            try await transaction.commit(outcome, with: entry + [resolve([id], "applied")])
            return revised > 0
        } catch {
            try? await connection.script("ROLLBACK")
            throw error
        }
    }

    private func leave() async throws -> Bool? {
        try await connection.script("ROLLBACK")
        return nil
    }

    /// Gives them up: they stay until their retention is over, and count as resolved.
    /// - Returns: how many nobody had decided on.
    package func discard(_ ids: [Int64]) async throws(PostgresError) -> Int {
        try await connection.execute(resolve(ids, "discarded")).affectedRows
    }

    private func resolve(_ ids: [Int64], _ resolution: String) -> Statement {
        return Statement(
            """
            UPDATE conflicting_duplicates SET resolution = $2, resolved_by = $3, why = $4
            WHERE id = ANY($1) AND resolution IS NULL
            """,
            [.array(ids), .text(resolution), .text(actedBy), why.map(Parameter.text) ?? .null(TypeOID.text)])
    }

    private static func select(_ id: Int64) -> Statement {
        Statement(
            """
            SELECT c.record_type, to_json(e.external_exchange_id)::text, to_json(m.symbol)::text, c.payload,
                   to_json(c.trace_id)::text
            FROM conflicting_duplicates c JOIN markets m ON m.id = c.market_id JOIN exchanges e ON e.id = m.exchange_id
            WHERE c.id = $1 AND c.resolution IS NULL FOR UPDATE OF c
            """, [.int8(id)])
    }

    /// The message as it came, with the names that its market has now.
    private static func batch(_ row: Row) throws -> PreparedBatch? {
        let kindName = try row.text(0)
        guard let kind = RecordKind.all.firstIndex(where: { $0.name == kindName }) else { return nil }
        let (exchange, symbol, payload) = (try row.text(1), try row.text(2), try row.text(3))
        let trace = try row.optionalText(4) ?? "null"
        let body = """
            {"exchange":\(exchange),"symbol":\(symbol),"payload":\(payload),"collectorTraceId":\(trace)}
            """
        let bytes = Array(body.utf8)
        var batch = PreparedBatch(bytes: bytes, capacity: 1)
        batch.add(body: bytes.indices, kind: kind, maximumBytes: .max)
        return batch.records.count == 1 ? batch : nil
    }
}
