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
        return try rows.map { row throws(PostgresError) in
            RelayStatus(
                relay: try row.text(0), seenAgo: try row.double(1), startedAgo: try row.double(2),
                published: try row.int8(3), byDoorbell: try row.int8(4), byPoll: try row.int8(5),
                doorbellHeard: try row.isNull(6) ? nil : try row.bool(6), lastError: try row.optionalText(7),
                lastErrorAgo: try row.double(8))
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
