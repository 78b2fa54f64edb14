package import Postgres

/// An entry of the writer's ledger: what one transaction did.
package struct IngestEntry {
    private let writer: String
    private let received: Int
    private let stored: Int
    private let revised: Int
    private let duplicate: Int
    private let duplicateOther: Int
    private let quarantined: Int
    /// When the first message came.
    private let firstArrival: ContinuousClock.Instant?

    /// For messages that came from a queue.
    package init(received result: StoreResult, firstArrival: ContinuousClock.Instant?, writer: String) {
        self.writer = writer
        self.firstArrival = firstArrival
        received = result.receivedCount
        stored = result.storedCount
        revised = result.revisedCount
        duplicate = result.duplicateCount
        duplicateOther = result.duplicateOtherCount
        quarantined = result.quarantinedCount
    }

    /// For messages that leave quarantine: they were received before.
    package init(leavingQuarantine result: StoreResult, writer: String) {
        self.writer = writer
        firstArrival = nil
        received = 0
        stored = result.storedCount
        revised = result.revisedCount
        duplicate = result.duplicateCount
        duplicateOther = result.duplicateOtherCount
        quarantined = -(stored + revised + duplicate)
    }

    /// For messages that were kept as conflicts, and replace what is stored by an operator's will.
    /// - Parameter revised: how many; they were duplicates before.
    package init(applying revised: Int, writer: String) {
        self.writer = writer
        firstArrival = nil
        (received, stored, quarantined) = (0, 0, 0)
        self.revised = revised
        duplicate = -revised
        duplicateOther = -revised
    }

    package var insert: Statement {
        Statement(
            """
            INSERT INTO ingest_batches
                (writer, received, stored, revised, duplicate, duplicate_other, quarantined, received_at)
            VALUES ($1, $2, $3, $4, $5, $6, $7, clock_timestamp() - make_interval(secs => $8))
            """,
            name: "insert_ingest_batch",
            [.text(writer)]
                + [received, stored, revised, duplicate, duplicateOther, quarantined].map { .int4(Int32($0)) }
                + [firstArrival.map { .double((.now - $0) / .seconds(1)) } ?? .null(TypeOID.double)])
    }
}
