import Postgres
import Records
import Schema

/// The newest records of a market and a kind, whatever its fields are.
struct RecordSeries: Sendable {
    /// How many are shown.
    static let most = 120

    let kind: RecordKind
    /// Interval, and the fields as text, the newest first; arrays of rows by how many they have.
    let rows: [(interval: String, values: [String?])]

    /// The values of a field whose column holds numbers, the oldest first; what is NULL is left out.
    func numbers(_ field: Int) -> [Double] { rows.reversed().compactMap { $0.values[field].flatMap(Double.init) } }

    /// The fields that can be drawn as a line.
    var drawn: [Int] {
        kind.fields.indices.filter {
            [.number, .integer, .decimal].contains(kind.fields[$0].type) && numbers($0).count > 0
        }
    }

    /// - Returns: nil if there is no such kind.
    static func read(
        _ market: Int32, _ name: String, _ connection: PostgresConnection
    ) async throws(PostgresError) -> RecordSeries? {
        guard let kind = try await AppliedKinds.read(connection).first(where: { $0.name == name }) else { return nil }
        let columns = kind.fields.map(shown).joined(separator: ", ")
        let found = try await connection.execute(
            """
            SELECT \(utc("interval_start")), \(columns) FROM \(kind.table) WHERE market_id = $1
            ORDER BY interval_start DESC, interval_end DESC LIMIT \(most)
            """, [.int4(market)])
        return RecordSeries(
            kind: kind,
            rows: try found.map { row throws(PostgresError) in
                var values: [String?] = []
                for index in kind.fields.indices { values.append(try row.optionalText(index + 1)) }
                return (try row.text(0), values)
            })
    }

    private static func shown(_ field: RecordKind.Field) -> String {
        switch field.type {
        case .rows: "coalesce(array_length(\(field.column), 1), 0)::text"
        case .text, .json: "left(\(field.column)::text, 60)"
        case .number, .integer, .decimal, .boolean: "\(field.column)::text"
        }
    }
}
