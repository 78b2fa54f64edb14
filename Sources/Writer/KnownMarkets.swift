import Postgres
import Records
import Synchronization

/// The ids of all markets, so that no message needs a query. Loaded at each connection, when `markets` changes (a
/// trigger notifies), and at most once a second when a message names a market that is not among them.
final class KnownMarkets: Sendable {
    private struct State {
        var ids: Set<Int32> = []
        var loadedAt: ContinuousClock.Instant?
    }

    private let state = Mutex(State())

    func contains(_ market: Int32) -> Bool { state.withLock { $0.ids.contains(market) } }

    var count: Int { state.withLock { $0.ids.count } }

    func reload(_ connection: PostgresConnection) async throws(PostgresError) {
        let rows = try await connection.pipeline([Statement("SELECT id FROM markets", name: "select_markets")])[0]
        let ids = Set((0..<rows.count).map { rows.int4($0, 0) })
        state.withLock { $0 = State(ids: ids, loadedAt: .now) }
    }

    func reloadIfStale(_ connection: PostgresConnection) async throws(PostgresError) {
        let isFresh = state.withLock { state in state.loadedAt.map { .now - $0 < .seconds(1) } ?? false }
        if !isFresh { try await reload(connection) }
    }

    /// Refuses the records of markets that are not among them.
    func refuseUnknown(_ batch: inout PreparedBatch) {
        let ids = state.withLock { $0.ids }
        batch.refuse { record in
            ids.contains(record.key.market)
                ? nil : Refusal(.unknownMarket, "payload.marketId: no market has the id \(record.key.market)")
        }
    }
}
