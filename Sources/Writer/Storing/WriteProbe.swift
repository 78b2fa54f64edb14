import Postgres
import Records
import Storing

/// Whether the tables take writes now. All of it is rolled back.
struct WriteProbe: Sendable {
    /// A record that its table refused, as it refused every other one.
    struct Suspect: Sendable {
        /// The record alone.
        let part: BatchPart
        let others: StoreProbe
        let table: String

        /// - Parameter market: another market than the suspects', if there is one.
        init(_ suspect: SplitBatch.Suspect, market: Int32?) {
            part = suspect.part
            let kind = suspect.part.batch.kinds[suspect.kind]
            others = StoreProbe(suspect.record, kind, market: market)
            table = kind.table
        }

        /// - Returns: why the table still takes neither the record nor a good one; nil if it takes one of them.
        /// - Throws: what else goes wrong.
        func refusal(_ connection: PostgresConnection) async throws(PostgresError) -> PostgresError? {
            do throws(PostgresError) {
                _ = try await StoreTransaction(connection: connection, part: part).storeRecords()
                _ = try await connection.execute(Statement("ROLLBACK", name: "rollback"))
                return nil
            } catch {
                guard Blame(error) == .row else { throw error }
                return try await others.refusal(connection)
            }
        }
    }

    let kinds: [Int]
    let writer: String

    /// Takes every lock and uses every right that storing a batch needs, and writes an entry of the ledger.
    func run(_ connection: PostgresConnection) async throws(PostgresError) {
        let entry = IngestEntry(received: StoreResult(), firstArrival: nil, writer: writer)
        let statements = Self.nothing(into: kinds.map { RecordKind.all[$0].table }) + [entry.insert]
        _ = try await connection.pipeline([Statement("BEGIN")] + statements + [Statement("ROLLBACK")])
    }

    private static func nothing(into tables: [String]) -> [Statement] {
        let records = tables.map {
            "INSERT INTO \($0) (market_id, interval_start, interval_end) "
                + "SELECT market_id, interval_start, interval_end FROM \($0) WHERE false"
        }
        let others = [
            "INSERT INTO outbox (lane, body) SELECT 0, '' WHERE false",
            "INSERT INTO quarantine (queue, reason) SELECT '', '' WHERE false",
            "INSERT INTO conflicting_duplicates (record_type) SELECT '' WHERE false",
        ]
        return (records + others).map { Statement($0) }
    }
}
