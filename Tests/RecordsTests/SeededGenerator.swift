/// SplitMix64 (Steele, Lea, Flood 2014): the same numbers in every run, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

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
