import Candlepost
package import Postgres
import Schema

/// An act as it stands in the database: what was meant, by whom and why, and how far it is.
package struct ActRecord: Sendable {
    /// What can be done to outbox rows.
    package enum Act: String, Sendable {
        case replayed, retried, discarded, superseded
    }

    /// An act that was begun before.
    package struct Begun: Sendable {
        package let record: ActRecord
        package let act: String
        package let selection: String
        package let rows: Int
        package let done: Int
        package let hasEnded: Bool
    }

    package let id: Int64
    package let connection: PostgresConnection

    /// Begins an act: it counts as at work from now on.
    /// - Parameter actor: who does it; the server adds the role.
    package static func begin(
        _ act: Act, selection: [String], rows: Int, by actor: String = Program.operatorName, why: String?,
        on connection: PostgresConnection
    ) async throws(PostgresError) -> ActRecord {
        let answer = try await connection.execute(
            "INSERT INTO outbox_acts (act, selection, rows, acted_by, why) VALUES ($1, $2, $3, $4, $5) RETURNING id",
            [
                .text(act.rawValue), .text(FlagText.join(selection)), .int8(Int64(rows)), .text(actor),
                why.map(Parameter.text) ?? .null(TypeOID.text),
            ])
        let record = ActRecord(id: try answer[0].int8(0), connection: connection)
        _ = try await record.lock()
        return record
    }

    /// Looks an act up; nil if there is none of this number.
    package static func find(_ id: Int64, on connection: PostgresConnection) async throws(PostgresError) -> Begun? {
        let answer = try await connection.execute(
            "SELECT act, selection, rows, done, ended_at IS NOT NULL FROM outbox_acts WHERE id = $1", [.int8(id)])
        guard answer.count == 1 else { return nil }
        return Begun(
            record: ActRecord(id: id, connection: connection), act: try answer[0].text(0),
            selection: try answer[0].text(1),
            rows: Int(try answer[0].int8(2)), done: Int(try answer[0].int8(3)), hasEnded: try answer[0].bool(4))
    }

    /// Makes sure that nobody else is at work on the act, for as long as the connection lives.
    /// - Returns: false if somebody is.
    package func lock() async throws(PostgresError) -> Bool {
        let key = Int32(truncatingIfNeeded: id)
        return try await connection.execute(
            "SELECT pg_try_advisory_lock(\(AdvisoryLock.inSchema(AdvisoryLock.act)), $1)", [.int4(key)]
        )[0].bool(0)
    }

    /// Notes rows that the broker confirmed. Those that the chain went past count as published from now on.
    /// - Parameter relay: who published them.
    package func published(_ ids: [Int64], by relay: String = Program.identity) async throws(PostgresError) {
        guard !ids.isEmpty else { return }
        _ = try await connection.execute(
            Statement(
                """
                WITH recorded AS (
                    INSERT INTO outbox_replays (outbox_id, act_id) SELECT unnest($1::bigint[]), $2
                    ON CONFLICT DO NOTHING RETURNING outbox_id),
                published AS (
                    UPDATE outbox_exceptions SET published_at = now(), relay = $3
                    WHERE outbox_id = ANY($1) AND published_at IS NULL)
                UPDATE outbox_acts SET done = done + (SELECT count(*) FROM recorded) WHERE id = $2
                """,
                name: "record_replays", [.array(ids), .int8(id), .text(relay)]))
    }

    /// Runs a statement that changes rows and returns them, and notes as many as done, in one transaction.
    /// - Parameter before: what has to come first in that transaction.
    /// - Returns: how many they were.
    package func did(
        _ change: String, _ parameters: [Parameter], after before: [String] = []
    ) async throws(PostgresError) -> Int {
        let statement = Statement(
            """
            WITH changed AS (\(change))
            UPDATE outbox_acts SET done = done + (SELECT count(*) FROM changed) WHERE id = \(id)
            RETURNING (SELECT count(*) FROM changed)
            """, parameters)
        let opening = (["BEGIN ISOLATION LEVEL READ COMMITTED"] + before).map { Statement($0) }
        let answers = try await connection.pipeline(opening + [statement, Statement("COMMIT")])
        return Int(try answers[answers.count - 2][0].int8(0))
    }

    /// All is done.
    package func end() async throws(PostgresError) {
        _ = try await connection.execute("UPDATE outbox_acts SET ended_at = now() WHERE id = $1", [.int8(id)])
    }
}
