import ProgramRuntime

/// Shows how far a feed is: a bar in place on a terminal, else a line at the end.
struct FeedProgress {
    /// The size of the input in bytes; nil if it is not known.
    let total: Int?
    private var bytesRead = 0
    private let start = ContinuousClock.now
    private var bar = ProgressBar()
    private var count = 0

    init(total: Int?) { self.total = total }

    mutating func read(bytes: Int) { bytesRead += bytes }

    mutating func confirmed(_ more: Int) {
        count += more
        let state = self
        bar.show(share, state.text)
    }

    /// When the next window is due at this rate.
    func due(_ rate: Double) -> ContinuousClock.Instant { start + .seconds(Double(count) / rate) }

    func finish() { bar.finish(share, text) }

    private var share: Double? {
        guard let total, total > 0 else { return nil }
        return Double(bytesRead) / Double(total)
    }

    private var text: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(count) messages confirmed, \(Int(Double(count) / max(seconds, 0.001)))/s"
    }
}
