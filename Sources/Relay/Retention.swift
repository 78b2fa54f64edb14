import Postgres
import ProgramRuntime
import Schema

/// Drops what is older than the retention and done with, by whole partitions of the log, and sees to it that partitions get
/// old enough for that and new ones are there.
enum Retention {
    /// What was done, or why not.
    enum Step: Sendable, Equatable, CustomStringConvertible {
        /// The partition in use was closed; ids go on with the next one.
        case closed
        case made(Int)
        case dropped(partition: String, rows: Int64)
        /// Rows that were kept for people: messages that had left quarantine, conflicts, acts.
        case forgot(rows: Int64)
        case madeForRecords(Int)
        /// The oldest partition stays.
        case kept(partition: String?, why: String)

        var description: String {
            switch self {
            case .closed: "closed the partition in use"
            case .made(let count): "made \(count) partitions"
            case .dropped(let partition, let rows): "dropped \(partition): \(rows) rows"
            case .madeForRecords(let count): "made \(count) partitions of records"
            case .forgot(let rows): "dropped \(rows) rows of quarantine, conflicts and acts"
            case .kept(let partition, let why): "kept \(partition ?? "the oldest partition"): \(why)"
            }
        }
    }

    /// How long what is kept for people stays; nil for ever.
    struct Kept: Sendable, Equatable {
        var quarantine: Duration?
        var conflicts: Duration?
        var acts: Duration?

        init() {}

        init(_ settings: SettingsReader) throws(SettingError) {
            quarantine = try settings.read(RelaySettings.quarantineRetentionSetting)
            conflicts = try settings.read(RelaySettings.conflictsRetentionSetting)
            acts = try settings.read(RelaySettings.actsRetentionSetting)
        }
    }

    /// Drops what is older, in transactions of some ten thousand rows.
    /// - Throws: ``PostgresError``; what was dropped before is dropped.
    static func forget(_ connection: PostgresConnection, _ kept: Kept) async throws(PostgresError) -> [Step] {
        let seconds = [kept.quarantine, kept.conflicts, kept.acts].map { duration in
            duration.map { Parameter.double($0 / .seconds(1)) } ?? .null(TypeOID.double)
        }
        var total: Int64 = 0
        while true {
            let rows = try await connection.execute(
                """
                SELECT candlepost_prune_kept(make_interval(secs => $1), make_interval(secs => $2), make_interval(secs => $3))
                """, seconds
            )[0].int8(0)
            total += rows
            guard rows > 0 else { return total > 0 ? [.forgot(rows: total)] : [] }
        }
    }

    /// Becomes the one session that looks after partitions, until it ends. The others don't wait for it: what holds it up, a standby
    /// that is gone perhaps, would have them pile up on the server.
    /// - Returns: false if there is one.
    static func begin(_ connection: PostgresConnection) async throws(PostgresError) -> Bool {
        let lock = AdvisoryLock.inSchema(AdvisoryLock.retention)
        return try await connection.execute("SELECT pg_try_advisory_lock(\(lock), 0)")[0].bool(0)
    }

    /// - Parameters:
    ///   - retention: how old rows have to be.
    ///   - name: who does it, for the record.
    /// - Throws: ``PostgresError``; each step is a transaction of its own, so what was done before is done.
    static func run(
        _ connection: PostgresConnection, retention: Duration, by name: String
    ) async throws(PostgresError) -> [Step] {
        var steps: [Step] = []
        let seconds = retention / .seconds(1)
        // Four partitions for the time of the retention: what is kept longer than asked for is a quarter of it at most.
        let closed = try await connection.execute(
            "SELECT outbox_close_partition(make_interval(secs => $1))", [.double(seconds / 4)])
        if try closed[0].bool(0) { steps.append(.closed) }
        let made = try await connection.execute("SELECT outbox_make_partitions()")[0].int4(0)
        if made > 0 { steps.append(.made(Int(made))) }
        while true {
            guard let step = try await prune(connection, seconds, name) else { return steps }
            steps.append(step)
            guard case .dropped = step else { return steps }
        }
    }

    /// - Returns: what became of the oldest partition; nil if there is none that might be dropped.
    private static func prune(
        _ connection: PostgresConnection, _ seconds: Double, _ name: String
    ) async throws(PostgresError) -> Step? {
        do throws(PostgresError) {
            let rows = try await connection.execute(
                "SELECT partition_name::text, row_count, kept FROM outbox_prune(make_interval(secs => $1), $2)",
                [.double(seconds), .text(name)])
            guard rows.count > 0 else { return nil }
            if let why = try rows[0].optionalText(2) { return .kept(partition: try rows[0].text(0), why: why) }
            return .dropped(partition: try rows[0].text(0), rows: try rows[0].int8(1))
        } catch {
            // Somebody reads the partition or writes to the ledgers: the next call tries again.
            guard error.sqlstate == "55P03" else { throw error }
            return .kept(partition: nil, why: error.message)
        }
    }
}
