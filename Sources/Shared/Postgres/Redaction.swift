/// Makes libpq's text of a failed connection fit for the log.
struct Redaction: Sendable {
    private let secrets: [String]

    init(secrets: [String]) {
        self.secrets = secrets
    }

    /// Keeps each line once, without hints (they start with a tab) and without secrets.
    func message(_ text: String) -> String {
        var lines: [String] = []
        for line in text.split(whereSeparator: \.isNewline) where !line.hasPrefix("\t") {
            let line = hidingSecrets(String(line))
            if !lines.contains(line) { lines.append(line) }
        }
        return lines.isEmpty ? "no reason given" : lines.joined(separator: "; ")
    }

    private func hidingSecrets(_ line: String) -> String {
        secrets.reduce(line) { $0.replacing($1, with: "***") }
    }
}
