import ProgramRuntime

/// Shows how far an act is.
package struct ActProgress {
    private let total: Int
    private let start = ContinuousClock.now
    private var bar = ProgressBar()
    private let isShown: Bool
    package private(set) var count = 0

    /// - Parameters:
    ///   - total: how many rows are meant.
    ///   - isShown: on standard error.
    package init(total: Int, isShown: Bool = true) {
        self.total = total
        self.isShown = isShown
    }

    package mutating func done(_ rows: Int) {
        count += rows
        guard isShown else { return }
        let state = self
        bar.show(share, state.text)
    }

    package func finish() {
        if isShown { bar.finish(share, text) }
    }

    private var share: Double { Double(count) / Double(max(1, total)) }

    private var text: String {
        let seconds = (ContinuousClock.now - start) / .seconds(1)
        return "\(count) of \(total) rows done, \(Int(Double(count) / max(seconds, 0.001)))/s"
    }
}
