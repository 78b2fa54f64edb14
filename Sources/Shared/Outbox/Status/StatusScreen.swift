import ProgramRuntime

/// The whole on a screen: what flows, how far behind it is, who relays, and what is wrong. No I/O.
package struct StatusScreen {
    /// Something in a line, in one colour.
    private struct Piece {
        enum Colour: String {
            case plain = ""
            case faint = "2"
            case good = "32"
            case warn = "33"
            case bad = "31"
        }

        let text: String
        var colour = Colour.plain
    }

    private let overview: Overview
    private let isColoured: Bool
    private let width: Int

    /// - Parameters:
    ///   - width: columns of the terminal; a line beyond is cut.
    ///   - isColoured: whether what is well and what is not have colours beside their words.
    package init(_ overview: Overview, width: Int, isColoured: Bool) {
        self.overview = overview
        self.width = max(40, width)
        self.isColoured = isColoured
    }

    /// For a terminal, without line ends.
    package var lines: [String] {
        let title = "Candlepost  \(WallClock.text(overview.readAt)) UTC"
        let head = [Piece(text: title), Piece(text: "   Ctrl-C ends it", colour: .faint)]
        return ([head, []] + flow + [[]] + findings + [[]]).map(line) + relays + [""] + lanes.map(line)
    }

    /// The same in one line, where no screen is.
    package var summary: String {
        let rates = Self.rates.map { "\($0.name) \(Self.rate(overview.flow.rate($0.value)))/s" }
        let words =
            [WallClock.text(overview.readAt) + "Z"] + rates + [
                "pending \(pending)", "lag \(Self.seconds(lag))", "parked \(overview.parked)",
                "quarantine \(overview.inQuarantine)",
            ]
        let findings = Finding.all(overview).filter { $0.weight != .note }.map { "\($0.weight.rawValue): \($0.what)" }
        return SafeText.oneLine(([words.joined(separator: "  ")] + findings).joined(separator: "  "), limit: 1000)
    }

    // MARK: parts

    private var flow: [[Piece]] {
        let rows = Self.rates.map { name, value in
            row(
                name, "\(Self.rate(overview.flow.rate(value)))/s",
                Sparkline.text(overview.flow.series.dropLast().map { Double(value($0)) }, width: sparkWidth))
        }
        let lags = Sparkline.text(overview.flow.series.dropLast().map(\.lag), width: sparkWidth)
        let waits = overview.pending == 0 ? "" : "the oldest for \(StatusReport.age(overview.oldest))"
        let kept = overview.inQuarantine == 1 ? "1 message" : "\(DigitGroups.text(overview.inQuarantine)) messages"
        return rows + [
            row("lag", Self.seconds(lag), lags), row("pending", pending, waits),
            row("parked", DigitGroups.text(overview.parked), ""), row("quarantine", kept, ""),
        ]
    }

    private static let rates: [(name: String, value: @Sendable (Flow.Bucket) -> Int64)] = [
        ("received", { $0.received }), ("stored", { $0.stored }), ("announced", { $0.announced }),
    ]

    private var sparkWidth: Int { min(Int(Flow.count) / 3, width - 28) }

    private func row(_ name: String, _ value: String, _ more: String) -> [Piece] {
        let blanks = String(repeating: " ", count: max(1, 14 - value.count))
        let label = name + String(repeating: " ", count: max(1, 10 - name.count))
        return [Piece(text: label, colour: .faint), Piece(text: blanks + value + "  "), Piece(text: more)]
    }

    private var findings: [[Piece]] {
        let all = Finding.all(overview)
        guard !all.isEmpty else { return [[Piece(text: "● all is well", colour: .good)]] }
        return all.flatMap { finding -> [[Piece]] in
            let (sign, colour): (String, Piece.Colour) =
                switch finding.weight {
                case .bad: ("■ act now: ", .bad)
                case .warn: ("▲ look into it: ", .warn)
                case .note: ("○ when there is time: ", .faint)
                }
            return [
                [Piece(text: sign, colour: colour), Piece(text: finding.what)],
                [Piece(text: "  " + finding.step, colour: .faint)],
            ]
        }
    }

    private var relays: [String] {
        overview.report.relaysText.split(separator: "\n", omittingEmptySubsequences: false).map {
            Self.cut(String($0), width)
        }
    }

    /// Who has which lanes, and how much each announced in the last half hour.
    private var lanes: [[Piece]] {
        let sums = overview.flow.lanes.map { Double($0.values.reduce(0, +)) }
        return [
            [Piece(text: "lanes     ", colour: .faint), Piece(text: overview.report.owners)],
            [
                Piece(text: "by lane   ", colour: .faint), Piece(text: Sparkline.text(sums, width: sums.count)),
                Piece(text: "  announced in the last half hour", colour: .faint),
            ],
        ]
    }

    // MARK: figures

    private var pending: String { DigitGroups.text(overview.pending) + (overview.isExact ? "" : "+") }

    /// The longest of the last minute.
    private var lag: Double { overview.flow.series.suffix(7).map(\.lag).max() ?? 0 }

    private static func rate(_ number: Double) -> String {
        number > 0 && number < 10 ? "\((number * 10).rounded() / 10)" : DigitGroups.text(Int64(number.rounded()))
    }

    private static func seconds(_ seconds: Double) -> String {
        seconds < 1 ? "\(Int((seconds * 1000).rounded()))ms" : StatusReport.age(Int64(seconds))
    }

    // MARK: lines

    private func line(_ pieces: [Piece]) -> String {
        var left = width
        var text = ""
        for piece in pieces where left > 0 {
            let shown = Self.cut(SafeText.oneLine(piece.text, limit: 1000), left)
            left -= shown.count
            let hasColour = isColoured && piece.colour != .plain
            text += hasColour ? "\u{1B}[\(piece.colour.rawValue)m\(shown)\u{1B}[0m" : shown
        }
        return text
    }

    private static func cut(_ text: String, _ width: Int) -> String {
        text.count <= width ? text : text.prefix(width - 1) + "…"
    }
}
