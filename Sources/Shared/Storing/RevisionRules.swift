package import ProgramRuntime
package import Records

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
    /// Those that are set, by the kind's name; the others have what their file says.
    private var named: [String: VersionRule] = [:]
    private var isAct = false

    package static let setting = Setting<RevisionRules>(
        "RECORD_REVISIONS", flag: "--record-revisions", default: RevisionRules(), defaultText: "as the kinds say",
        allowed: "kinds with first, latest, or latest and a field, as in CandleStick=latest:closed,Ticker=latest",
        help: "whether a later version of a record with other content replaces it, and is announced"
    ) { RevisionRules($0) }

    /// What the kinds say.
    package init() {}

    /// An operator's will for all kinds.
    package static var act: RevisionRules {
        var rules = RevisionRules()
        rules.isAct = true
        return rules
    }

    /// - Returns: nil for a kind that is none or comes twice, or a rule that is none.
    package init?(_ text: String) {
        for element in CommaList.split(text) {
            let parts = element.split(separator: "=", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, RecordKind.named(parts[0]) != nil, let rule = VersionRule(parts[1]),
                named.updateValue(rule, forKey: parts[0]) == nil
            else { return nil }
        }
    }

    package subscript(kind: RecordKind) -> RevisionRule {
        guard !isAct else { return .act }
        return switch named[kind.name] ?? kind.versions {
        case .first: .first
        case .latest(let field): .latest(versionField: field)
        }
    }
}
