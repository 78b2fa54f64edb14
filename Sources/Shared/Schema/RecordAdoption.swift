import Postgres

/// Makes a table of records that is in one piece the first partition of one with partitions by time, while it is written and read.
///
/// What is done, and in which steps, stands in the migration beside the function `records_adopt`. Each step is a transaction of
/// its own: what was ended in the middle is taken up by the next call.
enum RecordAdoption {
    /// - Parameter note: gets a line for each step, and for each table that has to stay as it is.
    /// - Throws: ``PostgresError`` as the server says.
    static func run(_ connection: PostgresConnection, note: (String) -> Void) async throws(PostgresError) {
        guard try await connection.execute("SELECT to_regproc('records_adopt') IS NOT NULL")[0].bool(0) else { return }
        let tables = try await connection.execute("SELECT relation FROM record_tables ORDER BY relation")
        for table in try tables.map({ row throws(PostgresError) in try row.text(0) }) {
            while try await step(of: table, connection, note) {}
        }
    }

    /// - Returns: whether there is another step.
    private static func step(
        of table: String, _ connection: PostgresConnection, _ note: (String) -> Void
    ) async throws(PostgresError) -> Bool {
        let row = try await connection.execute("SELECT progress, detail FROM records_adopt($1)", [.text(table)])[0]
        let (progress, detail) = (try row.text(0), try row.optionalText(1))
        if let detail { note(progress == "kept" ? "\(table) stays in one piece: \(detail)" : detail) }
        return progress == "again"
    }
}
