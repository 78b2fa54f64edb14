import Outbox

/// Received, stored and announced over the last half hour, and how long announcing took.
struct FlowChart {
    let flow: Flow
    /// Buckets that are put together to a point: half a minute.
    private static let grouped = 3

    private struct Point {
        var time: Int64
        var received: Double
        var stored: Double
        var announced: Double
        var lag: Double
    }

    private var points: [Point] {
        let series = flow.series
        let first = flow.now - Flow.count + 1
        return stride(from: 0, to: series.count - 1, by: Self.grouped).map { start in
            let part = series[start..<min(series.count, start + Self.grouped)]
            let seconds = Double(Int64(Self.grouped) * Flow.width)
            let sum = { (value: (Flow.Bucket) -> Int64) in Double(part.reduce(0) { $0 + value($1) }) / seconds }
            return Point(
                time: (first + Int64(start)) * Flow.width, received: sum(\.received), stored: sum(\.stored),
                announced: sum(\.announced), lag: part.map(\.lag).max() ?? 0)
        }
    }

    /// Both charts with one table of their numbers.
    var html: HTML {
        let points = points
        return """
            <div class="pair"><figure><figcaption><h2>Flow</h2><p class="legend"><span class="key received">received</span>\
            <span class="key stored">stored</span><span class="key announced">announced</span> messages a second</p></figcaption>
            \(rates(points))</figure>
            <figure><figcaption><h2>Lag</h2><p class="legend"><span class="key lag">longest from commit to confirm</span></p></figcaption>
            \(lags(points))</figure></div>
            <details class="data"><summary>The last half hour in numbers</summary>\(table(points))</details>
            """
    }

    private func rates(_ points: [Point]) -> HTML {
        let scale = Scale(points.flatMap { [$0.received, $0.stored, $0.announced] }, fromZero: true)
        let drawing: HTML = """
            <path class="area received" d="\(Chart.area(points.map(\.received), scale))"/>\
            <path class="line received" d="\(Chart.line(points.map(\.received), scale))"/>\
            <path class="line stored" d="\(Chart.line(points.map(\.stored), scale))"/>\
            <path class="line announced" d="\(Chart.line(points.map(\.announced), scale))"/>
            """
        return Chart.html(
            label: "Messages received, records stored and events announced a second, over the last half hour",
            marks: scale.marks.map(scale.text), times: times(points), drawing: drawing)
    }

    private func lags(_ points: [Point]) -> HTML {
        let scale = Scale(points.map(\.lag), fromZero: true)
        let drawing: HTML = """
            <path class="area lag" d="\(Chart.area(points.map(\.lag), scale))"/><path class="line lag" d="\(Chart.line(points.map(\.lag), scale))"/>
            """
        return Chart.html(
            label: "Longest time from commit to confirm in seconds, over the last half hour",
            marks: scale.marks.map { "\(scale.text($0)) s" }, times: times(points), drawing: drawing)
    }

    private func times(_ points: [Point]) -> [HTML] {
        guard points.count > 1 else { return [] }
        return (0...3).map { clock(points[(points.count - 1) * $0 / 3]) }
    }

    private func clock(_ point: Point) -> HTML {
        Moment.html(Figures.clock(point.time), of: point.time)
    }

    private func table(_ points: [Point]) -> HTML {
        Table.html(
            caption: "The last half hour by two minutes",
            [
                .init("from"), .init("received/s", number: true), .init("stored/s", number: true),
                .init("announced/s", number: true), .init("lag", number: true),
            ],
            stride(from: 0, to: points.count, by: 4).map { start in
                let part = points[start..<min(points.count, start + 4)]
                let mean = { (value: (Point) -> Double) in
                    HTML(Figures.rough(part.map(value).reduce(0, +) / Double(part.count)))
                }
                return [
                    clock(part[start]), mean(\.received), mean(\.stored), mean(\.announced),
                    HTML(Figures.age(part.map(\.lag).max() ?? 0)),
                ]
            }, empty: "Nothing yet.")
    }
}
