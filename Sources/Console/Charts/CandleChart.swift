/// Stored candles as candlesticks, with their volume below, and with what is missing between them.
struct CandleChart {
    private static let height = 280.0
    private static let volumeHeight = 60.0

    let series: CandleSeries
    let name: String

    var html: HTML {
        let candles = series.candles
        guard !candles.isEmpty else {
            return "<p class=\"empty\">No candle is stored for this market in this span.</p>"
        }
        let scale = Scale(candles.flatMap { [$0.low, $0.high] }, steps: 5)
        let drawing: HTML = """
            <path class="gap" d="\(gaps)"/>\
            <path class="wick up" d="\(wicks(scale, rising: true))"/><path class="wick down" d="\(wicks(scale, rising: false))"/>\
            <path class="body up" d="\(bodies(scale, rising: true))"/><path class="body down" d="\(bodies(scale, rising: false))"/>\
            <path class="cross" d=""/>
            """
        return """
            <div class="candles" data-slots="\(series.slots)">\
            \(Chart.html(label: label, height: Self.height, marks: scale.marks.map(scale.text), times: [], drawing: drawing, kind: "tall"))\
            \(Chart.html(label: "Volume of \(name)", height: Self.volumeHeight, marks: [], times: times, drawing: "<path class=\"volume\" d=\"\(volume)\"/>", kind: "low"))</div>
            """
    }

    private var label: String {
        let gaps = series.missing == 0 ? "no gaps" : "\(series.missing) intervals missing"
        return "Candlesticks of \(name): \(series.candles.count) candles, \(gaps); the numbers are in the table below"
    }

    private var slot: Double { Chart.width / Double(max(1, series.slots)) }

    private func x(_ candle: CandleSeries.Candle) -> Double { (Double(series.slot(of: candle.start)) + 0.5) * slot }

    private func y(_ value: Double, _ scale: Scale) -> Double { scale.place(value, height: Self.height) }

    private func wicks(_ scale: Scale, rising: Bool) -> [HTML] {
        series.candles.filter { $0.isRising == rising }.map { candle in
            "M\(at: x(candle)) \(at: y(candle.high, scale))V\(at: y(candle.low, scale))" as HTML
        }
    }

    private func bodies(_ scale: Scale, rising: Bool) -> [HTML] {
        let width = slot * 0.7
        return series.candles.filter { $0.isRising == rising }.map { candle in
            let top = y(max(candle.open, candle.close), scale)
            let height = max(1.2, y(min(candle.open, candle.close), scale) - top)
            return "M\(at: x(candle) - width / 2) \(at: top)h\(at: width)v\(at: height)h\(at: -width)z" as HTML
        }
    }

    private var volume: [HTML] {
        let most = series.candles.compactMap(\.volume).max() ?? 0
        guard most > 0 else { return [] }
        let width = slot * 0.7
        return series.candles.compactMap { candle in
            guard let volume = candle.volume else { return nil }
            let height = max(0.5, volume / most * (Self.volumeHeight - 2))
            return "M\(at: x(candle) - width / 2) \(at: Self.volumeHeight)v\(at: -height)h\(at: width)v\(at: height)z"
                as HTML
        }
    }

    private var gaps: [HTML] {
        series.gaps.map { gap in
            "M\(at: Double(gap.lowerBound) * slot) 0h\(at: Double(gap.count) * slot)V\(at: Self.height)h\(at: -Double(gap.count) * slot)z"
                as HTML
        }
    }

    private var times: [HTML] {
        let (first, width) = (series.first, series.width)
        let isLong = width * Int64(series.slots) > 86_400_000
        let isDaily = width >= 86_400_000
        return (0...4).map { part in
            let time = (first + width * Int64(series.slots) * Int64(part) / 4) / 1000
            return isDaily ? HTML(Figures.day(time)) : Moment.html(Figures.clock(time, withDay: isLong), of: time)
        }
    }
}
