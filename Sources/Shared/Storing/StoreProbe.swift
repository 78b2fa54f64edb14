package import Postgres
package import Records

/// Whether the database takes any record of a kind at all: one that nothing is wrong with is inserted, and rolled back.
///
/// Its values are those of a record that was stored before, or made up: one of the two has to be taken. Its interval is the suspect's, for
/// a partition may be missing; its market is another one, for a rule may be about markets.
package struct StoreProbe: Sendable {
    private let suspect: PreparedBatch.Record
    private let kind: RecordKind
    private let key: RecordKey

    /// - Parameters:
    ///   - suspect: a record that the database refuses.
    ///   - kind: of the suspect, as it was decoded.
    ///   - market: another market than the suspect's, if there is one.
    package init(_ suspect: PreparedBatch.Record, _ kind: RecordKind, market: Int32?) {
        self.suspect = suspect
        self.kind = kind
        key = RecordKey(
            market: market ?? suspect.key.market, intervalStart: suspect.key.intervalStart,
            intervalEnd: suspect.key.intervalEnd)
    }

    /// - Returns: why a good record is refused, too; nil if one is not.
    /// - Throws: what else goes wrong.
    package func refusal(_ connection: PostgresConnection) async throws(PostgresError) -> PostgresError? {
        let statements = StoreStatements.of(kind)
        let isFilled = try await connection.execute(statements.isFilled)[0].bool(0)
        if isFilled, try await refusal(of: statements.insertSample(key, like: suspect.key.market), connection) == nil {
            return nil
        }
        return try await refusal(of: statements.insert(madeUp()), connection)
    }

    private func refusal(
        of insert: Statement, _ connection: PostgresConnection
    ) async throws(PostgresError) -> PostgresError? {
        do {
            let end = Statement("ROLLBACK", name: "rollback")
            _ = try await connection.pipeline(StoreTransaction.begin + [insert, end])
            return nil
        } catch {
            guard error.kind == .server, error.recovery == .refuseRow else { throw error }
            // A good record may meet another row: it came as far as that.
            return error.sqlstate == "23505" || error.sqlstate == "23P01" ? nil : error
        }
    }

    private func madeUp() -> RecordColumns {
        let body = Array(kind.sample().utf8)
        var batch = PreparedBatch(bytes: body, kinds: [kind])
        batch.add(body: body.indices, kind: 0, maximumBytes: .max)
        var columns = RecordColumns(kind: kind, capacity: 1)
        for record in batch.records { columns.append(record, of: batch, as: key) }
        return columns
    }
}
