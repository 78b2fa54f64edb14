import Postgres
import Synchronization

/// What this relay says of itself in the table `relays`, over all its sessions.
final class RelayVitals: Sendable {
    private struct State {
        var published: Int64 = 0
        var byDoorbell: Int64 = 0
        var byPoll: Int64 = 0
        var isDoorbellHeard: Bool?
        var lastError: (text: String, at: ContinuousClock.Instant)?
    }

    private let relay: String
    private let start = ContinuousClock.now
    private let state = Mutex(State())

    init(relay: String) { self.relay = relay }

    func published(_ count: Int) { state.withLock { $0.published += Int64(count) } }

    func woken(byDoorbell: Bool) {
        state.withLock { if byDoorbell { $0.byDoorbell += 1 } else { $0.byPoll += 1 } }
    }

    func doorbell(isHeard: Bool) { state.withLock { $0.isDoorbellHeard = isHeard } }

    func failed(_ error: String) { state.withLock { $0.lastError = (error, .now) } }

    /// Stopped in good order: there is nothing to say any more.
    func remove(_ connection: PostgresConnection) async throws(PostgresError) {
        _ = try await connection.execute("DELETE FROM relays WHERE relay = $1", [.text(relay)])
    }

    /// Writes it down, by the database's clock, and removes relays that were not seen for a day.
    func write(_ connection: PostgresConnection) async throws(PostgresError) {
        let now = ContinuousClock.now
        let (published, byDoorbell, byPoll, isHeard, error) = state.withLock {
            ($0.published, $0.byDoorbell, $0.byPoll, $0.isDoorbellHeard, $0.lastError)
        }
        _ = try await connection.pipeline([
            Statement(
                """
                INSERT INTO relays (relay, started_at, published, by_doorbell, by_poll, doorbell_heard,
                                    last_error, last_error_at)
                VALUES ($1, now() - make_interval(secs => $2), $3, $4, $5, $6, $7, now() - make_interval(secs => $8))
                ON CONFLICT (relay) DO UPDATE SET
                    started_at = excluded.started_at, seen_at = now(), published = excluded.published,
                    by_doorbell = excluded.by_doorbell, by_poll = excluded.by_poll,
                    doorbell_heard = excluded.doorbell_heard,
                    last_error = excluded.last_error, last_error_at = excluded.last_error_at
                """,
                name: "write_vitals",
                [
                    .text(relay), .double((now - start) / .seconds(1)), .int8(published), .int8(byDoorbell),
                    .int8(byPoll), isHeard.map(Parameter.bool) ?? .null(TypeOID.bool),
                    error.map { .text($0.text) } ?? .null(TypeOID.text),
                    error.map { .double((now - $0.at) / .seconds(1)) } ?? .null(TypeOID.double),
                ]),
            Statement("DELETE FROM relays WHERE seen_at < now() - interval '1 day'", name: "forget_relays"),
        ])
    }
}
