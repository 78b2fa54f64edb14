import AMQP
import Candlepost
package import Postgres
import ProgramRuntime

extension RowCursor.Source {
    /// Rows that could not be published, with when that was noted. Chosen by their own table, as they are few.
    package static let parked = RowCursor.Source(
        sql: """
            (SELECT a.*, x.recorded_at FROM outbox_exceptions x
             CROSS JOIN LATERAL (SELECT * FROM outbox_audit WHERE lane = x.lane AND id = x.outbox_id) a
             WHERE x.state = 'parked' AND x.published_at IS NULL)
            """)
}

/// Tries rows again that could not be published: one at a time, so that a row at fault is known.
package struct ParkedRetry {
    /// What became of the rows.
    package struct Ending: Sendable, Equatable {
        package var done = 0
        package var stillParked = 0
        /// The signal that ended it early.
        package var interruptedBy: Int32?

        package init(done: Int = 0, stillParked: Int = 0, interruptedBy: Int32? = nil) {
            self.done = done
            self.stillParked = stillParked
            self.interruptedBy = interruptedBy
        }
    }

    private static let pageSize = 100

    let record: ActRecord
    let cursor: RowCursor
    var republisher: Republisher
    let interruption: Interruption

    package init(record: ActRecord, cursor: RowCursor, republisher: Republisher, interruption: Interruption) {
        self.record = record
        self.cursor = cursor
        self.republisher = republisher
        self.interruption = interruption
    }

    package mutating func run() async throws -> Ending {
        do {
            let ending = try await publishPages()
            await republisher.close()
            return ending
        } catch {
            await republisher.close()
            throw error
        }
    }

    private mutating func publishPages() async throws -> Ending {
        let rows = ActRows(connection: record.connection)
        var ending = Ending()
        while !interruption.isRequested {
            let page = try await cursor.next(Self.pageSize)
            guard !page.isEmpty else {
                try await record.end()
                return ending
            }
            for wanted in page where !interruption.isRequested {
                guard let row = try await rows.read([wanted], &republisher.encoder).first else { continue }
                switch try await publish(row) {
                case true?: ending.done += 1
                case false?: ending.stillParked += 1
                case nil: break
                }
            }
        }
        ending.interruptedBy = interruption.requestedBy
        return ending
    }

    /// - Returns: whether the broker took it; nil if it was interrupted before that was known.
    private mutating func publish(_ row: OutboxRow) async throws -> Bool? {
        var isConfirmed = false
        do throws(AMQPError) {
            try await republisher.publish([row]) { _ in isConfirmed = true }
        } catch {
            if error.kind == .cancelled && interruption.isRequested { return nil }
            guard let code = error.brokerCode, RowFault.codes.contains(code) else { throw error }
            try await noteFailure(row, error)
            try await republisher.reconnect()
            return false
        }
        guard isConfirmed else { return nil }
        try await record.published([row.id])
        return true
    }

    private func noteFailure(_ row: OutboxRow, _ error: AMQPError) async throws(PostgresError) {
        _ = try await record.connection.execute(
            """
            UPDATE outbox_exceptions SET attempts = attempts + 1, last_error = $2
            WHERE outbox_id = $1 AND state = 'parked' AND published_at IS NULL
            """, [.int8(row.id), .text(SafeText.oneLine("\(error)", limit: 1000))])
    }
}

/// Gives parked rows up: they count as superseded from now on.
package struct ParkedDiscard {
    private static let pageSize = 10_000

    let record: ActRecord
    let cursor: RowCursor
    let reason: String?

    package init(record: ActRecord, cursor: RowCursor, reason: String?) {
        self.record = record
        self.cursor = cursor
        self.reason = reason
    }

    /// - Returns: how many rows were still parked and no longer are.
    package func run() async throws(PostgresError) -> Int {
        var done = 0
        while true {
            let page = try await cursor.next(Self.pageSize)
            guard !page.isEmpty else { break }
            let update = """
                UPDATE outbox_exceptions SET state = 'superseded', last_error = $2
                WHERE outbox_id = ANY($1) AND state = 'parked' AND published_at IS NULL RETURNING 1
                """
            done += try await record.did(
                update, [.array(page.map(\.id)), .text(reason.map { "discarded: \($0)" } ?? "discarded")])
        }
        try await record.end()
        return done
    }
}
