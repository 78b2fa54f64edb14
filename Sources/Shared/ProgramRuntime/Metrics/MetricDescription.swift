/// What a metric means: the one table of these is the page that lists every metric of a program.
public struct MetricDescription: Sendable {
    /// What a metric does with what it is told.
    public enum Kind: String, Sendable {
        /// Rises only.
        case counter
        /// Goes up and down.
        case gauge
        /// Counts observations by size.
        case histogram
    }

    /// The buckets of durations, in seconds, from 0.5 ms to 30 s.
    public static let secondsBuckets: [Double] = [
        0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30,
    ]

    /// The name as Prometheus shows it, with its unit and, for a counter, `_total`.
    public let name: String
    /// What it does with what it is told.
    public let kind: Kind
    /// One sentence.
    public let help: String
    /// The upper bounds of a histogram's buckets, rising; the last, infinite one is understood.
    public let buckets: [Double]

    /// - Parameter buckets: The upper bounds of a histogram's buckets, rising; durations unless given.
    public init(_ name: String, _ kind: Kind, _ help: String, buckets: [Double] = Self.secondsBuckets) {
        precondition(zip(buckets, buckets.dropFirst()).allSatisfy(<), "the buckets of \(name) must rise")
        self.name = name
        self.kind = kind
        self.help = help
        self.buckets = buckets
    }
}
