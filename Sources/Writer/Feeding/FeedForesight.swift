import Records

/// What the first lines of a feed tell of the rest: decides, from the rules that the writer has, without its markets.
struct FeedForesight {
    /// With so many lines, and none of them a record, it is no file of records.
    private static let enough = 10

    /// Lines looked at, and those of them that can't be records, by reason.
    private(set) var count = 0
    private(set) var refused: [Refusal.Reason: Int] = [:]
    private var first: (line: Int, refusal: Refusal)?

    /// Looks at lines.
    /// - Parameter after: how many lines stand before them.
    /// - Throws: ``Feed/NotTaken`` when the first line is no JSON object, or none of the first ten is a record.
    mutating func look(at lines: ArraySlice<Range<Int>>, of piece: [UInt8], after: Int) throws(Feed.NotTaken) {
        var batch = PreparedBatch(bytes: piece, capacity: lines.count)
        for line in lines {
            let kind = RecordKind.ofMessage(piece.span.extracting(line)).flatMap { kind in
                RecordKind.all.firstIndex { $0.name == kind.name }
            }
            batch.add(body: line, kind: kind ?? 0, maximumBytes: .max)
        }
        for refusal in batch.refused {
            refused[refusal.refusal.reason, default: 0] += 1
            if first == nil { first = (after + refusal.message + 1, refusal.refusal) }
        }
        count += lines.count
        try refuse(begins: after == 0 || count == lines.count)
    }

    private func refuse(begins: Bool) throws(Feed.NotTaken) {
        guard let first else { return }
        let isNoJSON = begins && first.line == 1 && first.refusal.reason == .notJSON
        let isAllRefused = count >= Self.enough && refused.values.reduce(0, +) == count
        guard isNoJSON || isAllRefused else { return }
        throw Feed.NotTaken(
            description: "this is no file of records, nothing of it was sent (--anyway sends it): line \(first.line): "
                + "\(first.refusal.reason.rawValue), \(first.refusal.detail)")
    }

    /// What to say before more is sent; nil if all lines can be records.
    var warning: String? {
        guard let first else { return nil }
        let total = refused.values.reduce(0, +)
        let reasons = refused.sorted { $0.key.rawValue < $1.key.rawValue }.map { "\($0.value) \($0.key.rawValue)" }
        return
            "\(total) of the first \(count) lines will be quarantined (\(reasons.joined(separator: ", "))); the first is "
            + "line \(first.line): \(first.refusal.detail)"
    }
}
