import Postgres
import Records
import Storing

/// Whether the tables take writes now: every lock is taken and every right used that storing a batch needs, an entry of the
/// ledger is really written, and all is rolled back.
struct WriteProbe: Sendable {
    /// Why a write is refused, whatever PostgreSQL would say of it if it were a record's: here no message is to blame.
    struct Refused: Error, CustomStringConvertible {
        let error: PostgresError

        var description: String { "a write that was to be rolled back is refused: \(error)" }
    }

    let kinds: [Int]
    let writer: String

    func run(_ connection: PostgresConnection) async throws {
        do throws(PostgresError) {
            let entry = IngestEntry(received: StoreResult(), firstArrival: nil, writer: writer)
            let statements = Self.nothing(into: kinds.map { RecordKind.all[$0].table }) + [entry.insert]
            _ = try await connection.pipeline([Statement("BEGIN")] + statements + [Statement("ROLLBACK")])
        } catch {
            guard error.recovery == .refuseRow else { throw error }
            throw Refused(error: error)
        }
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
