import Records
package import Service

/// What becomes of a message whose record is stored already, with other content.
package enum RevisionRule: Sendable, Equatable {
    /// The first one stays; others are kept as conflicts.
    case first
    /// A later one replaces it, and is announced as an event of its own. With a field of the payload that says its version
    /// (a number, or whether the interval is closed), a lower one never replaces a higher one.
    case latest(versionField: String?)
    /// An operator's will: it replaces what is stored, whatever was there before.
    case act
}

/// The rule of each kind.
package struct RevisionRules: Sendable, Equatable {
    private var rules = [RevisionRule](repeating: .first, count: RecordKind.all.count)

    package static let setting = Setting<RevisionRules>(
        "RECORD_REVISIONS", flag: "--record-revisions", default: RevisionRules(), defaultText: "first for all",
        allowed: "kinds with first, latest, or latest and a field, as in CandleStick=latest:closed,Ticker=latest",
        help: "whether a later version of a record with other content replaces it, and is announced"
    ) { RevisionRules($0) }

    /// The first one stays, whatever its kind.
    package init() {}

    /// An operator's will for all kinds.
    package static var act: RevisionRules {
        var rules = RevisionRules()
        rules.rules = rules.rules.map { _ in .act }
        return rules
    }

    /// - Returns: nil for a kind that is none or comes twice, or a rule that is none.
    package init?(_ text: String) {
        var named: Set<Int> = []
        for element in CommaList.split(text) {
            let parts = element.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, let kind = RecordKind.all.firstIndex(where: { $0.name == parts[0] }),
                named.insert(kind).inserted, let rule = Self.rule(parts[1])
            else { return nil }
            rules[kind] = rule
        }
    }

    private static func rule(_ text: String) -> RevisionRule? {
        switch text {
        case "first": return .first
        case "latest": return .latest(versionField: nil)
        default:
            let field = text.dropFirst("latest:".count)
            let isName = field.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
            }
            guard text.hasPrefix("latest:"), isName, (1...60).contains(field.utf8.count) else { return nil }
            return .latest(versionField: String(field))
        }
    }

    /// - Parameter kind: index into ``RecordKind/all``.
    package subscript(kind kind: Int) -> RevisionRule { rules[kind] }
}
