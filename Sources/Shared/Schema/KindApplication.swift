public import Postgres
public import Records

/// Applies the file of a kind to a database.
public struct KindApplication: Sendable {
    private let definition: String
    public let kind: RecordKind

    /// - Throws: ``KindFileError``.
    public init(_ file: [UInt8]) throws(KindFileError) {
        kind = try KindFile.parse(file)
        definition = String(decoding: file, as: UTF8.self)
    }

    /// What would change.
    /// - Throws: ``KindRefusal`` or ``PostgresError``.
    public func plan(_ connection: PostgresConnection) async throws -> KindPlan {
        let row = try await connection.execute(
            """
            SELECT to_regclass($1) IS NOT NULL,
                   coalesce((SELECT definition::text = $2 FROM record_kinds WHERE record_type = $3 ORDER BY id DESC LIMIT 1), false)
            """, [.text(kind.table), .text(definition), .text(kind.name)])[0]
        return try KindPlan(
            kind, known: try await AppliedKinds.read(connection), isSameFile: try row.bool(1),
            isTableTaken: try row.bool(0))
    }

    /// Changes it, all of it in one transaction; of several at once one works, and the others see what it did. Running programs
    /// know it a second later.
    /// - Throws: ``KindRefusal`` or ``PostgresError``.
    public func apply(_ connection: PostgresConnection) async throws -> KindPlan {
        _ = try await connection.execute("SELECT pg_advisory_lock($1)", [.int8(AdvisoryLock.migration)])
        let result: Result<KindPlan, any Error>
        do { result = .success(try await applyAlone(connection)) } catch { result = .failure(error) }
        _ = try? await connection.execute("SELECT pg_advisory_unlock($1)", [.int8(AdvisoryLock.migration)])
        return try result.get()
    }

    /// A table that somebody holds is asked for in short, again and again: writers that wait behind it must not wait long.
    private func applyAlone(_ connection: PostgresConnection) async throws -> KindPlan {
        let plan = try await plan(connection)
        guard plan.change != .none else { return plan }
        var triesLeft = 60
        while true {
            do {
                try await change(plan, connection)
                return plan
            } catch {
                try? await connection.script("ROLLBACK")
                triesLeft -= 1
                guard error.sqlstate == "55P03", triesLeft > 0 else { throw error }
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    private func change(_ plan: KindPlan, _ connection: PostgresConnection) async throws(PostgresError) {
        try await connection.script("BEGIN; SET LOCAL lock_timeout = '300ms'")
        for statement in plan.sql { try await connection.script(statement) }
        _ = try await connection.execute(
            "INSERT INTO record_kinds (record_type, definition) VALUES ($1, $2::json)",
            [.text(kind.name), .text(definition)])
        try await connection.script("COMMIT")
    }
}
