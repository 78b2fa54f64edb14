import ProgramRuntime
import Testing

@Suite struct DurationTextTests {
    @Test(arguments: [
        ("500ms", 500), ("20s", 20_000), ("1h30m", 5_400_000), ("7d", 604_800_000), ("0s", 0), ("1d1ms", 86_400_001),
        ("90m", 5_400_000), ("1w", 604_800_000), ("1w1d", 691_200_000),
    ])
    func reads(text: String, milliseconds: Int) {
        #expect(DurationText.parse(text) == .milliseconds(milliseconds))
    }

    @Test(arguments: [
        "", "20", "s", "-1s", "1.5s", "1m1h", "1s1s", "1 s", "1S", "20sec", "9223372036854775808s", "36526d", "٣s",
    ])
    func refuses(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(arguments: ["500ms", "20s", "1h30m", "7d", "1d1ms", "0s"])
    func writesWhatItReads(text: String) throws {
        #expect(DurationText.format(try #require(DurationText.parse(text))) == text)
    }

    @Test func writesTheLargestUnitsFirst() {
        #expect(DurationText.format(.seconds(3661)) == "1h1m1s")
        #expect(DurationText.format(.microseconds(1500)) == "1ms")
        #expect(DurationText.format(.seconds(-5)) == "-5s")
    }
}
