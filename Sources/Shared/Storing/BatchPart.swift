package import Records

/// What of a batch goes into one transaction.
package struct BatchPart: Sendable {
    package let batch: PreparedBatch
    /// Which of the batch's records are stored.
    package let records: Range<Int>
    /// Which messages go into quarantine with them.
    package let refused: ArraySlice<PreparedBatch.Refused>

    package init(_ batch: PreparedBatch) {
        self.init(batch, records: batch.records.indices, refused: batch.refused[...])
    }

    package init(_ batch: PreparedBatch, records: Range<Int>, refused: ArraySlice<PreparedBatch.Refused>) {
        self.batch = batch
        self.records = records
        self.refused = refused
    }

    /// Two parts that are this one together, the earlier records first; the second one never has messages for quarantine
    /// beside its records. nil for a single record alone, or none.
    package var halves: (BatchPart, BatchPart)? {
        let middle = records.lowerBound + records.count / 2
        if records.count > 1 {
            return (
                BatchPart(batch, records: records.lowerBound..<middle, refused: refused),
                BatchPart(batch, records: middle..<records.upperBound, refused: [])
            )
        }
        guard records.count == 1, !refused.isEmpty else { return nil }
        return (
            BatchPart(batch, records: records, refused: []),
            BatchPart(batch, records: records.upperBound..<records.upperBound, refused: refused)
        )
    }
}
