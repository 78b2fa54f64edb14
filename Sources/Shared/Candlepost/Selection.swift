public import Postgres
public import ProgramRuntime

/// The conditions of a command's selection, spelled alike everywhere, as SQL with parameters.
public struct Selection: Sendable {
    private var conditions: [String] = []
    /// The values of `$1`, `$2`, …
    public private(set) var parameters: [Parameter] = []

    public init() {}

    /// Whether anything was selected by.
    public var isEmpty: Bool { conditions.isEmpty }

    /// `WHERE …`, or nothing.
    public var clause: String { conditions.isEmpty ? "" : "WHERE " + conditions.joined(separator: " AND ") }

    /// Adds a condition in which `?` stands for the value; left out if there is none.
    public mutating func add(_ condition: String, _ value: Parameter?) {
        guard let value else { return }
        parameters.append(value)
        conditions.append(condition.replacing("?", with: "$\(parameters.count)"))
    }

    /// Adds a condition without a value.
    public mutating func add(_ condition: String) { conditions.append(condition) }

    /// Adds a condition on a time: ISO 8601, or a duration that reaches back from now, as in `2h`.
    /// - Throws: ``CommandExit`` with 64 for anything else.
    public mutating func add(_ condition: String, time: String?, flag: String) throws(CommandExit) {
        guard let time else { return }
        let point = try SelectedTime(time, flag: flag)
        add(condition.replacing("?", with: point.sql), point.parameter)
    }
}

/// A time of a selection, as SQL with one parameter.
public struct SelectedTime: Sendable {
    /// An expression of type `timestamptz` in which `?` stands for the parameter.
    public let sql: String
    public let parameter: Parameter

    /// Reads a time: ISO 8601, or a duration that reaches back from now, as in `2h`.
    /// - Throws: ``CommandExit`` with 64 for anything else.
    public init(_ text: String, flag: String) throws(CommandExit) {
        if let duration = DurationText.parse(text) {
            sql = "now() - make_interval(secs => ?)"
            parameter = .double(duration / .seconds(1))
        } else if text.contains(where: { $0 == "-" }), text.allSatisfy({ "0123456789-:.TZ+ ".contains($0) }) {
            sql = "?::timestamptz"
            parameter = .text(text)
        } else {
            throw CommandExit(
                .usage,
                "\(flag) is \"\(text)\", but may be: a time like 2026-01-31T12:00:00Z (UTC unless it has a zone), or an age with its unit like 90s, 2h, 7d or 1w"
            )
        }
    }
}
