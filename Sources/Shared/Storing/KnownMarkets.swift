package import Postgres
package import Records
import Synchronization

/// The ids of all markets, so that no message needs a query. Loaded at each connection and when `markets` changes (a
/// trigger notifies); one that is not among them is looked up, so that no market imported a moment ago counts as unknown.
package final class KnownMarkets: Sendable {
    private let ids = Mutex<Set<Int32>>([])

    package init() {}

    package func contains(_ market: Int32) -> Bool { ids.withLock { $0.contains(market) } }

    /// A market that is none of these; nil if there is no other.
    package func another(than markets: Set<Int32>) -> Int32? { ids.withLock { $0.first { !markets.contains($0) } } }

    package var count: Int { ids.withLock { $0.count } }

    package func reload(_ connection: PostgresConnection) async throws(PostgresError) {
        let rows = try await connection.execute(Statement("SELECT id FROM markets", name: "select_markets"))
        let loaded = Set(try rows.map { row throws(PostgresError) in try row.int4(0) })
        ids.withLock { $0 = loaded }
    }

    /// Looks for those of these markets that are not among them: a walk down an index for each, whatever the number of
    /// all markets. No query if all are known.
    package func lookUp(_ markets: Set<Int32>, _ connection: PostgresConnection) async throws(PostgresError) {
        let unknown = ids.withLock { markets.subtracting($0) }
        guard !unknown.isEmpty else { return }
        let rows = try await connection.execute(
            Statement("SELECT id FROM markets WHERE id = ANY($1)", name: "look_up_markets", [.array(unknown)]))
        let found = try rows.map { row throws(PostgresError) in try row.int4(0) }
        ids.withLock { $0.formUnion(found) }
    }

    /// Refuses the records of markets that are not among them.
    package func refuseUnknown(_ batch: inout PreparedBatch) {
        let ids = ids.withLock { $0 }
        batch.refuse { record in
            ids.contains(record.key.market)
                ? nil : Refusal(.unknownMarket, "payload.marketId: no market has the id \(record.key.market)")
        }
    }
}
