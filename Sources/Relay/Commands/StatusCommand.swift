import ArgumentParser
import Postgres
import Program
import Schema
import Service

struct StatusCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "How far behind, who relays, how fast: the whole and by lane.")

    @Flag(help: "One JSON array, a row for each lane.") var json = false
    @OptionGroup var flags: RelayFlags

    func run() async throws {
        let (report, lanes) = try await CommandConnections.withDatabase(
            flags.settings, parameters: OutboxReader.plannerSettings
        ) { connection in
            (try await PendingReport.read(connection), try await connection.execute(Self.lanesQuery))
        }
        if !json { summary(report, lanes) }
        var listing = ListingWriter(columns: Self.columns, format: json ? .json : .table)
        for row in 0..<lanes.count { listing.write(Self.columns.indices.map { lanes.listingValue(row, $0) }) }
        listing.finish()
    }

    private func summary(_ report: PendingReport, _ lanes: Rows) {
        let perMinute = (0..<lanes.count).reduce(Int64(0)) { $0 + lanes.int8($1, 7) }
        let parked = (0..<lanes.count).reduce(Int64(0)) { $0 + lanes.int8($1, 8) }
        let owners = Set((0..<lanes.count).filter { lanes.bool($0, 2) }.map { lanes.text($0, 1) }).sorted()
        StandardStream.line("pending   \(report.isExact ? "" : "about ")\(report.rows) rows")
        StandardStream.line("oldest    \(Int(report.oldestAge)) s")
        StandardStream.line("published \(perMinute) rows in the last minute")
        StandardStream.line("parked    \(parked) rows")
        StandardStream.line("relays    \(owners.isEmpty ? "none" : owners.joined(separator: ", "))\n")
    }

    static let columns = [
        ListingColumn("lane", isNumber: true), ListingColumn("relay"), ListingColumn("is_owned"),
        ListingColumn("claimed_at"), ListingColumn("recorded_up_to", isNumber: true),
        ListingColumn("pending", isNumber: true), ListingColumn("oldest_pending_seconds", isNumber: true),
        ListingColumn("published_last_minute", isNumber: true), ListingColumn("parked", isNumber: true),
        ListingColumn("last_confirmed_at"),
    ]

    /// An owner is who holds the lane's lock; the name in `lane_owners` is what people read.
    static let lanesQuery = """
        SELECT l.lane::bigint, coalesce(o.relay, ''),
               EXISTS (SELECT FROM pg_locks p WHERE p.locktype = 'advisory' AND p.objsubid = 2 AND p.granted
                       AND p.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                       AND p.classid = \(AdvisoryLock.relayLane) AND p.objid = l.lane::oid),
               to_char(o.claimed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
               coalesce(d.upto_id, 0), p.n, p.age, coalesce(m.n, 0)::bigint, x.n,
               to_char(d.confirmed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
        FROM generate_series(0, 15) AS l(lane)
        LEFT JOIN lane_owners o ON o.lane = l.lane::smallint
        LEFT JOIN LATERAL (SELECT upto_id, confirmed_at FROM outbox_deliveries WHERE lane = l.lane::smallint
                           ORDER BY after_id DESC LIMIT 1) d ON true
        CROSS JOIN LATERAL (
            SELECT count(*) AS n,
                   coalesce(extract(epoch FROM clock_timestamp() - min(created_at)), 0)::bigint AS age
            FROM (SELECT created_at FROM outbox WHERE lane = l.lane::smallint AND id > coalesce(d.upto_id, 0)
                  ORDER BY id LIMIT 10000) newest) p
        LEFT JOIN LATERAL (
            SELECT sum(rows) AS n FROM (SELECT rows, confirmed_at FROM outbox_deliveries WHERE lane = l.lane::smallint
                                        ORDER BY after_id DESC LIMIT 6000) recent
            WHERE confirmed_at > now() - interval '1 minute') m ON true
        CROSS JOIN LATERAL (SELECT count(*) AS n FROM outbox_exceptions
                            WHERE lane = l.lane::smallint AND state = 'parked') x
        ORDER BY l.lane
        """
}

extension Rows {
    /// A value of the status listing.
    fileprivate func listingValue(_ row: Int, _ column: Int) -> ListingValue {
        guard !isNull(row, column) else { return .null }
        switch column {
        case 1, 3, 9: return .text(text(row, column))
        case 2: return .bool(bool(row, column))
        default: return .integer(int8(row, column))
        }
    }
}
