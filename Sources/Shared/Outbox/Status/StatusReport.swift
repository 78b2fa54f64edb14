package import Postgres

/// The whole at a glance.
package struct StatusReport: Sendable, Equatable {
    /// The log's partitions.
    package struct Partitions: Sendable, Equatable {
        package var count: Int64 = 0
        package var oldest: String?
        /// The age of the log's first row in seconds, nil if it is empty.
        package var oldestAge: Double?
        /// How many ids are left for which there is a partition.
        package var idsAhead: Int64 = 0
    }

    package var lanes: [LaneStatus] = []
    package var relays: [RelayStatus] = []
    package var partitions = Partitions()

    package init(lanes: [LaneStatus] = [], relays: [RelayStatus] = [], partitions: Partitions = Partitions()) {
        self.lanes = lanes
        self.relays = relays
        self.partitions = partitions
    }

    package static func read(_ connection: PostgresConnection) async throws(PostgresError) -> StatusReport {
        let lanes = try await LaneStatus.read(connection)
        let relays = try await RelayStatus.read(connection)
        let rows = try await connection.execute(partitionsQuery)
        return StatusReport(
            lanes: lanes, relays: relays,
            partitions: Partitions(
                count: try rows[0].int8(0), oldest: try rows[0].optionalText(1),
                oldestAge: try rows[0].isNull(2) ? nil : try rows[0].double(2), idsAhead: try rows[0].int8(3)))
    }

    /// The first row of each lane tells how old the log is.
    private static let partitionsQuery = """
        SELECT (SELECT count(*) FROM outbox_partitions),
               (SELECT name::text FROM outbox_partitions ORDER BY from_id LIMIT 1),
               (SELECT extract(epoch FROM clock_timestamp() - min(f.created_at))::double precision
                FROM generate_series(0, 15) AS l(lane) CROSS JOIN LATERAL (
                    SELECT created_at FROM outbox WHERE lane = l.lane::smallint ORDER BY id LIMIT 1) f),
               outbox_ids_ahead()
        """
}
