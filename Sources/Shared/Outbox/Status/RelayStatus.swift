package import Postgres

/// What a relay last said of itself.
package struct RelayStatus: Sendable, Equatable {
    /// It says something every few seconds, so one that has been silent for longer than this is gone or hangs.
    package static let silence = 15.0
    /// Relays that are gone are remembered for a day; more of them than this are no help.
    package static let mostSilent = 5

    package var relay = ""
    /// Seconds since it was heard of, and since it was started.
    package var seenAgo = 0.0
    package var startedAgo = 0.0
    package var published: Int64 = 0
    package var byDoorbell: Int64 = 0
    package var byPoll: Int64 = 0
    /// nil: not tried yet.
    package var doorbellHeard: Bool?
    package var lastError: String?
    package var lastErrorAgo = 0.0

    package var isSilent: Bool { seenAgo > Self.silence }

    package static func read(_ connection: PostgresConnection) async throws(PostgresError) -> [RelayStatus] {
        let rows = try await connection.execute(query)
        return (0..<rows.count).map {
            RelayStatus(
                relay: rows.text($0, 0), seenAgo: rows.double($0, 1), startedAgo: rows.double($0, 2),
                published: rows.int8($0, 3), byDoorbell: rows.int8($0, 4), byPoll: rows.int8($0, 5),
                doorbellHeard: rows.isNull($0, 6) ? nil : rows.bool($0, 6), lastError: rows.optionalText($0, 7),
                lastErrorAgo: rows.double($0, 8))
        }
    }

    private static let query = """
        SELECT relay, extract(epoch FROM clock_timestamp() - seen_at)::double precision,
               extract(epoch FROM clock_timestamp() - started_at)::double precision, published, by_doorbell, by_poll,
               doorbell_heard, last_error,
               coalesce(extract(epoch FROM clock_timestamp() - last_error_at), 0)::double precision
        FROM relays ORDER BY seen_at DESC, relay
        """
}
