/// What charts have in common: a drawing that stretches, and labels beside it that don't.
enum Chart {
    /// The drawing's own coordinates.
    static let width = 1000.0
    static let height = 240.0

    /// - Parameters:
    ///   - label: what is to be seen, in words.
    ///   - marks: labels from top to bottom, evenly apart.
    ///   - times: labels from left to right, evenly apart.
    static func html(
        label: String, height: Double = Self.height, marks: [String], times: [HTML], drawing: HTML, kind: HTML = .none
    ) -> HTML {
        let lines = marks.indices.map { place in
            "M0 \(at: height * Double(place) / Double(max(1, marks.count - 1)))H1000" as HTML
        }
        return """
            <div class="chart \(kind)"><svg class="plot" viewBox="0 0 1000 \(at: height)" preserveAspectRatio="none" role="img" aria-label="\(label)">\
            <path class="grid" d="\(lines)"/>\(drawing)</svg>\(list("marks", marks.map { HTML($0) }))\(list("times", times))</div>
            """
    }

    private static func list(_ name: HTML, _ texts: [HTML]) -> HTML {
        HTML.when(
            !texts.isEmpty,
            "<ol class=\"\(name)\" aria-hidden=\"true\">\(texts.map { "<li>\($0)</li>" as HTML })</ol>")
    }

    /// A line through the values, which are evenly apart.
    static func line(_ values: [Double], _ scale: Scale, height: Double = Self.height) -> HTML {
        points(values, scale, height).enumerated().map { place, point in
            "\(place == 0 ? "M" : "L")\(at: point.0) \(at: point.1)" as HTML
        }.joined()
    }

    /// The area below that line.
    static func area(_ values: [Double], _ scale: Scale, height: Double = Self.height) -> HTML {
        line(values, scale, height: height) + "L1000 \(at: height)L0 \(at: height)Z"
    }

    private static func points(_ values: [Double], _ scale: Scale, _ height: Double) -> [(Double, Double)] {
        values.enumerated().map { place, value in
            (width * Double(place) / Double(max(1, values.count - 1)), scale.place(value, height: height))
        }
    }

    /// The most points of a small line: a table has a line in each row, and is to stay small.
    private static let sparkPoints = 24

    /// A small line without labels, for tables; of many values it shows every second, or third.
    static func spark(_ values: [Double], label: String) -> HTML {
        guard values.count > 1 else { return .none }
        let step = (values.count + sparkPoints - 1) / sparkPoints
        let shown = stride(from: (values.count - 1) % step, to: values.count, by: step).map { values[$0] }
        let (low, high) = (shown.min() ?? 0, shown.max() ?? 1)
        let span = max(high - low, abs(high) * 1e-9, 1e-12)
        let path = shown.enumerated().map { place, value in
            let x = 200 * place / max(1, shown.count - 1)
            return "\(place == 0 ? "M" : "L")\(x) \(Int(44 - 40 * (value - low) / span))" as HTML
        }
        let rises = (values.last ?? 0) >= (values.first ?? 0)
        return """
            <svg class="spark \(rises ? "rising" : "falling")" viewBox="0 0 200 48" preserveAspectRatio="none" role="img" \
            aria-label="\(label)"><path d="\(path)"/></svg>
            """
    }
}
