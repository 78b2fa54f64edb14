import Postgres
import ProgramRuntime
import Records

/// How long records of each kind stay; those of kinds that are not named stay for ever.
struct RecordRetention: Sendable, Equatable {
    /// By name of the kind.
    var durations: [String: Duration] = [:]

    static let range: ClosedRange<Duration> = .seconds(86_400)...(.seconds(36_500 * 86_400))

    static let setting = Setting<RecordRetention>(
        "RECORD_RETENTION", flag: "--record-retention", default: RecordRetention(), defaultText: "off for all",
        allowed: "kinds with a duration of 1d to 36500d or off each, as in OrderBook=30d,CandleStick=off",
        help: "how long records stay, counted from their interval; dropped by whole partitions"
    ) { RecordRetention($0) }

    init() {}

    /// - Returns: nil for a kind that is none or comes twice, or a duration that is none or out of range.
    init?(_ text: String) {
        var named: Set<String> = []
        for element in CommaList.split(text) {
            let parts = element.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, RecordKind.named(parts[0]) != nil, named.insert(parts[0]).inserted else {
                return nil
            }
            if parts[1] == "off" { continue }
            guard let duration = DurationText.parse(parts[1]), Self.range.contains(duration) else { return nil }
            durations[parts[0]] = duration
        }
    }
}

extension Retention {
    /// Makes partitions of records that are wanted, and drops those that are older than the retention.
    /// - Throws: ``PostgresError``; each step is a transaction of its own, so what was done before is done.
    static func records(
        _ connection: PostgresConnection, _ retention: RecordRetention, by name: String
    ) async throws(PostgresError) -> [Step] {
        var steps: [Step] = []
        let made = try await connection.execute("SELECT records_make_partitions()")[0].int4(0)
        if made > 0 { steps.append(.madeForRecords(Int(made))) }
        for kind in RecordKind.all {
            guard let duration = retention.durations[kind.name] else { continue }
            let row = try await connection.execute(
                "SELECT kept FROM records_detach($1, make_interval(secs => $2), $3)",
                [.text(kind.name), .double(duration / .seconds(1)), .text(name)])[0]
            if let why = try row.optionalText(0) { steps.append(.kept(partition: kind.table, why: why)) }
        }
        while let step = try await dropDetached(connection) {
            steps.append(step)
            guard case .dropped = step else { break }
        }
        return steps
    }

    /// - Returns: what became of the one that was detached first; nil if there is none.
    private static func dropDetached(_ connection: PostgresConnection) async throws(PostgresError) -> Step? {
        do throws(PostgresError) {
            let rows = try await connection.execute("SELECT partition_name, row_count FROM records_drop_detached()")
            guard rows.count > 0 else { return nil }
            return .dropped(partition: try rows[0].text(0), rows: try rows[0].int8(1))
        } catch {
            // Somebody reads it: the next call tries again.
            guard error.sqlstate == "55P03" else { throw error }
            return .kept(partition: nil, why: error.message)
        }
    }
}
