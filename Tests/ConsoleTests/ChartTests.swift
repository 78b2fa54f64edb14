import Testing

@testable import Console

@Suite("Scales begin and end at round numbers") struct ScaleTests {
    @Test(arguments: [[1.0, 2], [83.57, 97.3], [0.000012, 0.000019], [42_000, 42_016], [-5, 5]])
    func valuesLieWithin(values: [Double]) {
        let scale = Scale(values)
        #expect(scale.low <= values[0] && scale.high >= values[1])
        #expect((2...12).contains(scale.steps))
        #expect(scale.marks.count == scale.steps + 1)
        #expect(Set(scale.marks.map(scale.text)).count == scale.marks.count, "marks can be told apart")
    }

    @Test(arguments: [[], [7.0], [7, 7], [0], [.nan], [.infinity, 3]]) func oddValuesHaveOne(values: [Double]) {
        let scale = Scale(values)
        #expect(scale.high > scale.low)
        #expect(scale.place(scale.low, height: 100) == 100)
        #expect(Scale(values, fromZero: true).low == 0)
    }
}

@Suite("Small lines of tables") struct SparkTests {
    @Test func endWithTheNewestValueAndStaySmall() {
        #expect(Chart.spark([1, 3], label: "x").text.contains("d=\"M0 44L200 4\""))
        #expect(Chart.spark([1, 3, 2], label: "x").text.contains("d=\"M0 44L100 4L200 24\""))
        let long = Chart.spark((0..<60).map(Double.init), label: "x").text
        #expect(long.contains("L200 4\"") && long.utf8.count < 400, "\(long)")
        #expect(Chart.spark([7, 7], label: "x").text.contains("M0 44L200 44"))
        #expect(Chart.spark([7], label: "x").text.isEmpty)
    }
}

@Suite("Candles on the grid of their intervals") struct CandleSeriesTests {
    private static let minute: Int64 = 60_000

    private static func series(_ minutes: [Int64], quiet: Set<Int64> = [], slots: Int) -> CandleSeries {
        CandleSeries(
            intervals: minutes.map { ($0 * minute, ($0 + 1) * minute) },
            candles: minutes.filter { !quiet.contains($0) }.map {
                CandleSeries.Candle(start: $0 * minute, open: 1, high: 2, low: 0.5, close: 1.5, volume: 3)
            }, slots: slots)
    }

    @Test func whatIsMissingIsAGap() {
        let series = Self.series([100, 101, 104, 105, 107], slots: 6)
        #expect(series.gaps == [0..<2, 4..<5])
        #expect(series.missing == 3)
        #expect(series.candles.map { series.slot(of: $0.start) } == [2, 3, 5])
    }

    @Test func beforeTheFirstRecordNothingIsMissing() {
        let series = Self.series([100, 101, 103], slots: 10)
        #expect(series.gaps == [8..<9])
    }

    @Test func intervalsInWhichNothingTradedAreNoGaps() {
        let series = Self.series([100, 101, 102], quiet: [101], slots: 3)
        #expect(series.gaps.isEmpty && series.quiet == 1 && series.candles.count == 2)
    }

    @Test func aMarketWithoutRecordsHasNoChart() {
        let series = Self.series([], slots: 60)
        #expect(series.slots == 0 && series.missing == 0)
        #expect(CandleChart(series: series, name: "x").html.text.contains("No candle"))
    }
}
