import TestSupport

extension SeededGenerator {
    /// A number as JSON allows it: any length, any exponent.
    mutating func decimal() -> String {
        var text = Bool.random(using: &self) ? "-" : ""
        text += below(4) == 0 ? "0" : "\(1 + below(9))" + digits(below(24))
        if below(3) > 0 { text += "." + digits(1 + below(24)) }
        if below(3) == 0 { text += ["e", "E", "e+", "e-", "E-"][below(5)] + "\(below(below(2) == 0 ? 30 : 340))" }
        return text
    }

    private mutating func digits(_ count: Int) -> String {
        (0..<count).map { _ in "\(below(10))" }.joined()
    }
}
