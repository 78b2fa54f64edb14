import Postgres

/// An entry of the writer's ledger: what one transaction did.
struct IngestEntry {
    let writer: String
    let received: Int
    let stored: Int
    let duplicate: Int
    let duplicateOther: Int
    let quarantined: Int

    /// For messages that came from a queue.
    init(received result: StoreResult, writer: String) {
        self.writer = writer
        received = result.receivedCount
        stored = result.storedCount
        duplicate = result.duplicateCount
        duplicateOther = result.duplicateOtherCount
        quarantined = result.quarantinedCount
    }

    /// For messages that leave quarantine: they were received before.
    init(leavingQuarantine result: StoreResult, writer: String) {
        self.writer = writer
        received = 0
        stored = result.storedCount
        duplicate = result.duplicateCount
        duplicateOther = result.duplicateOtherCount
        quarantined = -(stored + duplicate)
    }

    var insert: Statement {
        Statement(
            """
            INSERT INTO ingest_batches (writer, received, stored, duplicate, duplicate_other, quarantined)
            VALUES ($1, $2, $3, $4, $5, $6)
            """,
            name: "insert_ingest_batch",
            [.text(writer)]
                + [received, stored, duplicate, duplicateOther, quarantined].map { .int4(Int32($0)) })
    }
}
