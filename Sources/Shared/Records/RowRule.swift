/// What a row of an array field must look like. A class, so that handing it on costs one reference.
final class RowRule: Sendable {
    /// Names of the elements that every row has. Rows may be longer, never shorter.
    let elements: [String]
    /// The element that holds a time in milliseconds, checked as one and never null.
    let timeIndex: Int?
    /// Whether elements other than the time may be null.
    let allowsNull: Bool
    /// Whether a row may be null as a whole: it is stored as one of nulls.
    let allowsNullRows: Bool
    let checks: [RowCheck]
    let minimumWidth: Int

    /// How many of a row's elements, from the first on, checks can speak of.
    static let mostChecked = 8

    init(elements: [String], timeIndex: Int?, allowsNull: Bool, allowsNullRows: Bool, checks: [RowCheck]) {
        self.elements = elements
        self.timeIndex = timeIndex
        self.allowsNull = allowsNull
        self.allowsNullRows = allowsNullRows
        self.checks = checks
        minimumWidth = elements.count
    }

    /// Says what is wrong with the row's values, if anything.
    @inline(__always)
    func complaint(_ row: RowValues) -> String? {
        for check in checks where check.isBroken(by: row) { return complaint(check, row) }
        return nil
    }

    private func complaint(_ check: RowCheck, _ row: RowValues) -> String {
        let element = "\(elements[check.element]) \(row[check.element])"
        return switch check.condition {
        case .notNegative: "\(element) is negative"
        case .notBelow: "\(element) is below \(elements[check.other]) \(row[check.other])"
        case .zeroOrOne: "\(element) is neither 0 nor 1"
        }
    }
}

/// A condition on the elements of a row. Null fulfils each.
struct RowCheck: Sendable {
    enum Condition: Sendable {
        case notNegative
        /// Not below the other element.
        case notBelow
        case zeroOrOne
    }

    let condition: Condition
    /// Index of the element, and of the one that it is held against.
    let element: Int
    var other = 0

    @inline(__always)
    func isBroken(by row: RowValues) -> Bool {
        let value = row[element]
        return switch condition {
        case .notNegative: value < 0
        case .notBelow: value < row[other]
        case .zeroOrOne: value != 0 && value != 1 && !value.isNaN
        }
    }
}

/// The first ``RowRule/mostChecked`` numbers of a row; NaN where the message has null.
typealias RowValues = InlineArray<8, Double>
