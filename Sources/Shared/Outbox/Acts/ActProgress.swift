import Service

/// Shows how far an act is.
package struct ActProgress {
    private let total: Int
    private let start = ContinuousClock.now
    private var bar = ProgressBar()
    package private(set) var count = 0

    /// - Parameter total: how many rows are meant.
    package init(total: Int) { self.total = total }

    package mutating func done(_ rows: Int) {
        count += rows
        let state = self
        bar.show(share, state.text)
    }

    package func finish() { bar.finish(share, text) }

    private var share: Double { Double(count) / Double(max(1, total)) }

    private var text: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(count) of \(total) rows done, \(Int(Double(count) / max(seconds, 0.001)))/s"
    }
}
