/// A range of values that begins and ends at round numbers, with the round numbers between.
struct Scale: Sendable, Equatable {
    let low: Double
    let high: Double
    let steps: Int

    /// - Parameter steps: about how many steps are wanted.
    init(_ values: some Sequence<Double>, fromZero: Bool = false, steps wanted: Int = 4) {
        let finite = values.filter(\.isFinite)
        var (low, high) = (finite.min() ?? 0, finite.max() ?? 1)
        if fromZero { (low, high) = (0, max(high, 0)) }
        if high - low <= abs(high) * 1e-12 { (low, high) = fromZero ? (0, 1) : Self.around(low) }
        let step = Self.round((high - low) / Double(wanted))
        self.low = (low / step).rounded(.down) * step
        let count = max(1, Int(((high - self.low) / step).rounded(.up)))
        steps = count
        self.high = self.low + Double(count) * step
    }

    /// The values from the highest to the lowest, evenly.
    var marks: [Double] { (0...steps).map { high - (high - low) * Double($0) / Double(steps) } }

    /// Where a value stands, 0 at the top.
    func place(_ value: Double, height: Double) -> Double { (high - value) / (high - low) * height }

    /// A mark in as many digits as tell the marks apart.
    func text(_ mark: Double) -> String {
        let step = (high - low) / Double(steps)
        guard step < 1e6 else { return Figures.rough(mark) }
        var decimals = 0
        var size = step
        while decimals < 10, (size - size.rounded()).magnitude > 1e-6 * size {
            size *= 10
            decimals += 1
        }
        return step >= 1000 ? Figures.rough(mark) : Figures.fixed(mark, decimals)
    }

    /// A range around a single value.
    private static func around(_ value: Double) -> (Double, Double) {
        let margin = max(abs(value) * 0.001, 1e-9)
        return (value - margin, value + margin)
    }

    /// The least of 1, 2, 2.5 and 5 times a power of ten that is no less.
    private static func round(_ step: Double) -> Double {
        var power = 1.0
        while power > step { power /= 10 }
        while power * 10 < step { power *= 10 }
        return [1, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= step * 0.999_999 } ?? power * 10
    }
}
