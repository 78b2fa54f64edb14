/// One SQL statement and its parameters.
public struct Statement: Sendable {
    /// The text, with `$1`, `$2` … for the parameters.
    public var sql: String
    /// With a name the statement is prepared on first use, once for each connection; one name means one text.
    public var name: String?
    /// The values of `$1`, `$2` …
    public var parameters: [Parameter]

    /// - Parameters:
    ///   - sql: exactly one statement.
    ///   - name: prepare it under this name, for statements that are run again and again.
    ///   - parameters: the values of `$1`, `$2` …
    public init(_ sql: String, name: String? = nil, _ parameters: [Parameter] = []) {
        self.sql = sql
        self.name = name
        self.parameters = parameters
    }

    /// What errors call it: the name, or the first word, which cannot hold data.
    var label: String {
        name ?? Self.firstWord(of: sql)
    }

    var isCommit: Bool {
        switch Self.firstWord(of: sql) {
        case "COMMIT", "END": true
        default: false
        }
    }

    private static func firstWord(of sql: String) -> String {
        let start = sql.utf8.drop { $0 == 32 || (9...13).contains($0) }
        return String(Substring(start.prefix { isLetter($0) })).uppercased()
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (65...90).contains(byte & 0xDF)
    }
}
