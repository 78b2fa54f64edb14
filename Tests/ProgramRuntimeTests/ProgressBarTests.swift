import Synchronization
import Testing

@testable import ProgramRuntime

@Suite struct ProgressBarTests {
    private func shown(isTerminal: Bool, _ body: (inout ProgressBar) -> Void) -> [String] {
        let pieces = Mutex<[String]>([])
        var bar = ProgressBar(isTerminal: isTerminal) { piece in pieces.withLock { $0.append(piece) } }
        body(&bar)
        bar.clear()
        return pieces.withLock { $0 }
    }

    @Test func aLineHasABarAPercentageAndAText() {
        #expect(ProgressBar.bar(0.5) == "[###############---------------]  50 %  ")
        #expect(ProgressBar.bar(0) == "[------------------------------]   0 %  ")
        #expect(ProgressBar.bar(7) == "[##############################] 100 %  " && ProgressBar.bar(nil).isEmpty)
        #expect(ProgressBar.bar(-1).contains("  0 %") && ProgressBar.bar(.nan).contains("  0 %"))
    }

    @Test func itIsTakenAwayAtTheEnd() {
        let pieces = shown(isTerminal: true) { $0.show(0.1, "a\u{1B}b") }
        #expect(pieces == ["\r\u{1B}[K\(ProgressBar.bar(0.1))a\\u{1b}b", "\r\u{1B}[K"])
    }

    @Test func itMovesFiveTimesASecondAtMost() {
        let pieces = shown(isTerminal: true) { bar in for step in 0..<100 { bar.show(Double(step) / 100, "") } }
        #expect(pieces.count < 10)
    }

    @Test func whereThereIsNoTerminalNothingIsShown() {
        #expect(shown(isTerminal: false) { $0.show(0.5, "x") }.isEmpty)
        #expect(shown(isTerminal: true) { _ in }.isEmpty)
    }
}
