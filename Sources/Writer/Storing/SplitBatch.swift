import Postgres
import Records
import Storing

/// A batch that is stored part by part, until each row that the database refuses stands alone. Does no I/O.
///
/// A row that stands alone is a suspect. Among others of its kind that were stored it is refused for what it is. Where none of a
/// kind was stored, it may as well be the table that is wrong: a constraint that nothing fulfils, a column that nobody fills, a
/// partition that is missing.
struct SplitBatch: Sendable {
    /// A record that the database refuses.
    struct Suspect: Sendable {
        /// The record alone.
        let part: BatchPart
        let error: PostgresError

        var record: PreparedBatch.Record { part.batch.records[part.records.lowerBound] }
        var kind: Int { record.kind }

        /// The record as a message for quarantine.
        var refused: PreparedBatch.Refused {
            let code = error.sqlstate.map { "\($0): " } ?? ""
            return PreparedBatch.Refused(record, Refusal(.refusedByDatabase, code + error.message))
        }
    }

    /// So many of a kind, refused with one code while none is stored, are no accident.
    static let mostOfOneCode = 10

    private let batch: PreparedBatch
    /// What is left to store, the next part last.
    private var parts: [BatchPart]
    /// In order of arrival.
    private(set) var suspects: [Suspect] = []
    private var storedKinds: Set<Int> = []

    init(_ batch: PreparedBatch) {
        self.batch = batch
        parts = [BatchPart(batch)]
    }

    /// The next part to store, in order of arrival; nil when there is none.
    mutating func next() -> BatchPart? { parts.popLast() }

    /// A part was stored.
    mutating func stored(_ result: StoreResult) {
        for kind in result.stored.indices where result.stored[kind] > 0 { storedKinds.insert(kind) }
    }

    /// The database refuses a part because of a row.
    mutating func refused(_ part: BatchPart, _ error: PostgresError) {
        if let (first, second) = part.halves {
            parts += [second, first]
        } else if part.records.isEmpty {
            parts.append(part)  // there is no row to blame
        } else {
            suspects.append(Suspect(part: part, error: error))
        }
    }

    /// One of a kind of which the database has refused all records so far, all with one code: that is an outage.
    var outage: Suspect? {
        unclear.first { suspect in
            let codes = suspects.filter { $0.kind == suspect.kind }.map(\.error.sqlstate)
            return codes.count >= Self.mostOfOneCode && Set(codes).count == 1
        }
    }

    /// The first suspect of each kind of which nothing was stored: whether the database takes any record of it has to be
    /// tried.
    var unclear: [Suspect] {
        var seen = storedKinds
        return suspects.filter { seen.insert($0.kind).inserted }
    }

    /// The suspects are to be stored again, before what is left.
    mutating func takeBack() {
        parts += suspects.reversed().map(\.part)
        suspects = []
    }

    /// The suspects as messages for quarantine; nil if there are none.
    var refusals: BatchPart? {
        suspects.isEmpty ? nil : BatchPart(batch, records: 0..<0, refused: suspects.map(\.refused)[...])
    }
}
