package import ProgramRuntime

/// What `relay verify` prints.
package enum VerificationText {
    /// The last one is for JSON only.
    package static let columns = [
        ListingColumn("check"), ListingColumn("holds"), ListingColumn("found", isNumber: true),
        ListingColumn("expected", isNumber: true), ListingColumn("examples"),
    ]

    package static func row(_ check: Verification.Check) -> [ListingValue] {
        [
            .text(check.name), .bool(check.holds), .integer(check.found), .integer(check.expected),
            .array(check.holds ? [] : check.examples),
        ]
    }

    /// What stands below the table: what was found for each promise that is broken, the sums, and the answer.
    package static func lines(_ verification: Verification) -> [String] {
        var lines: [String] = []
        for check in verification.broken where !check.examples.isEmpty {
            lines += ["", "\(check.name):"] + check.examples.map { "  \(SafeText.oneLine($0, limit: 300))" }
        }
        lines += [""] + sums(verification.totals)
        return verification.broken.isEmpty ? lines + ["", "All promises hold."] : lines
    }

    /// The sums that must agree, and what was deleted from them.
    package static func sums(_ totals: VerificationTotals) -> [String] {
        var lines = [
            """
            received \(totals.received) = stored \(totals.stored) + revised \(totals.revised) \
            + duplicate \(totals.duplicate) + quarantined \(totals.quarantined)
            """,
            """
            outbox   \(totals.outbox + totals.pruned) = published \(totals.published) + pending \(totals.pending) \
            + parked \(totals.parked) + superseded \(totals.superseded)
            """,
        ]
        if totals.pruned > 0 { lines.append("         \(totals.pruned) of these are old and were dropped") }
        lines += totals.droppedRecords.map {
            "records  \($0.rows) of \($0.table) are older than \($0.before) and were dropped"
        }
        if !totals.deletedByHand.isEmpty {
            lines += ["", "deleted by hand, and counted as that:"]
            lines += totals.deletedByHand.map { "  \(SafeText.oneLine($0, limit: 300))" }
        }
        return lines
    }
}
