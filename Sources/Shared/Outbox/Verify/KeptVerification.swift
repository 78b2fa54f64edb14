package import Postgres
import ProgramRuntime

/// A run of verify that stands in the database.
package struct KeptVerification: Sendable, Equatable {
    package let id: Int64
    /// When it ended, in seconds since 1970, by the database's clock.
    package let at: Int64
    /// How long it took.
    package let seconds: Double
    /// The role that logged in, and what the program said beside it.
    package let by: String
    package let checks: [Verification.Check]
    /// As ``VerificationText/sums(_:)`` has them.
    package let sums: [String]

    /// The newest runs, the newest first.
    package static func read(
        newest count: Int, _ connection: PostgresConnection
    ) async throws(PostgresError) -> [KeptVerification] {
        let rows = try await connection.execute(query, [.int8(Int64(count))])
        var runs: [KeptVerification] = []
        for index in 0..<rows.count {
            let row = rows[index]
            let check = Verification.Check(
                name: try row.text(5), found: try row.int8(6), expected: try row.int8(7),
                examples: lines(try row.text(8)))
            let before = runs.last?.id == (try row.int8(0)) ? runs.removeLast().checks : []
            runs.append(
                KeptVerification(
                    id: try row.int8(0), at: try row.int8(1), seconds: try row.double(2), by: try row.text(3),
                    checks: before + [check], sums: lines(try row.text(4))))
        }
        return runs
    }

    private static func lines(_ text: String) -> [String] { text.split(separator: "\n").map(String.init) }

    private static let query = """
        SELECT v.id, extract(epoch FROM v.verified_at)::bigint, v.seconds, v.verified_by, v.sums,
               c.promise, c.counted, c.expected, c.examples
        FROM (SELECT * FROM verifications ORDER BY id DESC LIMIT $1) v
        CROSS JOIN LATERAL unnest(v.promises, v.counted, v.expected, v.examples)
            WITH ORDINALITY AS c(promise, counted, expected, examples, n)
        ORDER BY v.id DESC, c.n
        """
}

extension Verification {
    /// Keeps what was found, for the console and whoever comes later.
    /// - Parameters:
    ///   - seconds: how long it took.
    ///   - says: who ran it, as the program knows it; at most 200 characters are kept.
    /// - Returns: false where the role may not, or the server is a standby: then nothing is kept, and nothing is wrong.
    package func keep(
        seconds: Double, says: String, _ connection: PostgresConnection
    ) async throws(PostgresError) -> Bool {
        guard try await connection.execute(Self.mayKeep)[0].bool(0) else { return false }
        var promises = BinaryArray(elementType: .text, capacity: checks.count)
        var found = BinaryArray(elementType: .int8, capacity: checks.count)
        var expected = BinaryArray(elementType: .int8, capacity: checks.count)
        var examples = BinaryArray(elementType: .text, capacity: checks.count)
        for check in checks {
            promises.append(text: check.name)
            found.append(int8: check.found)
            expected.append(int8: check.expected)
            let texts = check.holds ? [] : check.examples.map { SafeText.oneLine($0, limit: 300) }
            examples.append(text: texts.joined(separator: "\n"))
        }
        _ = try await connection.pipeline([
            Statement("BEGIN READ WRITE"),
            Statement(
                "SELECT candlepost_keep_verification($1, $2, $3, $4, $5, $6, $7)",
                [
                    .text(says), .double(seconds), .array(promises), .array(found), .array(expected), .array(examples),
                    .text(VerificationText.sums(totals).joined(separator: "\n")),
                ]),
            Statement("COMMIT"),
        ])
        return true
    }

    private static let mayKeep = """
        SELECT NOT pg_is_in_recovery() AND coalesce((
            SELECT has_function_privilege(oid, 'EXECUTE') FROM pg_proc
            WHERE proname = 'candlepost_keep_verification' AND pronamespace = current_schema()::regnamespace), false)
        """
}
