package import Postgres
import Records
import Schema

/// Holds the promises against one snapshot of the database. Every table is read once from front to back, piece by piece,
/// and only sums are kept; what breaks a promise is looked for when the sums say that there is something.
package struct Verification: Sendable {
    /// One promise: a number that was counted and what it must be.
    package struct Check: Sendable, Equatable {
        package let name: String
        package let found: Int64
        package let expected: Int64
        /// Some of what breaks it.
        package var examples: [String] = []

        package var holds: Bool { found == expected }
    }

    /// The connection's settings: sorts and hashes of what is looked for spill to disk beyond this.
    package static let serverSettings = ["jit": "off", "work_mem": "64MB"]

    /// How much is read at a time: the progress bar moves after each piece.
    package struct PieceSizes: Sendable {
        /// 64 MiB of a table.
        package var blocks: Int64 = 8192
        package var ledgerEntries: Int32 = 2000
    }

    package var checks: [Check] = []
    package var totals = VerificationTotals()

    /// The promises that don't hold.
    package var broken: [Check] { checks.filter { !$0.holds } }

    /// Gets how far it is, 0 to 1, and what is being read.
    package typealias Progress = (Double, String) -> Void

    /// The share of the time that reading tables takes; the rest goes to the ledger's entries.
    private static let shareOfTables = 0.75

    package static func run(
        _ connection: PostgresConnection, pieces: PieceSizes = PieceSizes(), progress: Progress = { _, _ in }
    ) async throws -> Verification {
        let kinds = try await AppliedKinds.read(connection)
        let snapshot = try await Snapshot.begin(connection, tables: kinds.map(\.table))
        var verification = Verification()
        var totals = try await VerificationTotals.read(connection)
        let scan = try await TableScan.run(connection, kinds, totals, blocksPerPiece: pieces.blocks) {
            progress($0 * shareOfTables, $1)
        }
        totals.count(scan)
        verification.checkSums(totals)
        let search = PairSearch(
            connection: connection, newestPruned: totals.newestPruned, droppedRecords: totals.droppedRecords,
            hasCitus: snapshot.hasCitus)
        try await verification.checkPairs(search, scan, kinds)
        let ledger = LedgerSearch(
            connection: connection, prunedEnd: totals.prunedEnd, entriesPerPiece: pieces.ledgerEntries)
        try await verification.checkLedger(ledger) {
            progress(shareOfTables + $0 * (1 - shareOfTables), $1)
        }
        try await connection.script("COMMIT")
        return verification
    }

    private mutating func checkSums(_ totals: VerificationTotals) {
        self.totals = totals
        checks = [
            Check(
                name: "messages received = stored + revised + duplicate + quarantined", found: totals.received,
                expected: totals.stored + totals.revised + totals.duplicate + totals.quarantined),
            Check(
                name: "records stored + revised = outbox rows", found: totals.outbox + totals.pruned,
                expected: totals.stored + totals.revised),
            Check(
                name: "outbox rows = published + pending + parked + superseded", found: totals.outbox + totals.pruned,
                expected: totals.published + totals.pending + totals.parked + totals.superseded,
                examples: totals.strayExceptions),
            Check(
                name: "messages quarantined = rows of quarantine that did not leave it", found: totals.inQuarantine,
                expected: totals.quarantined),
        ]
    }

    private mutating func checkPairs(
        _ search: PairSearch, _ scan: TableScan, _ kinds: [RecordKind]
    ) async throws {
        var differ = false
        for kind in kinds {
            let sums = scan.kinds[kind.name] ?? KindSums()
            var found = Findings()
            if !sums.match {
                differ = true
                found = try await search.unpaired(kind)
            } else if sums.oldRows > 0 {
                found = try await search.oldWithoutRecord(kind, upTo: scan.newestOldRow)
            }
            checks.append(found.check("\(kind.table) without an outbox row, or the other way round"))
        }
        let hasOldRows = scan.kinds.values.contains { $0.oldRows > 0 }
        let isOtherKind = scan.kinds.keys.contains { name in !kinds.contains { $0.name == name } }
        var repeated = Findings()
        if differ || isOtherKind {
            repeated = try await search.repeated()
        } else if hasOldRows {
            repeated = try await search.repeated(upTo: scan.newestOldRow)
        }
        checks.append(repeated.check("records with two outbox rows"))
        let strayed = scan.inWrongLane == 0 ? Findings() : try await search.inWrongLane()
        checks.append(strayed.check("outbox rows in another lane than their market's"))
    }

    private mutating func checkLedger(_ search: LedgerSearch, _ progress: Progress) async throws {
        checks.append(try await search.brokenChains().check("holes or overlaps in the ledger"))
        checks.append(try await search.miscounted(progress).check("ledger entries whose rows are not the log's"))
    }
}

/// What breaks a promise: how many, and the first of them.
struct Findings: Sendable, Equatable {
    static let mostExamples = 10

    var count: Int64 = 0
    var examples: [String] = []

    mutating func add(_ more: Findings) {
        count += more.count
        examples += more.examples.prefix(max(0, Self.mostExamples - examples.count))
    }

    func check(_ name: String) -> Verification.Check {
        Verification.Check(name: name, found: count, expected: 0, examples: examples)
    }
}

extension Findings {
    /// Runs a query whose first column is how many there are, and whose others make up each of the first of them.
    init(
        _ connection: PostgresConnection, _ sql: String, _ parameters: [Parameter] = [],
        example: (Row) throws -> String
    ) async throws {
        let rows = try await connection.execute(sql, parameters)
        count = rows.count == 0 ? 0 : try rows[0].int8(0)
        examples = try (0..<rows.count).prefix(Self.mostExamples).map { try example(rows[$0]) }
    }
}
