import FoundationEssentials
import Logging
import Synchronization
import Testing

@testable import ProgramRuntime

/// Keeps log lines instead of writing them.
private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }

    func logger(_ format: LogFormat, level: Logger.Level = .info, colour: Bool = false) -> Logger {
        let sink = LogSink { line in self.lines.withLock { $0.append(line) } }
        return Logger(label: "writer") { label in
            LineLogHandler(
                label: label, format: format, level: level, colour: colour, sink: sink,
                clock: { "2026-11-22T10:00:00.123Z" })
        }
    }
}

private struct Broken: Error, CustomStringConvertible {
    let description = "it broke"
}

@Suite struct LogTests {
    @Test func aJSONLineHasItsFieldsInOrder() {
        let lines = Lines()
        lines.logger(.json).info("Batch stored", metadata: ["batch.size": "500", "batch.ms": "\(12)"])
        #expect(
            lines.all == [
                #"{"ts":"2026-11-22T10:00:00.123Z","level":"info","logger":"writer","message":"Batch stored","#
                    + #""batch.ms":"12","batch.size":"500"}"# + "\n"
            ])
    }

    @Test(arguments: [
        "plain", "quote \" backslash \\ slash /", "tab\tnewline\nreturn\r", "\u{0}\u{1}\u{1F}\u{7F}\u{9B}31m",
        "\u{2028}\u{202E}\u{FEFF}", "日本 🕯️ e\u{301}", "\u{10FFFF}", "lone \u{FFFD}",
    ])
    func anyTextSurvivesJSON(text: String) throws {
        let lines = Lines()
        lines.logger(.json).error("\(text)", metadata: ["k": "\(text)", "\(text)": "v"])
        let line = try #require(lines.all.first)
        #expect(line.filter { $0.isNewline } == "\n", "one line")
        #expect(!line.dropLast().unicodeScalars.contains(where: SafeText.isUnsafe))
        let fields = try JSONDecoder().decode([String: String].self, from: Data(line.utf8))
        #expect(fields["message"] == text)
        #expect(fields["k"] == text)
        #expect(fields[text] == "v")
    }

    @Test func aLineOfATraceNamesIt() throws {
        let lines = Lines()
        let trace = try #require(
            TraceContext(traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00"))
        lines.logger(.json).info("x", metadata: ["k": "v"].with(trace))
        lines.logger(.json).info("x", metadata: ["k": "v"].with(TraceContext(traceparent: "nonsense")))
        #expect(
            lines.all[0].hasSuffix(
                #""k":"v","span_id":"b7ad6b7169203331","trace_id":"0af7651916cd43dd8448eb211c80319c"}"# + "\n"))
        #expect(lines.all[1].hasSuffix(#""k":"v"}"# + "\n"))
    }

    @Test func keysThatMeanSomethingElseStepAside() throws {
        let lines = Lines()
        lines.logger(.json).info("real", metadata: ["message": "other", "level": "high"])
        let fields = try JSONDecoder().decode([String: String].self, from: Data(lines.all[0].utf8))
        #expect(fields["message"] == "real")
        #expect(fields["message_"] == "other")
        #expect(fields["level_"] == "high")
    }

    @Test func longValuesAreCutAtACharacter() throws {
        let lines = Lines()
        lines.logger(.json).info("m", metadata: ["k": "\(String(repeating: "é", count: 5000))x"])
        let fields = try JSONDecoder().decode([String: String].self, from: Data(lines.all[0].utf8))
        #expect(fields["k"] == String(repeating: "é", count: 512) + "…(+8977 bytes)")
    }

    @Test func aLineHasAtMostThirtyTwoKeys() throws {
        let lines = Lines()
        let many = (0..<100).map { ("k\($0)", Logger.MetadataValue.string("v")) }
        lines.logger(.json).info("m", metadata: Dictionary(uniqueKeysWithValues: many))
        let fields = try JSONDecoder().decode([String: String].self, from: Data(lines.all[0].utf8))
        #expect(fields.count == 4 + 32)
    }

    @Test func aTextLineIsForPeople() {
        let lines = Lines()
        lines.logger(.text).warning("Slow", error: Broken(), metadata: ["queue": "a b", "n": "3", "e": ""])
        #expect(lines.all == ["2026-11-22T10:00:00.123Z WARNING  Slow e=\"\" n=3 queue=\"a b\" error=\"it broke\"\n"])
    }

    @Test func aTextLineCannotSteerTheTerminal() {
        let lines = Lines()
        lines.logger(.text).info("a\u{1B}[2Jb\nc", metadata: ["k": "\u{1B}]0;x\u{7}"])
        #expect(lines.all == ["2026-11-22T10:00:00.123Z INFO     a\\u{1b}[2Jb\\u{a}c k=\\u{1b}]0;x\\u{7}\n"])
    }

    @Test func colourIsAroundTheLevelOnly() {
        let lines = Lines()
        lines.logger(.text, colour: true).error("m")
        #expect(lines.all == ["2026-11-22T10:00:00.123Z \u{1B}[31mERROR   \u{1B}[0m m\n"])
    }

    @Test func whatIsBelowTheLevelIsNotWritten() {
        let lines = Lines()
        lines.logger(.json, level: .warning).info("m")
        #expect(lines.all.isEmpty)
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.007Z"), (951_782_400, "2000-02-29T00:00:00.007Z"),
        (1_735_689_599, "2024-12-31T23:59:59.007Z"), (4_107_542_400, "2100-03-01T00:00:00.007Z"),
        (1_795_341_600, "2026-11-22T10:00:00.007Z"),
    ])
    func timesAreISO8601(seconds: Int64, text: String) {
        #expect(LogTime.text(seconds: seconds, milliseconds: 7) == text)
    }
}

@Suite struct LogThrottleTests {
    private let start = ContinuousClock.now

    @Test func saysAtOnceThenEverySoOften() {
        var throttle = LogThrottle(every: .seconds(30))
        #expect(throttle.report(at: start) == .say(keptBack: 0))
        #expect(throttle.report(at: start + .seconds(1)) == .keepBack)
        #expect(throttle.report(at: start + .seconds(29)) == .keepBack)
        #expect(throttle.report(at: start + .seconds(30)) == .say(keptBack: 2))
        #expect(throttle.report(at: start + .seconds(31)) == .keepBack)
    }

    @Test func aNewOutageIsSaidAtOnce() {
        var throttle = LogThrottle(every: .seconds(30))
        let atFirst = throttle.clear()
        _ = throttle.report(at: start)
        let atTheEnd = throttle.clear()
        let again = throttle.clear()
        #expect([atFirst, atTheEnd, again] == [false, true, false])
        #expect(throttle.report(at: start + .seconds(1)) == .say(keptBack: 0))
    }
}
